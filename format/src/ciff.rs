//! The Common Index File Format: how inverted indexes travel between engines.
//!
//! A file is a run of protobuf messages, each after its length: a header, a postings list per term,
//! a record per document (Lin and others, 2020, arXiv:2003.08276). Documents of a list are written
//! as gaps, the first as it is; weights are integers. The few rules of protobuf that this needs are
//! here; resolving terms to ids and turning lists back into documents is the reader's caller's.

use std::io::{self, BufRead, Read, Write};

use crate::vector::SparseVector;

/// What weights are multiplied by before they are rounded to the integers of the format.
const SCALE: f64 = 100.0;

/// The version of the format that is read and written.
const VERSION: i64 = 1;

/// Longest message that is read: a list of some two hundred million postings.
const MESSAGE_LIMIT_BYTES: u64 = 1 << 31;

/// Why a file is not sound CIFF.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CiffError {
    /// The file could not be read.
    #[error("cannot read the file")]
    Io(#[from] io::Error),
    /// The file ends inside a message, or before all that its header announces.
    #[error("the file ends in {part} {number} of {expected}")]
    Truncated {
        /// Which kind of message.
        part: &'static str,
        /// Its number, from 1.
        number: u64,
        /// How many there should be.
        expected: u64,
    },
    /// A message breaks the format.
    #[error("{part} {number}: {reason}")]
    Malformed {
        /// Which kind of message.
        part: &'static str,
        /// Its number, from 1.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// There is more after the last document.
    #[error("there are bytes after the last of {documents} documents")]
    Longer {
        /// Documents announced.
        documents: u64,
    },
}

/// Reads a file message by message: lists first, then documents.
#[derive(Debug)]
pub struct CiffReader<R> {
    input: R,
    lists: u64,
    documents: u64,
    lists_read: u64,
    documents_read: u64,
    message: Vec<u8>,
    consumed_bytes: u64,
}

/// A record of the file's last part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiffDocument {
    /// The number that postings refer to it by.
    pub number: u32,
    /// Its identifier in the collection.
    pub id: String,
}

impl<R: BufRead> CiffReader<R> {
    /// Reads the header.
    ///
    /// Errors: `Truncated`, `Malformed`, `Io`.
    pub fn open(input: R) -> Result<Self, CiffError> {
        let mut reader = Self {
            input,
            lists: 0,
            documents: 0,
            lists_read: 0,
            documents_read: 0,
            message: Vec::new(),
            consumed_bytes: 0,
        };
        let malformed = |reason| CiffError::Malformed { part: "header", number: 1, reason };
        reader.read_message("header", 1, 1)?;
        let (mut version, mut lists, mut documents) = (0, 0, 0);
        for_each_field(&reader.message, |field, value| {
            match (field, value) {
                (1, Value::Number(number)) => version = number as i64,
                (2, Value::Number(number)) => lists = number as i64,
                (3, Value::Number(number)) => documents = number as i64,
                _ => {}
            }
            Ok(())
        })
        .map_err(malformed)?;
        if version != VERSION {
            return Err(malformed(format!("version {version}; this build reads {VERSION}")));
        }
        let count =
            |number: i64| u32::try_from(number).ok().filter(|&count| i32::try_from(count).is_ok());
        match (count(lists), count(documents)) {
            (Some(lists), Some(documents)) => {
                (reader.lists, reader.documents) = (lists.into(), documents.into());
                Ok(reader)
            }
            _ => Err(malformed(format!("{lists} lists, {documents} documents"))),
        }
    }

    /// Documents that the header announces.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// Bytes read so far.
    pub fn consumed_bytes(&self) -> u64 {
        self.consumed_bytes
    }

    /// The next list: its term, and `(document, weight)` into `postings`, documents ascending.
    /// Nothing after the last.
    ///
    /// Errors: `Truncated`; `Malformed` when documents do not ascend or are not those of the
    /// header, or when the list has another length than it says; `Io`.
    pub fn next_list(
        &mut self,
        postings: &mut Vec<(u32, i32)>,
    ) -> Result<Option<String>, CiffError> {
        if self.lists_read == self.lists {
            return Ok(None);
        }
        self.lists_read += 1;
        let (part, number) = ("postings list", self.lists_read);
        self.read_message(part, number, self.lists)?;
        parse_list(&self.message, self.documents, postings)
            .map(Some)
            .map_err(|reason| CiffError::Malformed { part, number, reason })
    }

    /// The next document's record; nothing after the last, which must be the end of the file.
    ///
    /// Errors: `Truncated`, `Malformed`, `Longer`, `Io`. Panics: if lists are left to read.
    pub fn next_document(&mut self) -> Result<Option<CiffDocument>, CiffError> {
        assert_eq!(self.lists_read, self.lists, "documents come after all lists");
        if self.documents_read == self.documents {
            return match self.input.fill_buf()? {
                [] => Ok(None),
                _ => Err(CiffError::Longer { documents: self.documents }),
            };
        }
        self.documents_read += 1;
        let (part, number) = ("document", self.documents_read);
        self.read_message(part, number, self.documents)?;
        parse_document(&self.message, self.documents)
            .map(Some)
            .map_err(|reason| CiffError::Malformed { part, number, reason })
    }

    /// Reads the next message whole.
    fn read_message(
        &mut self,
        part: &'static str,
        number: u64,
        expected: u64,
    ) -> Result<(), CiffError> {
        let malformed =
            |reason: &str| CiffError::Malformed { part, number, reason: reason.to_owned() };
        let (mut length, mut shift) = (0u64, 0);
        loop {
            let mut byte = [0u8];
            if self.input.read(&mut byte)? == 0 {
                return Err(CiffError::Truncated { part, number, expected });
            }
            self.consumed_bytes += 1;
            length |= u64::from(byte[0] & 0x7f) << shift;
            shift += 7;
            match byte[0] & 0x80 {
                0 => break,
                _ if shift > 28 => return Err(malformed("its length is no 32-bit number")),
                _ => {}
            }
        }
        if length > MESSAGE_LIMIT_BYTES {
            return Err(malformed("it is longer than 2 GiB"));
        }
        self.message.clear();
        // Memory grows with what is there, not with what is announced.
        let read = (&mut self.input).take(length).read_to_end(&mut self.message)? as u64;
        self.consumed_bytes += read;
        match read == length {
            true => Ok(()),
            false => Err(CiffError::Truncated { part, number, expected }),
        }
    }
}

fn parse_list(
    message: &[u8],
    documents: u64,
    postings: &mut Vec<(u32, i32)>,
) -> Result<String, String> {
    let (mut term, mut announced) = (String::new(), 0i64);
    let mut document = 0u64;
    postings.clear();
    for_each_field(message, |field, value| {
        match (field, value) {
            (1, Value::Bytes(bytes)) => term = utf8(bytes)?,
            (2, Value::Number(number)) => announced = number as i64,
            (4, Value::Bytes(bytes)) => {
                let (gap, weight) = parse_posting(bytes)?;
                let gap = u64::try_from(gap).map_err(|_| format!("the gap {gap}"))?;
                if gap == 0 && !postings.is_empty() {
                    return Err(format!("document {document} twice"));
                }
                document += gap;
                if document >= documents {
                    return Err(format!("document {document} of {documents}"));
                }
                postings.push((document as u32, weight));
            }
            _ => {}
        }
        Ok(())
    })
    .map_err(|reason| format!("term {term:?}: {reason}"))?;
    if announced != postings.len() as i64 {
        return Err(format!("term {term:?}: {} postings, said {announced}", postings.len()));
    }
    Ok(term)
}

/// The gap and the weight.
fn parse_posting(message: &[u8]) -> Result<(i32, i32), String> {
    let mut posting = (0, 0);
    for_each_field(message, |field, value| {
        match (field, value) {
            (1, Value::Number(number)) => posting.0 = number as i32,
            (2, Value::Number(number)) => posting.1 = number as i32,
            _ => {}
        }
        Ok(())
    })?;
    Ok(posting)
}

fn parse_document(message: &[u8], documents: u64) -> Result<CiffDocument, String> {
    let (mut number, mut id) = (0i64, String::new());
    for_each_field(message, |field, value| {
        match (field, value) {
            (1, Value::Number(found)) => number = found as i64,
            (2, Value::Bytes(bytes)) => id = utf8(bytes)?,
            _ => {}
        }
        Ok(())
    })?;
    match u32::try_from(number) {
        Ok(number) if u64::from(number) < documents => Ok(CiffDocument { number, id }),
        _ => Err(format!("document {number} of {documents}")),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "text that is not UTF-8".to_owned())
}

/// A field's value; those of fixed width are not used by the format's parts that matter here.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// Shows every field of a message to `visit`, unknown ones included.
fn for_each_field<'a>(
    mut message: &'a [u8],
    mut visit: impl FnMut(u64, Value<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let short = || "it ends inside a field".to_owned();
    let skip = |message: &mut &'a [u8], count: u64| -> Result<&'a [u8], String> {
        let count = usize::try_from(count).map_err(|_| short())?;
        let (bytes, rest) = message.split_at_checked(count).ok_or_else(short)?;
        *message = rest;
        Ok(bytes)
    };
    while !message.is_empty() {
        let key = varint(&mut message).ok_or_else(short)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut message).ok_or_else(short)?),
            1 => skip(&mut message, 8).map(|_| Value::Other)?,
            2 => {
                let length = varint(&mut message).ok_or_else(short)?;
                Value::Bytes(skip(&mut message, length)?)
            }
            5 => skip(&mut message, 4).map(|_| Value::Other)?,
            kind => return Err(format!("a field of unknown kind {kind}")),
        };
        visit(key >> 3, value)?;
    }
    Ok(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Collects documents and writes them as lists, each weight as `round(100 × weight)`; those that
/// round to 0 are left out.
///
/// Memory: eight bytes a posting and the ids, twice that for postings while writing.
#[derive(Debug, Default)]
pub struct CiffBuilder {
    ids: Vec<String>,
    ends: Vec<usize>,
    terms: Vec<u32>,
    weights: Vec<i32>,
}

impl CiffBuilder {
    /// A builder without documents.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a document. Errors: the term whose weight is beyond the format's integers, or more
    /// documents than they number.
    pub fn push(&mut self, id: String, vector: &SparseVector) -> Result<(), String> {
        if i32::try_from(self.ids.len() + 1).is_err() {
            return Err("more than 2,147,483,647 documents".to_owned());
        }
        for (term, weight) in vector.iter() {
            let scaled = (f64::from(weight) * SCALE).round();
            if scaled > f64::from(i32::MAX) {
                return Err(format!("document {id}: term {term}: weight {weight} is too large"));
            }
            if scaled >= 1.0 {
                self.terms.push(term);
                self.weights.push(scaled as i32);
            }
        }
        self.ids.push(id);
        self.ends.push(self.terms.len());
        Ok(())
    }

    /// Writes the file; `name` is a term's text. Lists are in the order of their texts' bytes.
    ///
    /// Errors: the writer's.
    pub fn write(
        &self,
        name: impl Fn(u32) -> String,
        description: &str,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let lists = self.invert();
        let mut named: Vec<(String, &[(u32, i32)])> =
            lists.iter().map(|(term, list)| (name(*term), &list[..])).collect();
        named.sort();
        let total: i64 = self.weights.iter().map(|&weight| i64::from(weight)).sum();
        write_message(out, &self.header(named.len(), total, description))?;
        for (term, list) in named {
            write_message(out, &list_message(&term, list))?;
        }
        let mut start = 0;
        for (number, (id, &end)) in self.ids.iter().zip(&self.ends).enumerate() {
            let length: i64 =
                self.weights[start..end].iter().map(|&weight| i64::from(weight)).sum();
            let mut message = Vec::new();
            put_number(&mut message, 1, number as u64);
            put_bytes(&mut message, 2, id.as_bytes());
            // The length is a sum of weights: only its size is bounded by the format.
            put_number(&mut message, 3, length.min(i64::from(i32::MAX)) as u64);
            write_message(out, &message)?;
            start = end;
        }
        Ok(())
    }

    fn header(&self, lists: usize, total: i64, description: &str) -> Vec<u8> {
        let (lists, documents) = (lists as u64, self.ids.len() as u64);
        let mut message = Vec::new();
        put_number(&mut message, 1, VERSION as u64);
        for (field, count) in [(2, lists), (3, documents), (4, lists), (5, documents)] {
            put_number(&mut message, field, count);
        }
        put_number(&mut message, 6, total as u64);
        put_varint(&mut message, 7 << 3 | 1);
        message.extend((total as f64 / documents.max(1) as f64).to_le_bytes());
        put_bytes(&mut message, 8, description.as_bytes());
        message
    }

    /// `(document, weight)` per term, terms and documents ascending.
    fn invert(&self) -> Vec<(u32, Vec<(u32, i32)>)> {
        let mut distinct = self.terms.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let mut lists: Vec<(u32, Vec<(u32, i32)>)> =
            distinct.into_iter().map(|term| (term, Vec::new())).collect();
        let mut start = 0;
        for (document, &end) in self.ends.iter().enumerate() {
            for (term, weight) in self.terms[start..end].iter().zip(&self.weights[start..end]) {
                let at = lists.partition_point(|list| list.0 < *term);
                lists[at].1.push((document as u32, *weight));
            }
            start = end;
        }
        lists
    }
}

fn list_message(term: &str, list: &[(u32, i32)]) -> Vec<u8> {
    let mut message = Vec::new();
    put_bytes(&mut message, 1, term.as_bytes());
    put_number(&mut message, 2, list.len() as u64);
    put_number(&mut message, 3, list.iter().map(|posting| posting.1 as u64).sum());
    let mut before = 0;
    let mut posting = Vec::new();
    for &(document, weight) in list {
        posting.clear();
        put_number(&mut posting, 1, u64::from(document - before));
        put_number(&mut posting, 2, weight as u64);
        put_bytes(&mut message, 4, &posting);
        before = document;
    }
    message
}

fn write_message(out: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let mut length = Vec::new();
    put_varint(&mut length, message.len() as u64);
    out.write_all(&length)?;
    out.write_all(message)
}

/// A number; 0 is what an absent field means.
fn put_number(out: &mut Vec<u8>, field: u64, number: u64) {
    if number != 0 {
        put_varint(out, field << 3);
        put_varint(out, number);
    }
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    type Lists = Vec<(String, Vec<(u32, i32)>)>;

    fn read(bytes: &[u8]) -> Result<(Lists, Vec<CiffDocument>), CiffError> {
        let mut reader = CiffReader::open(bytes)?;
        let (mut lists, mut documents, mut postings) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(term) = reader.next_list(&mut postings)? {
            lists.push((term, postings.clone()));
        }
        while let Some(document) = reader.next_document()? {
            documents.push(document);
        }
        assert_eq!(reader.consumed_bytes(), bytes.len() as u64);
        Ok((lists, documents))
    }

    fn sample() -> Vec<u8> {
        let mut builder = CiffBuilder::new();
        for (id, pairs) in [("a", vec![(7, 1.5), (9, 0.001)]), ("b", vec![]), ("c", vec![(7, 2.0)])]
        {
            builder.push(id.to_owned(), &SparseVector::from_pairs(pairs).unwrap()).unwrap();
        }
        let mut bytes = Vec::new();
        builder.write(|term| term.to_string(), "test", &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn reading_inverts_writing_up_to_rounding() {
        let (lists, documents) = read(&sample()).unwrap();
        assert_eq!(lists, [("7".to_owned(), vec![(0, 150), (2, 200)])]);
        let ids: Vec<&str> = documents.iter().map(|document| &document.id[..]).collect();
        assert_eq!((ids, documents[2].number), (vec!["a", "b", "c"], 2));
    }

    #[test]
    fn the_bytes_are_protobuf_as_specified() {
        let mut builder = CiffBuilder::new();
        builder.push("d".to_owned(), &SparseVector::from_pairs([(5, 3.0)]).unwrap()).unwrap();
        let mut bytes = Vec::new();
        builder.write(|_| "t".to_owned(), "", &mut bytes).unwrap();
        // Posting: docid 0 is absent, tf 300 is two bytes; the list says df 1 and cf 300.
        let list = [0x0a, 1, b't', 0x10, 1, 0x18, 0xac, 2, 0x22, 3, 0x10, 0xac, 2];
        let at = bytes.windows(list.len()).position(|window| window == list).unwrap();
        assert_eq!(bytes[at - 1] as usize, list.len());
        assert_eq!(&bytes[at + list.len()..], [6, 0x12, 1, b'd', 0x18, 0xac, 2]);
    }

    #[test]
    fn truncated_and_extended_files_are_refused() {
        let bytes = sample();
        for cut in 0..bytes.len() {
            assert!(matches!(read(&bytes[..cut]), Err(CiffError::Truncated { .. })), "{cut}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(read(&longer), Err(CiffError::Longer { documents: 3 })));
    }

    #[test]
    fn damaged_bytes_are_an_error_or_another_file_but_never_a_panic() {
        let bytes = sample();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                let _ = read(&damaged);
            }
        }
    }

    /// A file of one list with the postings given, over `documents` documents.
    fn one_list(announced: u64, postings: &[(i64, i64)], documents: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let mut header = Vec::new();
        for (field, number) in [(1, 1), (2, 1), (3, documents)] {
            put_number(&mut header, field, number);
        }
        write_message(&mut out, &header).unwrap();
        let mut list = Vec::new();
        put_bytes(&mut list, 1, b"t");
        put_number(&mut list, 2, announced);
        for &(gap, weight) in postings {
            let mut posting = Vec::new();
            put_number(&mut posting, 1, gap as u64);
            put_number(&mut posting, 2, weight as u64);
            put_bytes(&mut list, 4, &posting);
        }
        write_message(&mut out, &list).unwrap();
        for number in 0..documents {
            let mut document = Vec::new();
            put_number(&mut document, 1, number);
            put_bytes(&mut document, 2, format!("d{number}").as_bytes());
            write_message(&mut out, &document).unwrap();
        }
        out
    }

    #[test]
    fn lists_that_contradict_themselves_are_refused_by_name() {
        let says = |file: Vec<u8>, reason: &str| {
            let found = read(&file).unwrap_err().to_string();
            assert!(found.contains(reason), "{found:?} should say {reason:?}");
        };
        let (lists, _) = read(&one_list(2, &[(1, 5), (2, -3)], 4)).unwrap();
        assert_eq!(lists[0].1, [(1, 5), (3, -3)]);
        says(one_list(3, &[(1, 5), (2, 3)], 4), "2 postings, said 3");
        says(one_list(2, &[(1, 5), (0, 3)], 4), "document 1 twice");
        says(one_list(2, &[(3, 5), (-1, 3)], 4), "the gap -1");
        says(one_list(1, &[(4, 5)], 4), "document 4 of 4");
        says(vec![2, 0x08, 9], "version 9");
        says(vec![0xff, 0xff, 0xff, 0xff, 0xff], "32-bit");
        says(vec![1, 0x08], "it ends inside a field");
        says(vec![2, 0x0b, 0], "unknown kind 3");
    }
}
