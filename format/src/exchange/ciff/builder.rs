//! Writing CIFF: documents are collected, inverted and written as lists.

use std::io::{self, Write};

use super::{
    protobuf::{put_bytes, put_number, put_varint, write_message},
    reader::VERSION,
};
use crate::vector::SparseVector;

/// What weights are multiplied by before they are rounded to the integers of the format.
const SCALE: f64 = 100.0;

/// Collects documents and writes them as lists, each weight as `round(100 × weight)`; those that
/// round to 0 are left out.
///
/// Memory: eight bytes a posting and the ids, twice that for postings while writing.
#[derive(Debug, Default)]
pub struct CiffBuilder {
    ids: Vec<String>,
    ends: Vec<usize>,
    terms: Vec<u32>,
    weights: Vec<i32>,
}

impl CiffBuilder {
    /// A builder without documents.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a document. Errors: the term whose weight is beyond the format's integers, or more
    /// documents than they number.
    pub fn push(&mut self, id: String, vector: &SparseVector) -> Result<(), String> {
        if i32::try_from(self.ids.len() + 1).is_err() {
            return Err("more than 2,147,483,647 documents".to_owned());
        }
        for (term, weight) in vector.iter() {
            let scaled = (f64::from(weight) * SCALE).round();
            if scaled > f64::from(i32::MAX) {
                return Err(format!("document {id}: term {term}: weight {weight} is too large"));
            }
            if scaled >= 1.0 {
                self.terms.push(term);
                self.weights.push(scaled as i32);
            }
        }
        self.ids.push(id);
        self.ends.push(self.terms.len());
        Ok(())
    }

    /// Writes the file; `name` is a term's text. Lists are in the order of their texts' bytes.
    ///
    /// Errors: the writer's.
    pub fn write(
        &self,
        name: impl Fn(u32) -> String,
        description: &str,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let lists = self.invert();
        let mut named: Vec<(String, &[(u32, i32)])> =
            lists.iter().map(|(term, list)| (name(*term), &list[..])).collect();
        named.sort();
        let total: i64 = self.weights.iter().map(|&weight| i64::from(weight)).sum();
        write_message(out, &self.header(named.len(), total, description))?;
        for (term, list) in named {
            write_message(out, &list_message(&term, list))?;
        }
        let mut start = 0;
        for (number, (id, &end)) in self.ids.iter().zip(&self.ends).enumerate() {
            let length: i64 =
                self.weights[start..end].iter().map(|&weight| i64::from(weight)).sum();
            let mut message = Vec::new();
            put_number(&mut message, 1, number as u64);
            put_bytes(&mut message, 2, id.as_bytes());
            // The length is a sum of weights: only its size is bounded by the format.
            put_number(&mut message, 3, length.min(i64::from(i32::MAX)) as u64);
            write_message(out, &message)?;
            start = end;
        }
        Ok(())
    }

    fn header(&self, lists: usize, total: i64, description: &str) -> Vec<u8> {
        let (lists, documents) = (lists as u64, self.ids.len() as u64);
        let mut message = Vec::new();
        put_number(&mut message, 1, VERSION as u64);
        for (field, count) in [(2, lists), (3, documents), (4, lists), (5, documents)] {
            put_number(&mut message, field, count);
        }
        put_number(&mut message, 6, total as u64);
        put_varint(&mut message, 7 << 3 | 1);
        message.extend((total as f64 / documents.max(1) as f64).to_le_bytes());
        put_bytes(&mut message, 8, description.as_bytes());
        message
    }

    /// `(document, weight)` per term, terms and documents ascending.
    fn invert(&self) -> Vec<(u32, Vec<(u32, i32)>)> {
        let mut distinct = self.terms.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let mut lists: Vec<(u32, Vec<(u32, i32)>)> =
            distinct.into_iter().map(|term| (term, Vec::new())).collect();
        let mut start = 0;
        for (document, &end) in self.ends.iter().enumerate() {
            for (term, weight) in self.terms[start..end].iter().zip(&self.weights[start..end]) {
                let at = lists.partition_point(|list| list.0 < *term);
                lists[at].1.push((document as u32, *weight));
            }
            start = end;
        }
        lists
    }
}

fn list_message(term: &str, list: &[(u32, i32)]) -> Vec<u8> {
    let mut message = Vec::new();
    put_bytes(&mut message, 1, term.as_bytes());
    put_number(&mut message, 2, list.len() as u64);
    put_number(&mut message, 3, list.iter().map(|posting| posting.1 as u64).sum());
    let mut before = 0;
    let mut posting = Vec::new();
    for &(document, weight) in list {
        posting.clear();
        put_number(&mut posting, 1, u64::from(document - before));
        put_number(&mut posting, 2, weight as u64);
        put_bytes(&mut message, 4, &posting);
        before = document;
    }
    message
}
