//! The engine as it ships: documents through `IndexStore` into committed segments, queries through
//! `Snapshot::search`, ids included.
//!
//! A document's `_id` is its row in docs.bin; it has no text. Turning ids back into rows happens
//! after the clock stops.

use std::path::Path;

use anyhow::{Context, ensure};
use gleaner_checks::contract::Taken;
use gleaner_format::SparseVector;
use gleaner_indexer::{Document, IndexStore};
use gleaner_searcher::{Counters, Index, Rank, SearchRequest};

use crate::clock;

/// How an index is built from the documents of a set.
#[derive(Debug, Clone, Copy)]
pub struct BuildOptions<'a> {
    /// Commits, and so segments, if they are not merged.
    pub segments: usize,
    /// Whether all segments become one at the end.
    pub merge: bool,
    /// Rows that must not be found: they are deleted in a commit of their own.
    pub deleted: &'a [u32],
}

/// Writes and commits an index of `docs`.
pub fn build(
    docs: &[SparseVector],
    folder: &Path,
    options: BuildOptions<'_>,
) -> anyhow::Result<()> {
    let mut store = IndexStore::open_or_create(folder, None)?;
    let part_docs = docs.len().div_ceil(options.segments.max(1)).max(1);
    for (part, vectors) in docs.chunks(part_docs).enumerate() {
        for (row, vector) in vectors.iter().enumerate() {
            store.upsert(&document(part * part_docs + row), vector)?;
        }
        store.commit(Vec::new())?;
    }
    for &row in options.deleted {
        store.delete(&row.to_string())?;
    }
    if !options.deleted.is_empty() {
        store.commit(Vec::new())?;
    }
    if options.merge {
        store.merge()?;
    }
    Ok(())
}

fn document(row: usize) -> Document {
    Document {
        id: row.to_string(),
        text: String::new(),
        source: String::new(),
        fields: serde_json::Map::new(),
        is_deletion: false,
    }
}

/// What is asked for every query alike.
#[derive(Debug, Clone, Copy)]
pub struct SearchOptions<'a> {
    /// Number of hits.
    pub k: usize,
    /// A filter in the product's language.
    pub filter: Option<&'a str>,
    /// In (0, 1]; 1 is exact.
    pub effort: f32,
}

/// An index open for searching.
pub struct Product {
    index: Index,
}

/// Opens what `build` wrote.
pub fn open(folder: &Path) -> anyhow::Result<Product> {
    Ok(Product { index: Index::open(folder)? })
}

impl Product {
    /// Rows and scores of one query, timed.
    pub fn search(
        &self,
        query: &SparseVector,
        options: SearchOptions<'_>,
    ) -> anyhow::Result<(Vec<(u32, f32)>, Taken)> {
        let snapshot = self.index.snapshot();
        let request = request(query, options);
        let (response, taken) = clock::time(|| snapshot.search(&request, &|_| None));
        let hits = response?.hits;
        let pairs = hits.iter().map(|hit| Ok((row_of(&hit.id)?, hit.score)));
        Ok((pairs.collect::<anyhow::Result<_>>()?, taken))
    }

    /// Work of one query, counted in a search that nobody times.
    pub fn count(
        &self,
        query: &SparseVector,
        options: SearchOptions<'_>,
    ) -> anyhow::Result<Counters> {
        let request = SearchRequest { profile: true, ..request(query, options) };
        let response = self.index.snapshot().search(&request, &|_| None)?;
        Ok(response.profile.context("a profile was asked for")?.counters)
    }

    /// The weights that the index holds, by row of docs.bin.
    pub fn stored(&self) -> anyhow::Result<Vec<SparseVector>> {
        let snapshot = self.index.snapshot();
        let mut vectors = Vec::new();
        for segment in snapshot.segments() {
            let view = segment.impacts();
            for row in (0..view.rows()).filter(|&row| is_alive(segment, row)) {
                let document = row_of(segment.id(view.doc(row)))? as usize;
                if vectors.len() <= document {
                    vectors.resize(document + 1, SparseVector::default());
                }
                let pairs = view.row(row).iter().map(|(term, weight)| (term, weight as f32));
                vectors[document] = SparseVector::from_pairs(pairs)?;
            }
        }
        Ok(vectors)
    }
}

fn is_alive(segment: &gleaner_searcher::Segment, row: usize) -> bool {
    segment.alive().is_none_or(|alive| alive.contains(row))
}

/// A request as a client makes it: ids and scores, nothing else.
fn request<'a>(vector: &'a SparseVector, options: SearchOptions<'a>) -> SearchRequest<'a> {
    SearchRequest {
        vector: Some(vector),
        filter: options.filter,
        effort: options.effort,
        ..SearchRequest::exact(&Rank::SPARSE, options.k)
    }
}

fn row_of(id: &str) -> anyhow::Result<u32> {
    id.parse().with_context(|| format!("{id} is not a row number"))
}

/// A filter that admits these rows only.
pub fn filter_of(rows: &[u32]) -> anyhow::Result<String> {
    ensure!(!rows.is_empty(), "a filter must admit at least one row");
    let ids: Vec<String> = rows.iter().map(u32::to_string).collect();
    Ok(format!("_id:IN [{}]", ids.join(" ")))
}
