//! Lists of a CIFF file back to documents.
//!
//! The file has postings by term, the index wants them by document, so it is read more than once:
//! first to check it, to count each document's postings and to learn ids and terms; then once for
//! every so many postings, which are put into their documents in memory (eight bytes each).

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader, Read, Seek},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use gleaner_catalog::{InputProgress, check_id};
use gleaner_format::{CiffError, CiffReader, SparseVector, source::open_seekable};
use sha2::{Digest, Sha256};

use super::entries::{Entries, Entry, Tally};
use crate::{
    document::{InputDocument, Vocabulary, term_of},
    error::{IndexError, Place},
};

/// Postings held at a time: half a gigabyte of them.
const BATCH_POSTINGS: u64 = 64 << 20;

const READ_BUFFER_BYTES: usize = 1 << 20;

/// The documents of a file in the order of their numbers.
pub(crate) struct CiffRows {
    path: PathBuf,
    file: File,
    vocabulary: Option<Arc<dyn Vocabulary>>,
    documents: u64,
    size_bytes: u64,
    scan: Option<Scan>,
    batch: Batch,
    batch_postings: u64,
}

/// What the first reading finds.
struct Scan {
    /// By document.
    ids: Vec<String>,
    counts: Vec<u32>,
    /// By list.
    terms: Vec<u32>,
    hash: Sha256,
}

/// The postings of a range of documents.
#[derive(Default)]
struct Batch {
    documents: Range<usize>,
    /// Where each document's postings begin, and where the last one's end.
    starts: Vec<usize>,
    postings: Vec<(u32, i32)>,
}

/// Feeds a checksum with all that is read.
struct Hashed<'a> {
    file: &'a File,
    hash: Sha256,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

fn reader<R: Read>(input: R) -> Result<CiffReader<BufReader<R>>, CiffError> {
    CiffReader::open(BufReader::with_capacity(READ_BUFFER_BYTES, input))
}

fn bad(part: &'static str, number: u64, reason: impl Into<String>) -> CiffError {
    CiffError::Malformed { part, number, reason: reason.into() }
}

impl CiffRows {
    /// Opens a file and reads its header; the rest is read when the first document is asked for.
    pub(crate) fn open(
        path: &Path,
        vocabulary: Option<Arc<dyn Vocabulary>>,
    ) -> Result<Self, IndexError> {
        let opened = || -> Result<_, CiffError> {
            let file = open_seekable(path)?;
            let size_bytes = file.metadata()?.len();
            let documents = reader(&file)?.documents();
            // Numbers below the count become positions in memory; each document takes a byte at least.
            if documents > size_bytes {
                let reason = format!("{documents} documents in {size_bytes} bytes");
                return Err(bad("header", 0, reason));
            }
            Ok((file, documents, size_bytes))
        };
        let (file, documents, size_bytes) = opened().map_err(|source| malformed(path, source))?;
        let batch = Batch::default();
        let (path, batch_postings) = (path.to_path_buf(), BATCH_POSTINGS);
        Ok(Self {
            path,
            file,
            vocabulary,
            documents,
            size_bytes,
            scan: None,
            batch,
            batch_postings,
        })
    }

    /// Reads the whole file for the first time, unless that is done.
    fn scan(&mut self, tally: &mut Tally) -> Result<&Scan, IndexError> {
        if self.scan.is_none() {
            let scan = Scan::read(&self.file, self.vocabulary.as_deref());
            let scan = scan.map_err(|source| malformed(&self.path, source))?;
            // Every posting is needed for the first document, so all bytes count from the start.
            tally.hash = scan.hash.clone();
            tally.progress.consumed_bytes = self.size_bytes;
            self.scan = Some(scan);
        }
        Ok(self.scan.as_ref().expect("it was read just now"))
    }
}

impl Scan {
    fn read(mut file: &File, vocabulary: Option<&dyn Vocabulary>) -> Result<Self, CiffError> {
        file.rewind()?;
        let hashed = Hashed { file, hash: Sha256::new() };
        let mut input = BufReader::with_capacity(READ_BUFFER_BYTES, hashed);
        let mut reader = CiffReader::open(&mut input)?;
        let (mut counts, mut terms) = (Vec::new(), Vec::new());
        let (mut seen, mut postings) = (HashSet::new(), Vec::new());
        while let Some(token) = reader.next_list(&mut postings)? {
            let list = terms.len() as u64 + 1;
            let term = term_of(&token, vocabulary)
                .map_err(|reason| bad("postings list", list, reason.explain(&token)))?;
            if !seen.insert(term) {
                return Err(bad("postings list", list, format!("the term {token:?} again")));
            }
            terms.push(term);
            for &(document, _) in &postings {
                // Grows with what is there, not with what the header announces.
                if counts.len() <= document as usize {
                    counts.resize(document as usize + 1, 0u32);
                }
                counts[document as usize] += 1;
            }
        }
        let mut ids: Vec<Option<String>> = Vec::new();
        let mut read = 0;
        while let Some(document) = reader.next_document()? {
            read += 1;
            let number = document.number as usize;
            if ids.len() <= number {
                ids.resize(number + 1, None);
            }
            if ids[number].replace(document.id).is_some() {
                return Err(bad("document", read, format!("number {number} again")));
            }
        }
        // As many numbers as documents, each below their count and none twice: all are there.
        let ids: Vec<String> = ids.into_iter().flatten().collect();
        counts.resize(ids.len(), 0);
        Ok(Self { ids, counts, terms, hash: input.into_inner().hash })
    }

    /// The documents from `first` on whose postings are held together.
    fn batch_from(&self, first: usize, limit: u64) -> Range<usize> {
        let mut total = 0;
        let fits = |count: &&u32| {
            total += u64::from(**count);
            total <= limit
        };
        let fitting = self.counts[first..].iter().take_while(fits).count();
        first..(first + fitting.max(1)).min(self.counts.len())
    }

    /// Reads the file again for the postings of some documents.
    fn load(&self, mut file: &File, documents: Range<usize>) -> Result<Batch, CiffError> {
        let mut starts = vec![0usize];
        for &count in &self.counts[documents.clone()] {
            starts.push(starts[starts.len() - 1] + count as usize);
        }
        let mut next = starts.clone();
        let mut postings = vec![(0u32, 0i32); starts[starts.len() - 1]];
        file.rewind()?;
        let mut reader = reader(file)?;
        let (mut list, mut list_postings) = (0, Vec::new());
        let changed = || bad("file", 1, "it changed while it was read");
        while reader.next_list(&mut list_postings)?.is_some() {
            let term = *self.terms.get(list).ok_or_else(changed)?;
            list += 1;
            for &(document, weight) in &list_postings {
                if !documents.contains(&(document as usize)) {
                    continue;
                }
                let at = document as usize - documents.start;
                if next[at] == starts[at + 1] {
                    return Err(changed());
                }
                postings[next[at]] = (term, weight);
                next[at] += 1;
            }
        }
        match next[..next.len() - 1] == starts[1..] {
            true => Ok(Batch { documents, starts, postings }),
            false => Err(changed()),
        }
    }
}

fn malformed(path: &Path, source: CiffError) -> IndexError {
    let path = path.to_path_buf();
    match source {
        CiffError::Io(source) => IndexError::Read { path, line: 0, source },
        source => IndexError::Malformed { path, format: "CIFF", source: source.into() },
    }
}

impl Entries for CiffRows {
    fn next(&mut self, tally: &mut Tally) -> Result<Option<Entry>, IndexError> {
        self.scan(tally)?;
        let scan = self.scan.as_ref().expect("it was read just now");
        let document = tally.progress.lines as usize;
        let Some(id) = scan.ids.get(document) else { return Ok(None) };
        if !self.batch.documents.contains(&document) {
            self.batch = Batch::default();
            let documents = scan.batch_from(document, self.batch_postings);
            let batch = scan.load(&self.file, documents);
            self.batch = batch.map_err(|source| malformed(&self.path, source))?;
        }
        tally.progress.lines += 1;
        if let Err(reason) = check_id(id) {
            return Ok(Some(Err(reason.to_owned())));
        }
        let at = document - self.batch.documents.start;
        let postings = &self.batch.postings[self.batch.starts[at]..self.batch.starts[at + 1]];
        let pairs = postings.iter().map(|&(term, weight)| (term, weight as f32));
        Ok(Some(match SparseVector::from_pairs(pairs) {
            Ok(vector) => Ok(InputDocument::bare(id.clone(), vector)),
            Err(error) => Err(error.to_string()),
        }))
    }

    fn pass_over(
        &mut self,
        earlier: &InputProgress,
        tally: &mut Tally,
    ) -> Result<Option<&'static str>, IndexError> {
        if earlier.consumed_bytes == 0 {
            return Ok(None);
        }
        let documents = self.scan(tally)?.ids.len() as u64;
        Ok((earlier.lines > documents).then_some("it is shorter"))
    }

    fn place(&self, entries: u64) -> Place {
        Place::Row(entries.saturating_sub(1))
    }

    /// By documents, since every byte is read before the first of them.
    fn read_bytes(&self) -> u64 {
        let share = self.batch.documents.end as f64 / self.documents.max(1) as f64;
        (self.size_bytes as f64 * share) as u64
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn has_entries(&mut self, _: &mut Tally) -> Result<bool, IndexError> {
        Ok(self.documents > 0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use gleaner_format::CiffBuilder;

    use super::*;
    use crate::input::{Input, InputFile, InputKind};

    #[test]
    fn the_number_of_passes_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.ciff");
        let mut lists = CiffBuilder::new();
        for row in 0..40u32 {
            let pairs = (0..row % 7).map(|i| ((row * 5 + i * 3) % 50, 1.0 + i as f32));
            lists.push(row.to_string(), &SparseVector::from_pairs(pairs).unwrap()).unwrap();
        }
        let mut bytes = Vec::new();
        lists.write(|term| term.to_string(), "", &mut bytes).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let read = |batch_postings: u64| {
            let mut rows = CiffRows::open(&path, None).unwrap();
            rows.batch_postings = batch_postings;
            let mut tally = Input::open(&InputFile::new(&path, InputKind::Ciff)).unwrap().tally;
            let mut vectors = Vec::new();
            let mut batches = 0;
            while let Some(entry) = rows.next(&mut tally).unwrap() {
                let given = entry.unwrap();
                batches += usize::from(rows.batch.documents.start == vectors.len());
                vectors.push((given.document.id, given.vector.unwrap()));
            }
            (vectors, batches)
        };
        let (whole, batches) = read(1 << 20);
        assert_eq!((whole.len(), batches), (40, 1));
        assert_eq!(whole[39].1.terms(), &[1, 4, 45, 48]);
        assert_eq!(whole[39].1.weights(), &[300.0, 400.0, 100.0, 200.0]);
        for limit in [0, 1, 10, 50] {
            let (vectors, batches) = read(limit);
            assert!(vectors == whole && batches > 1, "{limit}");
        }
    }
}
