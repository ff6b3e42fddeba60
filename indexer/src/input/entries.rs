//! What all formats have in common: a file is read entry by entry, and every byte of it is counted.

use std::{io, path::PathBuf};

use gleaner_catalog::InputProgress;
use sha2::{Digest, Sha256};

use crate::{
    document::InputDocument,
    error::{IndexError, Place},
};

/// What one line or row says, or why it cannot be taken.
pub(crate) type Entry = Result<InputDocument, String>;

/// A file of one format, read entry by entry.
pub(crate) trait Entries: Send {
    /// The next entry, counted in `tally`; `None` at the end.
    fn next(&mut self, tally: &mut Tally) -> Result<Option<Entry>, IndexError>;

    /// Goes to where an earlier run stopped, with the checksum in `tally`; or says at once what
    /// has changed.
    fn pass_over(
        &mut self,
        earlier: &InputProgress,
        tally: &mut Tally,
    ) -> Result<Option<&'static str>, IndexError>;

    /// Where the last of so many entries is.
    fn place(&self, entries: u64) -> Place;

    /// Bytes read from the file itself so far, for estimates: compressed bytes of a gzip file.
    fn read_bytes(&self) -> u64;

    /// Bytes of the file itself, in the measure of `read_bytes`; 0 where nobody knows.
    fn size_bytes(&self) -> u64;

    /// Whether there is anything to read; what is read for this is lost.
    fn has_entries(&mut self, tally: &mut Tally) -> Result<bool, IndexError> {
        Ok(self.next(tally)?.is_some())
    }
}

/// How far a file was read.
pub(crate) struct Tally {
    pub(crate) path: PathBuf,
    pub(crate) progress: InputProgress,
    pub(crate) hash: Sha256,
    /// Lines that are blank; not those that an earlier run read.
    pub(crate) blank: u64,
}

impl Tally {
    /// Counts bytes that became entries.
    pub(crate) fn consume(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.progress.consumed_bytes += bytes.len() as u64;
    }

    /// The error for a file that cannot be read on.
    pub(crate) fn unreadable(&self, source: io::Error) -> IndexError {
        IndexError::Read { path: self.path.clone(), line: self.progress.lines, source }
    }
}
