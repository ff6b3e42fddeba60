//! Reading CIFF: message by message, in bounded memory, nothing believed that is not there.

use std::io::{self, BufRead, Read};

use super::protobuf::{Value, for_each_field};

/// The version of the format that is read and written.
pub(super) const VERSION: i64 = 1;

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
