//! Rows of a binary vector file to documents: the row's number is the `_id`.

use std::path::Path;

use gleaner_catalog::InputProgress;
use gleaner_format::{ExchangeError, FRAME_LEN_BYTES, RawRow, VectorReader};

use super::entries::{Entries, Entry, Tally};
use crate::{
    document::InputDocument,
    error::{IndexError, Place},
};

/// The rows of a file, in order, empty ones included.
pub(crate) struct VectorRows {
    reader: VectorReader,
}

impl VectorRows {
    pub(crate) fn open(path: &Path) -> Result<Self, IndexError> {
        let reader = VectorReader::open(path).map_err(|source| malformed(path, 0, source))?;
        Ok(Self { reader })
    }
}

/// Counts a row: its length and its entries, so that a checksum holds wherever the file's other
/// rows begin.
fn consume(row: RawRow<'_>, tally: &mut Tally) {
    let (postings, terms, weights) = row.parts();
    tally.consume(&postings.to_le_bytes());
    tally.consume(terms);
    tally.consume(weights);
    tally.progress.lines += 1;
}

fn malformed(path: &Path, line: u64, source: ExchangeError) -> IndexError {
    let path = path.to_path_buf();
    match source {
        ExchangeError::Io(source) => IndexError::Read { path, line, source },
        source => IndexError::Malformed { path, format: "vectors", source: source.into() },
    }
}

impl Entries for VectorRows {
    fn next(&mut self, tally: &mut Tally) -> Result<Option<Entry>, IndexError> {
        let row = self.reader.next_row();
        let row = row.map_err(|source| malformed(&tally.path, tally.progress.lines, source))?;
        let Some(row) = row else { return Ok(None) };
        let id = tally.progress.lines.to_string();
        consume(row, tally);
        Ok(Some(match row.vector() {
            Ok(vector) => Ok(InputDocument::bare(id, vector)),
            Err(error) => Err(error.to_string()),
        }))
    }

    fn pass_over(
        &mut self,
        earlier: &InputProgress,
        tally: &mut Tally,
    ) -> Result<Option<&'static str>, IndexError> {
        for line in 0..earlier.lines {
            let row = self.reader.next_row();
            match row.map_err(|source| malformed(&tally.path, line, source))? {
                Some(row) => consume(row, tally),
                None => return Ok(Some("it is shorter")),
            }
        }
        Ok(None)
    }

    fn place(&self, entries: u64) -> Place {
        Place::Row(entries.saturating_sub(1))
    }

    fn read_bytes(&self) -> u64 {
        FRAME_LEN_BYTES + self.reader.read_bytes()
    }

    fn size_bytes(&self) -> u64 {
        self.reader.size_bytes()
    }
}
