//! Vectors to bytes: collects rows, then writes the whole impact file.
//!
//! Rows come as vectors (quantised here) or as rows of another file (copied: a merge never
//! quantises twice). Durability and atomicity are the directory's business, not ours.

use std::io::{self, Write};

use crate::{
    columns::{Columns, Rows, invert},
    error::FormatError,
    layout::{LIST_ENTRY_LEN_BYTES, Layout, Section, aligned, assemble},
    quantize::quantize_row,
    vector::SparseVector,
    view::RowView,
};

/// Most rows of one file.
const ROWS_LIMIT: usize = u32::MAX as usize;

/// Collects rows in document order and writes an impact file.
///
/// Memory: six bytes a posting until [`ImpactBuilder::write`], which adds the columns (about
/// three bytes a posting) and the encoded rows.
#[derive(Debug, Default)]
pub struct ImpactBuilder {
    starts: Vec<u64>,
    exponents: Vec<i16>,
    terms: Vec<u32>,
    codes: Vec<u16>,
    order: Vec<u32>,
}

impl ImpactBuilder {
    /// A builder without rows.
    pub fn new() -> Self {
        Self { starts: vec![0], ..Self::default() }
    }

    /// Number of rows so far.
    pub fn len(&self) -> usize {
        self.exponents.len()
    }

    /// Whether no row was pushed.
    pub fn is_empty(&self) -> bool {
        self.exponents.is_empty()
    }

    /// Appends the next document's vector; an empty vector makes an empty row.
    ///
    /// Errors: `TooMany` beyond 2^32 − 1 rows.
    pub fn push(&mut self, vector: &SparseVector) -> Result<(), FormatError> {
        self.check_room()?;
        self.terms.extend_from_slice(vector.terms());
        let exponent = quantize_row(vector.weights(), &mut self.codes);
        self.end_row(exponent);
        Ok(())
    }

    /// Appends a row of another file, bit for bit.
    ///
    /// Errors: `TooMany` beyond 2^32 − 1 rows.
    pub fn push_row(&mut self, row: RowView<'_>) -> Result<(), FormatError> {
        self.check_room()?;
        self.terms.extend(row.terms());
        self.codes.extend(row.codes());
        self.end_row(row.exponent());
        Ok(())
    }

    /// Stores rows in another order than documents: `order[row]` is the document of each row.
    ///
    /// Panics: if `order` is not a permutation of all documents, which is the caller's bug.
    pub fn reorder(&mut self, order: Vec<u32>) {
        let mut seen = vec![false; self.len()];
        for &doc in &order {
            assert!(!std::mem::replace(&mut seen[doc as usize], true), "document {doc} twice");
        }
        assert_eq!(order.len(), self.len(), "an order names every document once");
        self.order = order;
    }

    /// Bytes held by the builder.
    pub fn mem_usage_bytes(&self) -> usize {
        self.terms.capacity() * 4 + self.codes.capacity() * 2 + self.starts.capacity() * 10
    }

    /// Writes the file and returns its length in bytes.
    ///
    /// Cost: about 20 ns a posting. Errors: the writer's; `TooMany` beyond 2^32 − 1 lists.
    pub fn write(mut self, out: &mut impl Write) -> io::Result<u64> {
        self.apply_order();
        let columns = invert(Rows {
            starts: &self.starts,
            exponents: &self.exponents,
            terms: &self.terms,
            codes: &self.codes,
        });
        let lists = columns.lists.len() / LIST_ENTRY_LEN_BYTES;
        if u32::try_from(lists).is_err() {
            let (found, limit) = (lists as u64, u64::from(u32::MAX));
            return Err(io::Error::other(FormatError::TooMany { what: "lists", found, limit }));
        }
        let term_id_bytes =
            if columns.term_ids.last().is_none_or(|&term| term <= u16::MAX.into()) { 2 } else { 4 };
        let rows = self.encode_rows(term_id_bytes);
        let layout = Layout {
            rows: self.len(),
            terms: columns.term_ids.len(),
            postings: self.codes.len() as u64,
            term_id_bytes,
            sections: [(0, 0); Section::ALL.len()],
        };
        self.write_sections(out, &layout, &columns, &rows)
    }

    fn write_sections(
        &self,
        out: &mut impl Write,
        layout: &Layout,
        columns: &Columns,
        rows: &[u8],
    ) -> io::Result<u64> {
        let starts = le_bytes(&self.starts, |start| start.to_le_bytes());
        let exponents = le_bytes(&self.exponents, |exponent| exponent.to_le_bytes());
        let order = le_bytes(&self.order, |doc| doc.to_le_bytes());
        let term_ids = le_bytes(&columns.term_ids, |term| term.to_le_bytes());
        let term_lists = le_bytes(&columns.term_lists, |list| list.to_le_bytes());
        let sections = [
            &starts[..],
            &exponents,
            rows,
            &order,
            &term_ids,
            &term_lists,
            &columns.lists,
            &columns.bytes,
        ];
        let (head, places) = assemble(layout, &sections);
        out.write_all(&head)?;
        let mut written = head.len();
        for ((offset, len), bytes) in places.into_iter().zip(sections) {
            out.write_all(&vec![0; offset - written])?;
            out.write_all(bytes)?;
            written = offset + len;
        }
        let end = aligned(written);
        out.write_all(&vec![0; end - written])?;
        Ok(end as u64)
    }

    fn check_room(&self) -> Result<(), FormatError> {
        let (found, limit) = (self.len() as u64 + 1, ROWS_LIMIT as u64);
        if found > limit {
            return Err(FormatError::TooMany { what: "rows", found, limit });
        }
        Ok(())
    }

    fn end_row(&mut self, exponent: i16) {
        self.exponents.push(exponent);
        self.starts.push(self.codes.len() as u64);
    }

    /// Moves rows from document order into the order asked for.
    fn apply_order(&mut self) {
        if self.order.iter().enumerate().all(|(row, &doc)| row == doc as usize) {
            self.order.clear();
            return;
        }
        let mut sorted = ImpactBuilder::new();
        for &doc in &self.order {
            let postings =
                self.starts[doc as usize] as usize..self.starts[doc as usize + 1] as usize;
            sorted.terms.extend_from_slice(&self.terms[postings.clone()]);
            sorted.codes.extend_from_slice(&self.codes[postings]);
            sorted.end_row(self.exponents[doc as usize]);
        }
        sorted.order = std::mem::take(&mut self.order);
        *self = sorted;
    }

    /// Row by row: its term ids, then its codes.
    fn encode_rows(&self, term_id_bytes: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.codes.len() * (term_id_bytes + 2));
        for bounds in self.starts.windows(2) {
            let postings = bounds[0] as usize..bounds[1] as usize;
            for term in &self.terms[postings.clone()] {
                out.extend_from_slice(&term.to_le_bytes()[..term_id_bytes]);
            }
            for code in &self.codes[postings] {
                out.extend_from_slice(&code.to_le_bytes());
            }
        }
        out
    }
}

fn le_bytes<T: Copy, const N: usize>(values: &[T], to_bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| to_bytes(value)).collect()
}
