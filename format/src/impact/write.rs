//! Vectors to bytes: collects rows, then writes the whole impact file.
//!
//! Rows come as vectors (quantised here) or as rows of another file (copied: a merge never
//! quantises twice). Durability and atomicity are the directory's business, not ours.

use std::io::{self, Write};

use super::{
    columns::{Columns, Rows, invert},
    layout::{ImpactLayout, Section, assemble},
    lists::LIST_ENTRY_LEN_BYTES,
    quantize::quantize_row,
    rows::{RowView, encode_row},
};
use crate::{bytes::aligned, error::FormatError, vector::SparseVector};

/// Most rows of one file.
const ROWS_LIMIT: usize = u32::MAX as usize;

/// Collects rows in document order and writes an impact file.
///
/// Memory: the rows as they will be stored (about 3.3 bytes a posting) until
/// [`ImpactBuilder::write`], which adds the columns twice (about 2.3 bytes a posting each).
#[derive(Debug)]
pub struct ImpactBuilder {
    /// Byte offset of every row, and the end of the last.
    starts: Vec<u64>,
    bytes: Vec<u8>,
    postings: u64,
    order: Vec<u32>,
    /// Codes of the row being pushed.
    codes: Vec<u32>,
}

impl Default for ImpactBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ImpactBuilder {
    /// A builder without rows.
    pub fn new() -> Self {
        let (bytes, order, codes) = (Vec::new(), Vec::new(), Vec::new());
        Self { starts: vec![0], bytes, postings: 0, order, codes }
    }

    /// Number of rows so far.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether no row was pushed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the next document's vector; an empty vector makes an empty row.
    ///
    /// Errors: `TooMany` beyond 2^32 − 1 rows.
    pub fn push(&mut self, vector: &SparseVector) -> Result<(), FormatError> {
        self.check_room()?;
        self.codes.clear();
        let kept = quantize_row(vector.weights(), &mut self.codes);
        encode_row(vector.terms(), &self.codes, kept, &mut self.bytes);
        self.end_row(vector.len());
        Ok(())
    }

    /// Appends a row of another file, bit for bit.
    ///
    /// Errors: `TooMany` beyond 2^32 − 1 rows.
    pub fn push_row(&mut self, row: RowView<'_>) -> Result<(), FormatError> {
        self.check_room()?;
        self.bytes.extend_from_slice(row.as_bytes());
        self.end_row(row.len());
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
        self.bytes.capacity() + self.starts.capacity() * 8
    }

    /// Writes the file and returns its length in bytes.
    ///
    /// Cost: about 15 ns a posting on one thread. Errors: the writer's; `TooMany` beyond 2^32 − 1
    /// lists.
    pub fn write(mut self, out: &mut impl Write) -> io::Result<u64> {
        self.apply_order();
        let columns = invert(Rows { starts: &self.starts, bytes: &self.bytes });
        let lists = columns.lists.len() / LIST_ENTRY_LEN_BYTES;
        if u32::try_from(lists).is_err() {
            let (found, limit) = (lists as u64, u64::from(u32::MAX));
            return Err(io::Error::other(FormatError::TooMany { what: "lists", found, limit }));
        }
        let layout = ImpactLayout {
            rows: self.len(),
            terms: columns.term_ids.len(),
            postings: self.postings,
            sections: [(0, 0); Section::ALL.len()],
            term_bits: None,
        };
        self.write_sections(out, &layout, &columns)
    }

    fn write_sections(
        &self,
        out: &mut impl Write,
        layout: &ImpactLayout,
        columns: &Columns,
    ) -> io::Result<u64> {
        let starts = le_bytes(&self.starts, |start| start.to_le_bytes());
        let order = le_bytes(&self.order, |doc| doc.to_le_bytes());
        let term_ids = le_bytes(&columns.term_ids, |term| term.to_le_bytes());
        let term_lists = le_bytes(&columns.term_lists, |list| list.to_le_bytes());
        let sections = [
            &starts[..],
            &self.bytes,
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

    fn end_row(&mut self, postings: usize) {
        self.starts.push(self.bytes.len() as u64);
        self.postings += postings as u64;
    }

    /// Moves rows from document order into the order asked for.
    fn apply_order(&mut self) {
        if self.order.iter().enumerate().all(|(row, &doc)| row == doc as usize) {
            self.order.clear();
            return;
        }
        let (mut starts, mut bytes) = (vec![0], Vec::with_capacity(self.bytes.len()));
        for &doc in &self.order {
            let (start, end) = (self.starts[doc as usize], self.starts[doc as usize + 1]);
            bytes.extend_from_slice(&self.bytes[start as usize..end as usize]);
            starts.push(bytes.len() as u64);
        }
        (self.starts, self.bytes) = (starts, bytes);
    }
}

fn le_bytes<T: Copy, const N: usize>(values: &[T], to_bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| to_bytes(value)).collect()
}
