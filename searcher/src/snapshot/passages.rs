//! Documents of several rows: a row is a passage of a long text, and the best one stands for all.
//!
//! The rows of a document are written together, so they lie in one segment, one behind the other.
//! The first carries the stored document, its text for BM25 and its keys for filters; every row
//! carries the `_id` and where its passage is. An index that keeps one row a document has none of
//! this.

use std::collections::HashSet;

use roaring::RoaringBitmap;

use crate::sparse::topk::RowHit;

/// Which rows of a segment make a document.
pub(crate) struct Passages {
    /// Living documents of the storage layer that are first rows.
    firsts: RoaringBitmap,
    /// Rows of all, living or not.
    rows: u32,
    /// Rows of the living document that has most.
    most: usize,
}

impl Passages {
    /// `ordinal` is the number of a row's `_id`.
    pub(crate) fn new(
        rows: u32,
        ids: usize,
        ordinal: impl Fn(u32) -> u32,
        is_alive: impl Fn(u32) -> bool,
    ) -> Self {
        let mut firsts = RoaringBitmap::new();
        let mut counts = vec![0usize; ids];
        let mut previous = None;
        for row in 0..rows {
            let this = (ordinal(row), is_alive(row));
            let is_first = previous.replace(this) != Some(this);
            if this.1 {
                counts[this.0 as usize] += 1;
                if is_first {
                    firsts.insert(row);
                }
            }
        }
        let most = counts.into_iter().max().unwrap_or(0).max(1);
        Self { firsts, rows, most }
    }

    /// Number of living documents.
    pub(crate) fn documents(&self) -> u64 {
        self.firsts.len()
    }

    /// Rows of the document that has most.
    pub(crate) fn most(&self) -> usize {
        self.most
    }

    /// The first row of a living row's document.
    pub(crate) fn first(&self, row: u32) -> u32 {
        let rank = self.firsts.rank(row);
        rank.checked_sub(1).and_then(|before| self.firsts.select(before as u32)).unwrap_or(row)
    }

    /// All rows of a living row's document.
    pub(crate) fn rows(&self, row: u32) -> std::ops::Range<u32> {
        let first = self.first(row);
        first..self.next(first)
    }

    /// Where the rows behind those of a first row end: at the next first row, some dead ones
    /// between.
    fn next(&self, first: u32) -> u32 {
        self.firsts.select(self.firsts.rank(first) as u32).unwrap_or(self.rows)
    }

    /// All rows of the documents whose first rows are among `matched`, and some dead ones.
    pub(crate) fn whole(&self, matched: &RoaringBitmap) -> RoaringBitmap {
        let mut rows = RoaringBitmap::new();
        for first in matched & &self.firsts {
            rows.insert_range(first..self.next(first));
        }
        rows
    }
}

/// The `depth` best documents of the best rows, each by its best row, the earlier of equal ones.
pub(crate) fn collapse(rows: &[RowHit], depth: usize) -> Vec<RowHit> {
    let (mut documents, mut seen) = (Vec::<RowHit>::new(), HashSet::new());
    for &hit in rows {
        if let Some(last) = documents.last_mut()
            && (last.tie, last.score) == (hit.tie, hit.score)
        {
            last.row = last.row.min(hit.row);
        } else if seen.insert(hit.tie) {
            if documents.len() == depth {
                break;
            }
            documents.push(hit);
        }
    }
    documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_document_are_known_by_their_id_and_life() {
        // Three versions of document 0 (the last lives), then document 1.
        let (ids, alive) = ([0, 0, 0, 0, 1, 1, 1], [false, false, true, true, true, true, true]);
        let passages = Passages::new(7, 2, |row| ids[row as usize], |row| alive[row as usize]);
        assert_eq!((passages.documents(), passages.most()), (2, 3));
        let firsts: Vec<u32> = (2..7).map(|row| passages.first(row)).collect();
        assert_eq!(firsts, [2, 2, 4, 4, 4]);
        let whole = |rows: &[u32]| passages.whole(&rows.iter().copied().collect());
        assert_eq!(whole(&[2]).iter().collect::<Vec<_>>(), [2, 3]);
        // What matches but begins no document admits nothing.
        assert_eq!(whole(&[0, 3, 4]).iter().collect::<Vec<_>>(), [4, 5, 6]);
    }

    #[test]
    fn the_best_row_stands_for_its_document() {
        let hit = |score, tie, row| RowHit { score, tie, row };
        let rows = [hit(3.0, 1, 9), hit(3.0, 1, 8), hit(2.0, 0, 1), hit(2.0, 1, 7), hit(1.0, 5, 0)];
        assert_eq!(collapse(&rows, 2), [hit(3.0, 1, 8), hit(2.0, 0, 1)]);
        assert_eq!(collapse(&rows, 9).len(), 3);
    }
}
