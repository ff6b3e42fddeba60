//! Encoding without a graph: every distinct term of a text is looked up.
//!
//! Inference-free models (SPLADE-doc, OpenSearch's) weigh a query's terms by a table (`idf.json`,
//! `query_token_weights.txt`) or all alike; static embeddings give every term a sparse row of its
//! own. A table is read whole and checked when the model is opened.

use std::collections::HashMap;
use std::path::Path;

use gleaner_format::json::reason_of;

use crate::error::{Cause, EncodeError};
use crate::family::choices::SideEncoder;
use crate::files::{json_cause, read_file};
use crate::session::safetensors::vector;
use crate::text::terms::Terms;

/// The tensor of a static embedding, as sentence-transformers calls it.
const STATIC_WEIGHTS: &str = "weight";
/// Unknown tokens that an error names.
const NAMED: usize = 3;

/// What terms are worth.
#[derive(Debug)]
pub(crate) enum Table {
    /// 1 each.
    Ones,
    /// A weight each, by term id; 0 where there is none.
    Weights(Vec<f32>),
    /// A row of terms and weights each.
    Rows(HashMap<u32, Vec<(u32, f32)>>),
}

impl Table {
    /// Reads the table of a side. `Graph` has none, and `Ones` needs no file.
    ///
    /// Errors: `InvalidFile` when it does not parse; `TableWeight` for a weight that is negative or
    /// not a number; `UnknownTokens` for tokens that the model does not have.
    pub(crate) fn read(
        encoder: SideEncoder,
        path: Option<&Path>,
        terms: &Terms,
    ) -> Result<Option<Self>, EncodeError> {
        match (encoder, path) {
            (SideEncoder::Graph, _) => Ok(None),
            (SideEncoder::Idf, Some(path)) => weights(path, terms).map(Some),
            (SideEncoder::Embedding, Some(path)) => rows(path, terms).map(Some),
            (SideEncoder::Ones | SideEncoder::Idf | SideEncoder::Embedding, _) => {
                Ok(Some(Self::Ones))
            }
        }
    }

    /// The weights of a text with these terms, by ascending term, each once.
    pub(crate) fn look_up(&self, units: &[Option<u32>]) -> Vec<(u32, f32)> {
        let mut distinct: Vec<u32> = units.iter().copied().flatten().collect();
        distinct.sort_unstable();
        distinct.dedup();
        match self {
            Self::Ones => distinct.into_iter().map(|term| (term, 1.0)).collect(),
            Self::Weights(weights) => {
                let weight = |term| weights.get(term as usize).copied().unwrap_or(0.0);
                distinct.into_iter().map(|term| (term, weight(term))).collect()
            }
            Self::Rows(rows) => {
                let mut largest: HashMap<u32, f32> = HashMap::new();
                for &(term, weight) in distinct.iter().filter_map(|unit| rows.get(unit)).flatten() {
                    let known = largest.entry(term).or_insert(weight);
                    *known = known.max(weight);
                }
                let mut pairs: Vec<(u32, f32)> = largest.into_iter().collect();
                pairs.sort_unstable_by_key(|&(term, _)| term);
                pairs
            }
        }
    }

    /// Whether `unit` is what gave `term` its weight, `weight`.
    pub(crate) fn gives(&self, unit: u32, term: u32, weight: f32) -> bool {
        match self {
            Self::Ones | Self::Weights(_) => unit == term,
            Self::Rows(rows) => rows.get(&unit).is_some_and(|row| row.contains(&(term, weight))),
        }
    }
}

fn invalid(path: &Path) -> impl Fn(Cause) -> EncodeError {
    move |source| EncodeError::InvalidFile {
        what: "table of weights",
        path: path.to_owned(),
        source,
    }
}

fn weights(path: &Path, terms: &Terms) -> Result<Table, EncodeError> {
    let bytes = read_file("table of weights", path)?;
    if path.extension().is_some_and(|extension| extension == "safetensors") {
        return static_weights(&bytes, path, terms);
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| invalid(path)(error.into()))?;
    let stated = if path.extension().is_some_and(|extension| extension == "json") {
        numbers(text).map_err(invalid(path))?
    } else {
        lines(text).map_err(invalid(path))?
    };
    let mut table = vec![0.0; terms.len()];
    let mut resolve = Resolve::new(path, terms);
    for (token, weight) in stated {
        if let Some(term) = resolve.term(&token) {
            table[term as usize] = resolve.weight(&token, weight)?;
        }
    }
    resolve.finish()?;
    Ok(Table::Weights(table))
}

/// The weights of a static embedding: one for each token, by id. Terms behind its end weigh
/// nothing.
fn static_weights(bytes: &[u8], path: &Path, terms: &Terms) -> Result<Table, EncodeError> {
    let weights = vector(bytes, STATIC_WEIGHTS).map_err(invalid(path))?;
    if weights.len() > terms.len() {
        let (found, known) = (weights.len(), terms.len());
        let reason = format!("it has {found} weights, but the model has {known} terms");
        return Err(invalid(path)(reason.into()));
    }
    let resolve = Resolve::new(path, terms);
    let mut table = vec![0.0; terms.len()];
    for (term, (place, weight)) in table.iter_mut().zip(weights).enumerate() {
        let name = u32::try_from(term).ok().and_then(|term| terms.name(term));
        *place = resolve.weight(name.unwrap_or_default(), f64::from(weight))?;
    }
    Ok(Table::Weights(table))
}

/// JSON of token → number; `NaN` and `Infinity`, which Python writes, reach the check by name.
fn numbers(text: &str) -> Result<HashMap<String, f64>, Cause> {
    match serde_json::from_str(text) {
        Ok(numbers) => Ok(numbers),
        Err(error) => {
            // Only the place of the fault is wanted: JSON itself has no such numbers.
            let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
            let at: String =
                line.chars().skip(error.column().saturating_sub(24)).take(48).collect();
            Err(format!("{}, near `{at}`", reason_of(&error)).into())
        }
    }
}

/// A token, a tab or a space, and a weight per line.
fn lines(text: &str) -> Result<HashMap<String, f64>, Cause> {
    let mut weights = HashMap::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let fault = || Cause::from(format!("line {} is not a token and a weight", at + 1));
        let (token, weight) = line.trim_end().rsplit_once(['\t', ' ']).ok_or_else(fault)?;
        weights.insert(token.trim_end().to_owned(), weight.parse().map_err(|_| fault())?);
    }
    Ok(weights)
}

fn rows(path: &Path, terms: &Terms) -> Result<Table, EncodeError> {
    let bytes = read_file("table of weights", path)?;
    let stated: HashMap<String, HashMap<String, f64>> =
        serde_json::from_slice(&bytes).map_err(|error| invalid(path)(json_cause(&error)))?;
    let mut table = HashMap::new();
    let mut resolve = Resolve::new(path, terms);
    for (token, row) in stated {
        let Some(unit) = resolve.term(&token) else { continue };
        let mut pairs = Vec::with_capacity(row.len());
        for (name, weight) in row {
            if let Some(term) = resolve.term(&name) {
                pairs.push((term, resolve.weight(&name, weight)?));
            }
        }
        table.insert(unit, pairs);
    }
    resolve.finish()?;
    Ok(Table::Rows(table))
}

/// Tokens to terms, keeping account of those there are not.
struct Resolve<'a> {
    path: &'a Path,
    terms: &'a Terms,
    unknown: Vec<String>,
}

impl<'a> Resolve<'a> {
    fn new(path: &'a Path, terms: &'a Terms) -> Self {
        Self { path, terms, unknown: Vec::new() }
    }

    fn term(&mut self, token: &str) -> Option<u32> {
        let term = self.terms.term(token).filter(|&term| (term as usize) < self.terms.len());
        if term.is_none() {
            self.unknown.push(token.to_owned());
        }
        term
    }

    fn weight(&self, token: &str, weight: f64) -> Result<f32, EncodeError> {
        if weight.is_finite() && weight >= 0.0 {
            return Ok(weight as f32);
        }
        let (path, token) = (self.path.to_owned(), token.to_owned());
        Err(EncodeError::TableWeight { path, token, weight })
    }

    fn finish(mut self) -> Result<(), EncodeError> {
        if self.unknown.is_empty() {
            return Ok(());
        }
        // The file is read into a map, whose order is nobody's.
        self.unknown.sort();
        let count = self.unknown.len();
        self.unknown.truncate(NAMED);
        let (path, first) = (self.path.to_owned(), self.unknown);
        Err(EncodeError::UnknownTokens { path, count, first })
    }
}
