//! The audit behind `gleaner doctor --level full`: is every bound true?
//!
//! Recomputes columns and maxima from the rows and compares them with what the file stores. A
//! search that trusts a maximum below the truth would lose results without any other symptom.

use super::{
    columns::{Rows, invert},
    layout::Section,
    view::ImpactView,
};
use crate::{
    bytes::u64_at,
    checks::{corrupt, same},
    error::FormatError,
};

/// What an audit looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audit {
    /// Rows read.
    pub rows: usize,
    /// Postings recomputed.
    pub postings: u64,
    /// Lists whose codes, steps and maxima were compared.
    pub lists: usize,
    /// Block maxima compared.
    pub block_maxima: usize,
}

impl ImpactView<'_> {
    /// Derives all columns from the rows again and compares them byte for byte.
    ///
    /// Errors: `Corrupt` with the first section that differs and where. Cost: about 15 ns a
    /// posting on one thread; memory: five bytes a posting.
    pub fn verify(&self) -> Result<Audit, FormatError> {
        let starts = self.section(Section::RowStarts).chunks_exact(8);
        let starts: Vec<u64> = starts.map(|start| u64_at(start, 0)).collect();
        let columns = invert(Rows { starts: &starts, bytes: self.section(Section::Rows) });
        let le = |values: &[u32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        self.compare(Section::Terms, &le(&columns.term_ids))?;
        self.compare(Section::TermLists, &le(&columns.term_lists))?;
        self.compare(Section::Lists, &columns.lists)?;
        self.compare(Section::Columns, &columns.bytes)?;
        Ok(Audit {
            rows: self.rows(),
            postings: self.postings(),
            lists: self.list_count(),
            block_maxima: self.block_maxima(),
        })
    }

    fn compare(&self, section: Section, derived: &[u8]) -> Result<(), FormatError> {
        let stored = self.section(section);
        same(section.name(), "length in bytes", derived.len() as u64, stored.len() as u64)?;
        match stored.iter().zip(derived).position(|(stored, derived)| stored != derived) {
            None => Ok(()),
            Some(at) => {
                let (expected, found) = (u64::from(derived[at]), u64::from(stored[at]));
                Err(corrupt(section.name(), "recomputed byte", expected, found))
            }
        }
    }

    /// Block maxima stored in bitmap and dense lists.
    fn block_maxima(&self) -> usize {
        let lists = (0..self.terms()).flat_map(|ordinal| self.lists(ordinal));
        lists.filter_map(|list| list.column.block_max()).map(<[u8]>::len).sum()
    }
}
