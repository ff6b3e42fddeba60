//! The most that any living document of a segment has: of every term, and the longest dense vector.
//!
//! Fixed by the documents alone, not by how they fell into segments: bound normalisation divides by
//! them. (Column maxima will not do: they are rounded up list by list.) Found when first asked for,
//! by one pass over the rows, and kept with the segment. Dividing is left to `ranking/bounds.rs`.

use std::{collections::HashMap, sync::OnceLock};

use gleaner_format::{DenseFieldView, ImpactView};

use crate::{dense::nearest::norm, filter::rows::RowSet};

/// Term ids below this have a place in a table of their own.
const TABLE_TERMS: usize = 1 << 22;

/// What is kept of a segment.
#[derive(Default)]
pub(crate) struct Maxima {
    terms: OnceLock<TermMaxima>,
    /// Length of the longest living vector, by dense field.
    norms: OnceLock<Vec<f64>>,
}

/// The largest stored weight of every term.
#[derive(Default)]
struct TermMaxima {
    table: Vec<f32>,
    beyond: HashMap<u32, f32>,
}

impl TermMaxima {
    fn find(view: ImpactView<'_>, is_alive: impl Fn(usize) -> bool) -> Self {
        let mut maxima = Self::default();
        for row in (0..view.rows()).filter(|&row| is_alive(row)) {
            for (term, weight) in view.row(row).iter() {
                // Stored weights are exact in f32.
                maxima.raise(term, weight as f32);
            }
        }
        maxima
    }

    fn raise(&mut self, term: u32, weight: f32) {
        let at = term as usize;
        let slot = match at < TABLE_TERMS {
            true => {
                if at >= self.table.len() {
                    self.table.resize(at + 1, 0.0);
                }
                &mut self.table[at]
            }
            false => self.beyond.entry(term).or_insert(0.0),
        };
        *slot = slot.max(weight);
    }

    fn get(&self, term: u32) -> f32 {
        let known = self.table.get(term as usize).or_else(|| self.beyond.get(&term));
        known.copied().unwrap_or(0.0)
    }
}

impl Maxima {
    /// The largest weight that a living row has of a term; 0 if none has it.
    pub(crate) fn largest_weight(
        &self,
        term: u32,
        view: ImpactView<'_>,
        alive: Option<&RowSet>,
    ) -> f32 {
        let find = || TermMaxima::find(view, |row| is_alive(alive, row));
        self.terms.get_or_init(find).get(term)
    }

    /// The length of the longest vector of a living row in a dense field; 0 if none has one.
    pub(crate) fn longest_vector<'a>(
        &self,
        position: usize,
        fields: impl Iterator<Item = DenseFieldView<'a>>,
        alive: Option<&RowSet>,
    ) -> f64 {
        let find = || fields.map(|field| longest(field, alive)).collect();
        let norms: &Vec<f64> = self.norms.get_or_init(find);
        norms.get(position).copied().unwrap_or(0.0)
    }
}

fn longest(field: DenseFieldView<'_>, alive: Option<&RowSet>) -> f64 {
    let mut vector = Vec::new();
    let living = (0..field.rows()).filter(|&row| is_alive(alive, row));
    let length = |ordinal| {
        field.read(ordinal, &mut vector);
        norm(&vector)
    };
    living.filter_map(|row| field.ordinal(row)).map(length).fold(0.0, f64::max)
}

fn is_alive(alive: Option<&RowSet>, row: usize) -> bool {
    alive.is_none_or(|alive| alive.contains(row))
}
