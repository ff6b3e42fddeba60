//! The plain binary exchange of vectors (`docs.bin`, `queries.bin`): what benchmarks share.
//!
//! Little-endian: u64 rows, u64 postings, u32 dimension, u64 starts\[rows + 1\], u32 term
//! ids\[postings\] ascending per row, f32 weights\[postings\]. Rows keep their order, empty rows
//! included; there are no ids and no checksums. JSON forms live with the commands that use them.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::Path,
};

use crate::{
    bytes::{f32_at, u32_at, u64_at},
    error::{ExchangeError, VectorError},
    source::seekable,
    vector::SparseVector,
};

/// Bytes before the row starts.
const HEADER_LEN_BYTES: u64 = 20;

/// Bytes of a file beside its rows: the header and the last of the row starts.
pub const FRAME_LEN_BYTES: u64 = HEADER_LEN_BYTES + 8;

/// Bytes of the counts of rows and postings.
const COUNTS_LEN_BYTES: usize = 16;

/// Length beyond which counts are taken for something else: no disk has so many bytes.
const LEN_LIMIT_BYTES: u64 = 1 << 56;

/// Read ahead in each of the file's three arrays.
const READ_BUFFER_BYTES: usize = 1 << 18;

/// Writes `vectors` in the binary exchange form.
///
/// `dimension` is the vocabulary size the file states; it is raised to cover every term.
pub fn write_vectors(
    vectors: &[SparseVector],
    dimension: u32,
    out: &mut impl Write,
) -> io::Result<()> {
    let postings: u64 = vectors.iter().map(|vector| vector.len() as u64).sum();
    let needed = vectors.iter().filter_map(|vector| vector.terms().last()).max();
    let dimension = needed.map_or(dimension, |&term| dimension.max(term.saturating_add(1)));
    out.write_all(&(vectors.len() as u64).to_le_bytes())?;
    out.write_all(&postings.to_le_bytes())?;
    out.write_all(&dimension.to_le_bytes())?;
    let mut start = 0u64;
    out.write_all(&start.to_le_bytes())?;
    for vector in vectors {
        start += vector.len() as u64;
        out.write_all(&start.to_le_bytes())?;
    }
    for term in vectors.iter().flat_map(SparseVector::terms) {
        out.write_all(&term.to_le_bytes())?;
    }
    for weight in vectors.iter().flat_map(SparseVector::weights) {
        out.write_all(&weight.to_le_bytes())?;
    }
    Ok(())
}

/// Reads a whole file in the binary exchange form.
///
/// Errors: `Short`, `Foreign`, `Length` when the counts and the bytes disagree, `Starts` when row
/// bounds descend, `Vector` with the row whose entries are invalid.
pub fn read_vectors(input: &mut impl Read) -> Result<Vec<SparseVector>, ExchangeError> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    let (rows, postings) = counts(&bytes, bytes.len() as u64)?;
    let starts_at = HEADER_LEN_BYTES as usize;
    let terms_at = FRAME_LEN_BYTES as usize + rows as usize * 8;
    let weights_at = terms_at + postings as usize * 4;
    let mut vectors = Vec::with_capacity(rows as usize);
    for row in 0..rows as usize {
        let bound = |at: usize| u64_at(&bytes, at);
        let (start, end) = (bound(starts_at + row * 8), bound(starts_at + (row + 1) * 8));
        if start > end || end > postings {
            return Err(ExchangeError::Starts { row, start, end });
        }
        let postings = start as usize..end as usize;
        let terms = postings.clone().map(|at| u32_at(&bytes, terms_at + at * 4));
        let weights = postings.map(|at| f32_at(&bytes, weights_at + at * 4));
        let vector = SparseVector::from_pairs(terms.zip(weights))
            .map_err(|source| ExchangeError::Vector { row, source })?;
        vectors.push(vector);
    }
    Ok(vectors)
}

/// Why the entries of one row make no vector.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// An entry is invalid.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// A term that the file's own dimension excludes.
    #[error("term {term} lies outside the file's dimension {dimension}")]
    Dimension {
        /// The term.
        term: u32,
        /// The dimension that the file states.
        dimension: u32,
    },
    /// More entries than there are terms.
    #[error("{postings} entries, more than the file's dimension {dimension}")]
    TooLong {
        /// Entries of the row.
        postings: u64,
        /// The dimension that the file states.
        dimension: u32,
    },
}

/// A file in the binary exchange form, read row by row in bounded memory: one reader for each of
/// its three arrays, and the bytes of the row at hand.
#[derive(Debug)]
pub struct VectorReader {
    starts: BufReader<File>,
    terms: BufReader<File>,
    weights: BufReader<File>,
    rows: u64,
    postings: u64,
    dimension: u32,
    next: u64,
    end: u64,
    term_bytes: Vec<u8>,
    weight_bytes: Vec<u8>,
}

/// One row as it lies in the file.
#[derive(Debug, Clone, Copy)]
pub struct RawRow<'a> {
    /// Entries that the file gives the row; none of them are here if they are too many.
    postings: u64,
    terms: &'a [u8],
    weights: &'a [u8],
    dimension: u32,
}

impl VectorReader {
    /// Opens a file and holds its counts to its length. A packed file is unpacked first.
    ///
    /// Errors: `Short`, `Foreign`, `Length` when counts and length disagree, `Starts` when the row
    /// bounds do not begin with the first posting or end with the last.
    pub fn open(path: &Path) -> Result<Self, ExchangeError> {
        let [mut file, last, starts, terms, weights] = seekable(path)?;
        let found = file.metadata()?.len();
        let mut head = Vec::new();
        (&mut file).take(HEADER_LEN_BYTES).read_to_end(&mut head)?;
        let (rows, postings) = counts(&head, found)?;
        if (head.len() as u64) < HEADER_LEN_BYTES {
            // It shrank while it was opened.
            return Err(ExchangeError::Short { found: head.len() as u64 });
        }
        let dimension = u32_at(&head, 16);
        let reader_at = |mut file: File, offset: u64| -> io::Result<BufReader<File>> {
            file.seek(SeekFrom::Start(offset))?;
            Ok(BufReader::with_capacity(READ_BUFFER_BYTES, file))
        };
        let terms_at = HEADER_LEN_BYTES + (rows + 1) * 8;
        let last = read_u64(&mut reader_at(last, terms_at - 8)?)?;
        let mut reader = Self {
            starts: reader_at(starts, HEADER_LEN_BYTES)?,
            terms: reader_at(terms, terms_at)?,
            weights: reader_at(weights, terms_at + postings * 4)?,
            rows,
            postings,
            dimension,
            next: 0,
            end: 0,
            term_bytes: Vec::new(),
            weight_bytes: Vec::new(),
        };
        let first = read_u64(&mut reader.starts)?;
        if first != 0 || last != postings {
            let row = if first != 0 { 0 } else { rows.saturating_sub(1) as usize };
            return Err(ExchangeError::Starts { row, start: first, end: last });
        }
        Ok(reader)
    }

    /// Bytes of the whole file, unpacked.
    pub fn size_bytes(&self) -> u64 {
        FRAME_LEN_BYTES + self.rows * 8 + self.postings * 8
    }

    /// Rows of the file.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of the rows read so far: a start, and eight bytes a posting.
    pub fn read_bytes(&self) -> u64 {
        self.next * 8 + self.end * 8
    }

    /// The next row, or nothing after the last.
    ///
    /// Errors: `Starts` when its bounds descend or pass the end; `Io`.
    pub fn next_row(&mut self) -> Result<Option<RawRow<'_>>, ExchangeError> {
        if self.next == self.rows {
            return Ok(None);
        }
        let (start, end) = (self.end, read_u64(&mut self.starts)?);
        if start > end || end > self.postings {
            return Err(ExchangeError::Starts { row: self.next as usize, start, end });
        }
        self.next += 1;
        self.end = end;
        let (postings, dimension) = (end - start, self.dimension);
        if postings > u64::from(dimension) {
            // Passed over, so that a bound that lies costs no memory.
            let bytes = i64::try_from(postings * 4).map_err(io::Error::other)?;
            self.terms.seek_relative(bytes)?;
            self.weights.seek_relative(bytes)?;
            return Ok(Some(RawRow { postings, terms: &[], weights: &[], dimension }));
        }
        self.term_bytes.resize(postings as usize * 4, 0);
        self.weight_bytes.resize(postings as usize * 4, 0);
        self.terms.read_exact(&mut self.term_bytes)?;
        self.weights.read_exact(&mut self.weight_bytes)?;
        let (terms, weights) = (&self.term_bytes, &self.weight_bytes);
        Ok(Some(RawRow { postings, terms, weights, dimension }))
    }
}

impl<'a> RawRow<'a> {
    /// Number of entries, the bytes of the term ids and those of the weights: what tells whether
    /// a row is still the one that was read before.
    pub fn parts(&self) -> (u64, &'a [u8], &'a [u8]) {
        (self.postings, self.terms, self.weights)
    }

    /// The row's vector; entries may be in any order, zero weights are dropped.
    ///
    /// Errors: `TooLong`, `Dimension`, `Vector`.
    pub fn vector(&self) -> Result<SparseVector, RowError> {
        let (postings, dimension) = (self.postings, self.dimension);
        if postings > u64::from(dimension) {
            return Err(RowError::TooLong { postings, dimension });
        }
        let words = |bytes: &'a [u8]| {
            bytes.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]])
        };
        let terms = || words(self.terms).map(u32::from_le_bytes);
        let weights = || words(self.weights).map(f32::from_le_bytes);
        let vector = match SparseVector::new(terms().collect(), weights().collect()) {
            Err(VectorError::Order { .. } | VectorError::Zero { .. }) => {
                SparseVector::from_pairs(terms().zip(weights()))?
            }
            other => other?,
        };
        match vector.terms().last() {
            Some(&term) if term >= dimension => Err(RowError::Dimension { term, dimension }),
            _ => Ok(vector),
        }
    }
}

fn read_u64(input: &mut impl Read) -> io::Result<u64> {
    let mut word = [0u8; 8];
    input.read_exact(&mut word)?;
    Ok(u64::from_le_bytes(word))
}

/// Rows and postings of a file of `found` bytes that begins with `head`, its header or more of it.
fn counts(head: &[u8], found: u64) -> Result<(u64, u64), ExchangeError> {
    if head.len() < COUNTS_LEN_BYTES {
        return Err(ExchangeError::Short { found });
    }
    let (rows, postings) = (u64_at(head, 0), u64_at(head, 8));
    match expected_len(rows, postings) {
        None => Err(ExchangeError::Foreign { rows, postings }),
        Some(expected) if expected != found => Err(ExchangeError::Length { expected, found }),
        Some(_) => Ok((rows, postings)),
    }
}

/// Length of a file of so many rows and postings; nothing if there can be none.
fn expected_len(rows: u64, postings: u64) -> Option<u64> {
    let len =
        rows.checked_mul(8)?.checked_add(postings.checked_mul(8)?)?.checked_add(FRAME_LEN_BYTES)?;
    (len <= LEN_LIMIT_BYTES).then_some(len)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reading_inverts_writing_and_damage_is_named() {
        let rows = [
            SparseVector::from_pairs([(3, 1.5), (70_000, 0.25)]).unwrap(),
            SparseVector::default(),
            SparseVector::from_pairs([(0, 2.0)]).unwrap(),
        ];
        let mut file = Vec::new();
        write_vectors(&rows, 10, &mut file).unwrap();
        assert_eq!(read_vectors(&mut &file[..]).unwrap(), rows);
        for cut in 0..file.len() {
            assert!(is_cut(&read_vectors(&mut &file[..cut]).unwrap_err(), cut, file.len()));
        }
        let mut negative = file.clone();
        let last = negative.len() - 1;
        negative[last] |= 0x80;
        assert!(matches!(
            read_vectors(&mut &negative[..]),
            Err(ExchangeError::Vector { row: 2, .. })
        ));
    }

    /// Whether an error says of a file that it was cut, and names its true length where it is known.
    fn is_cut(error: &ExchangeError, cut: usize, whole: usize) -> bool {
        match *error {
            ExchangeError::Short { found } => cut < 16 && found == cut as u64,
            ExchangeError::Length { expected, found } => {
                cut >= 16 && (expected, found) == (whole as u64, cut as u64)
            }
            _ => false,
        }
    }

    fn streamed(bytes: &[u8]) -> Result<Vec<Result<SparseVector, RowError>>, ExchangeError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.bin");
        std::fs::write(&path, bytes).unwrap();
        let mut reader = VectorReader::open(&path)?;
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row()? {
            rows.push(row.vector());
        }
        assert_eq!(reader.read_bytes() + FRAME_LEN_BYTES, bytes.len() as u64);
        Ok(rows)
    }

    fn file(dimension: u32, starts: &[u64], entries: &[(u32, f32)]) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend((starts.len() as u64 - 1).to_le_bytes());
        out.extend((entries.len() as u64).to_le_bytes());
        out.extend(dimension.to_le_bytes());
        starts.iter().for_each(|start| out.extend(start.to_le_bytes()));
        entries.iter().for_each(|entry| out.extend(entry.0.to_le_bytes()));
        entries.iter().for_each(|entry| out.extend(entry.1.to_le_bytes()));
        out
    }

    #[test]
    fn streaming_reads_what_was_written_and_names_bad_rows() {
        let bytes = file(10, &[0, 2, 2, 4], &[(3, 1.5), (7, 0.25), (9, 2.0), (1, 0.0)]);
        let rows: Vec<SparseVector> = streamed(&bytes).unwrap().into_iter().flatten().collect();
        assert_eq!(rows, read_vectors(&mut &bytes[..]).unwrap());
        assert_eq!((rows[1].len(), rows[2].terms()), (0, &[9][..]), "zeros are dropped");
        let row = |entries: &[(u32, f32)]| {
            let mut entries = entries.to_vec();
            entries.push((5, 1.0));
            let len = entries.len() as u64;
            let rows = streamed(&file(10, &[0, len - 1, len], &entries)).unwrap();
            assert!(rows[1].is_ok(), "the row after a bad one is read");
            rows[0].clone().unwrap_err().to_string()
        };
        assert!(row(&[(1, f32::NAN)]).contains("not finite"));
        assert!(row(&[(1, f32::INFINITY)]).contains("not finite"));
        assert!(row(&[(1, -1.0)]).contains("negative"));
        assert!(row(&[(1, 2e12)]).contains("2^40"));
        assert!(row(&[(1, 1.0), (1, 2.0)]).contains("term 1 "));
        assert!(row(&[(10, 1.0)]).contains("dimension 10"));
        assert!(row(&[(1, 1.0); 11]).contains("11 entries"));
    }

    #[test]
    fn streaming_refuses_files_that_contradict_themselves() {
        let bytes = file(10, &[0, 1, 2], &[(3, 1.5), (7, 0.25)]);
        for cut in 0..bytes.len() {
            assert!(is_cut(&streamed(&bytes[..cut]).unwrap_err(), cut, bytes.len()), "{cut}");
        }
        let mut lying = bytes.clone();
        lying[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(streamed(&lying), Err(ExchangeError::Foreign { rows: u64::MAX, .. })));
        let text = b"{\"id\": 1, \"vector\": {\"1\": 0.5}}\n";
        assert!(matches!(streamed(text), Err(ExchangeError::Foreign { .. })));
        for starts in [[1, 1, 2], [0, 3, 2], [0, 1, 1], [0, u64::MAX, 2]] {
            let bytes = file(10, &starts, &[(3, 1.5), (7, 0.25)]);
            assert!(matches!(streamed(&bytes), Err(ExchangeError::Starts { .. })), "{starts:?}");
        }
    }
}
