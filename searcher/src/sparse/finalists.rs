//! One row's score, fast: the oracle's sum by way of a table of the query's terms.

use gleaner_format::{RowView, SparseVector};
use gleaner_kernels::{Kernels, TermFilter};

use crate::sparse::exhaustive;

/// Residues of term ids that the filter and the table tell apart.
const RESIDUES: usize = 1 << 16;

/// Scores rows against one query. All tables are zero between queries.
pub(crate) struct RowScorer {
    kernels: Kernels,
    /// One bit per residue of a query term's id.
    filter: Box<TermFilter>,
    /// Position in the query of the term with this residue.
    slots: Vec<u16>,
    found: Vec<u64>,
    /// Whether two query terms share a residue, so that the table cannot tell them apart.
    is_ambiguous: bool,
}

impl RowScorer {
    pub(crate) fn new(kernels: Kernels) -> Self {
        Self {
            kernels,
            filter: Box::new([0; RESIDUES / 64]),
            slots: vec![0; RESIDUES],
            found: Vec::new(),
            is_ambiguous: false,
        }
    }

    /// Fills the tables; [`RowScorer::clear`] must follow before the next query.
    pub(crate) fn prepare(&mut self, query: &SparseVector) {
        self.is_ambiguous = false;
        for (slot, &term) in query.terms().iter().enumerate() {
            let residue = term as usize % RESIDUES;
            let word = &mut self.filter[residue / 64];
            self.is_ambiguous |= *word >> (residue % 64) & 1 == 1;
            *word |= 1 << (residue % 64);
            self.slots[residue] = slot as u16;
        }
    }

    pub(crate) fn clear(&mut self, query: &SparseVector) {
        for &term in query.terms() {
            self.filter[term as usize % RESIDUES / 64] = 0;
        }
    }

    /// The oracle's score of a row, bit for bit: the same products in the same order. A
    /// power-of-two step commutes with every rounding of the sum.
    pub(crate) fn score(&mut self, query: &SparseVector, row: RowView<'_>) -> f32 {
        let Some(parts) = row.parts().filter(|_| !self.is_ambiguous) else {
            return exhaustive::score(query, row);
        };
        let most = row.len().max(query.len());
        if self.found.len() <= most {
            self.found.resize(most + 1, 0);
        }
        let wanted = (query.terms(), &*self.filter);
        let count = self.kernels.match_terms(wanted, parts.lows, parts.highs, &mut self.found);
        let mut sum = 0.0;
        for &found in &self.found[..count] {
            let (position, term) = ((found >> 32) as usize, found as u32);
            let slot = usize::from(self.slots[term as usize % RESIDUES]);
            if query.terms()[slot] == term {
                sum += f64::from(query.weights()[slot]) * f64::from(parts.units(position));
            }
        }
        (sum * row.step()) as f32
    }
}
