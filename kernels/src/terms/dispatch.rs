//! Which instruction set matches terms: the query's number of terms decides, too.

#[cfg(target_arch = "x86_64")]
use super::avx512;
use super::scalar::{self, TermFilter};
use crate::level::{Kernels, Level};

/// Terms of a row that are looked up one after the other in the time it takes to find one of the
/// query's.
#[cfg(target_arch = "x86_64")]
const ROW_TERMS_PER_QUERY_TERM: usize = 4;

impl Kernels {
    /// Finds the terms of a row that may belong to a query.
    ///
    /// Shapes: `terms` the query's, ascending; `filter` one bit for each of them, at its residue
    /// modulo 65,536; `lows` one byte per term of the row, `highs` the bit vector of their high
    /// parts (bit `b`, the `i`-th that is set, makes term `i` `(b − i) × 256 + low`). Writes
    /// `position << 32 | term`, ascending, for every term of the row that the query has, and
    /// perhaps for others with the residue of one; returns how many.
    ///
    /// Panics: unless `found` holds one entry more than the row or the query has terms, whichever
    /// is more.
    #[allow(unsafe_code)]
    pub fn match_terms(
        self,
        (terms, filter): (&[u32], &TermFilter),
        lows: &[u8],
        highs: &[u8],
        found: &mut [u64],
    ) -> usize {
        assert!(found.len() > lows.len().max(terms.len()), "room to write, once in vain");
        match self.0 {
            // SAFETY: `available`, the only place that makes this level, asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if terms.len() * ROW_TERMS_PER_QUERY_TERM <= lows.len() => unsafe {
                avx512::match_terms(terms, lows, highs, found)
            },
            _ => scalar::match_terms(lows, highs, filter, found),
        }
    }
}
