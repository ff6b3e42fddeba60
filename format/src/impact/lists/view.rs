//! One list as it is lent to a search: its size, its step and its codes.

use super::form::Column;
use crate::{checks::same, error::FormatError};

/// How many weights a list has, and how large they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ListScale {
    /// Weight of one code step.
    pub step: f64,
    /// At least the largest weight.
    pub max_weight: f64,
    /// Rows that have the term.
    pub postings: usize,
}

/// One term's postings in one window.
///
/// Units: `code × step` is at least the stored weight, and exceeds it by at most `step`;
/// `max_code` is the largest code, so `max_code × step` bounds every weight of the list.
#[derive(Debug, Clone, Copy)]
pub struct ListView<'a> {
    /// Window number.
    pub window: usize,
    /// Rows that have the term.
    pub postings: usize,
    /// Weight of one code step.
    pub step: f32,
    /// Largest code.
    pub max_code: u8,
    /// The codes.
    pub column: Column<'a>,
}

impl ListView<'_> {
    /// What the search relies on without looking again: rows inside the window, codes and block
    /// maxima under their maximum, as many codes as postings.
    #[inline]
    pub(crate) fn check(&self, window_rows: usize) -> Result<(), FormatError> {
        let (codes, max_code) = self.column.check(self.postings, window_rows)?;
        same("lists", "largest code", max_code.into(), self.max_code.into())?;
        let found = codes.iter().filter(|&&code| code > 0).count() as u64;
        same("columns", "codes of a list", self.postings as u64, found)
    }
}
