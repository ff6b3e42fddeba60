//! Texts of prepared searches to their vectors, by the models that the searches ask for.
//!
//! Texts of several searches that ask for one model are encoded together. A text that several of them
//! share is encoded once for each. Batching texts of concurrent requests is left to servers.

use std::collections::{BTreeMap, btree_map::Entry};

use gleaner_encoder::{DenseEncoder, DenseModel, EncodeError, Encoder, Model, Side};

use crate::{
    error::Error,
    search::prepare::{Prepared, QueryVector},
};

/// Encoders of queries, one for each model, opened as they are needed and kept.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
/// # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
/// #     return Ok(()); // without the ONNX Runtime
/// # }
/// use gleaner::{Index, Prepared, QueryEncoder, Search};
///
/// let index = Index::create(path).model(model).open()?;
/// let snapshot = index.snapshot();
/// let mut search = Prepared::new(Search::new("kittens"), &snapshot, index.models())?;
/// assert!(search.needs_encoding());
/// QueryEncoder::new(1).encode(&mut search)?;
/// assert!(!search.needs_encoding());
/// # Ok(())
/// # }
/// ```
pub struct QueryEncoder {
    threads: usize,
    /// By fingerprint of the model.
    sparse: BTreeMap<String, Encoder>,
    dense: BTreeMap<String, DenseEncoder>,
}

impl QueryEncoder {
    /// Without an open session. `threads` share the work of one model: 1 for single queries, 0 for all
    /// cores.
    pub fn new(threads: usize) -> Self {
        Self { threads, sparse: BTreeMap::new(), dense: BTreeMap::new() }
    }

    /// Makes what a search still needs.
    ///
    /// # Errors
    /// `Encode`.
    pub fn encode(&mut self, search: &mut Prepared) -> Result<(), Error> {
        self.encode_all(std::slice::from_mut(search))
    }

    /// Makes what searches still need, those that share a model together.
    ///
    /// # Errors
    /// `Encode`.
    pub fn encode_all(&mut self, searches: &mut [Prepared]) -> Result<(), Error> {
        self.encode_sparse(searches)?;
        self.encode_dense(searches)
    }

    fn encode_sparse(&mut self, searches: &mut [Prepared]) -> Result<(), Error> {
        let mut by_model: BTreeMap<String, (Model, Vec<usize>)> = BTreeMap::new();
        for (at, search) in searches.iter().enumerate() {
            if let Some(QueryVector::Encode(model)) = &search.sparse {
                let name = model.fingerprint().to_owned();
                by_model.entry(name).or_insert_with(|| (model.clone(), Vec::new())).1.push(at);
            }
        }
        for (name, (model, places)) in by_model {
            let texts = texts(searches, &places);
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let encoder = match self.sparse.entry(name) {
                Entry::Occupied(kept) => kept.into_mut(),
                Entry::Vacant(free) => free.insert(model.encoder(self.threads)?),
            };
            let vectors = encoder.encode(Side::Query, &texts)?;
            for (at, vector) in places.into_iter().zip(vectors) {
                searches[at].set_sparse(vector);
            }
        }
        Ok(())
    }

    fn encode_dense(&mut self, searches: &mut [Prepared]) -> Result<(), Error> {
        let mut by_model: BTreeMap<String, (DenseModel, Vec<(usize, String)>)> = BTreeMap::new();
        for (at, search) in searches.iter().enumerate() {
            for (field, vector) in &search.dense {
                if let QueryVector::Encode(model) = vector {
                    let name = model.fingerprint().to_owned();
                    let entry = by_model.entry(name).or_insert_with(|| (model.clone(), Vec::new()));
                    entry.1.push((at, field.clone()));
                }
            }
        }
        for (name, (model, places)) in by_model {
            let searches_at: Vec<usize> = places.iter().map(|(at, _)| *at).collect();
            let texts = texts(searches, &searches_at);
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let encoder = match self.dense.entry(name) {
                Entry::Occupied(kept) => kept.into_mut(),
                Entry::Vacant(free) => free.insert(model.encoder(self.threads)?),
            };
            let vectors = encoder.encode(Side::Query, &texts)?;
            let vectors: Vec<Vec<f32>> = vectors.rows().map(<[f32]>::to_vec).collect();
            for ((at, field), vector) in places.into_iter().zip(vectors) {
                searches[at].set_dense(&field, vector);
            }
        }
        Ok(())
    }
}

/// The texts of some of the searches. A search that asks for a model has a text.
fn texts(searches: &[Prepared], places: &[usize]) -> Vec<String> {
    let text = |&at: &usize| searches[at].search.query.text.clone().unwrap_or_default();
    places.iter().map(text).collect()
}

/// The words of a text that gave the terms of its vector their weights: `(term, word)`, in the order
/// of the words, and of the terms of one word. Nothing where the model's graph does not tell.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
/// # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
/// #     return Ok(()); // without the ONNX Runtime
/// # }
/// use gleaner::{Models, Side, term_sources};
///
/// let model = Models::new().open_sparse(model.as_ref())?;
/// let sources = term_sources(&model, Side::Query, "who found penicillin")?.unwrap_or_default();
/// assert!(sources.iter().any(|(_, word)| word == "penicillin"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `Encode`.
pub fn term_sources(
    model: &Model,
    side: Side,
    text: &str,
) -> Result<Option<Vec<(u32, String)>>, Error> {
    let traced = match model.encoder(1)?.encode_with_provenance(side, text) {
        Err(EncodeError::NoProvenance { .. }) => return Ok(None),
        traced => traced?,
    };
    let mut placed: Vec<_> = traced
        .sources
        .into_iter()
        .filter_map(|source| {
            let place = source.word?;
            Some((place.start, source.term, text.get(place)?.to_owned()))
        })
        .collect();
    placed.sort_unstable();
    Ok(Some(placed.into_iter().map(|(_, term, word)| (term, word)).collect()))
}

/// As many threads as asked for, or as there are cores; at least one.
///
/// ```
/// assert_eq!(gleaner::threads_or_cores(Some(3)), 3);
/// assert!(gleaner::threads_or_cores(None) >= 1);
/// ```
pub fn threads_or_cores(asked: Option<usize>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.unwrap_or_else(cores).max(1)
}
