//! What is looked for: a text, vectors, or a document to find others like.

use gleaner_encoder::SparseVector;
use gleaner_format::VectorError;
use gleaner_searcher::{BOOST_LIMIT, LEGS_LIMIT, Rank};
use serde::Deserialize;

use super::members::{DenseVectors, Members};
use crate::{
    error::{Code, Problem, brief, quoted},
    limits::Limits,
};

/// The member `query` of a search.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryBody {
    text: Option<String>,
    tokens: Option<Members<f32>>,
    indices: Option<Vec<u32>>,
    values: Option<Vec<f32>>,
    dense: Option<DenseVectors>,
    like: Option<String>,
    boost: Option<Members<f32>>,
    mute: Option<Vec<String>>,
}

/// What is looked for, checked as far as no index is needed.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// A text to encode, and to split into words.
    pub(crate) text: Option<String>,
    /// A sparse vector, instead of the text's.
    pub(crate) sparse: Option<SparseQuery>,
    /// Dense vectors, instead of the text's.
    pub(crate) dense: Vec<GivenDense>,
    /// The `_id` of a document to find others like; everything above is then missing.
    pub(crate) like: Option<String>,
    /// Tokens and the factors of their weights, none twice.
    pub(crate) boost: Vec<(String, f32)>,
    /// Tokens that are to have no weight.
    pub(crate) mute: Vec<String>,
}

/// A dense vector that was given.
#[derive(Debug)]
pub(crate) struct GivenDense {
    /// Its field; without a name, the only one.
    pub(crate) field: Option<String>,
    pub(crate) vector: Vec<f32>,
}

/// A sparse vector that was given.
#[derive(Debug)]
pub(crate) enum SparseQuery {
    /// Token texts of the model with their weights, none twice.
    Tokens(Vec<(String, f32)>),
    /// Term ids with their weights.
    Vector(SparseVector),
}

impl QueryBody {
    /// The query of a search by GET.
    pub(super) fn of_params(
        text: Option<String>,
        like: Option<String>,
        boost: Option<Members<f32>>,
        mute: Option<Vec<String>>,
    ) -> Self {
        Self { text, like, boost, mute, ..Self::default() }
    }

    /// Checks the query by itself and against what the ranking takes; dense fields, tokens and
    /// documents are left to who has the index.
    ///
    /// Errors: `invalid_query`, `limit_exceeded`.
    pub(super) fn check(self, rank: &Rank, limits: &Limits) -> Result<Query, Problem> {
        if let Some(text) = &self.text {
            limits.check_text(text, "query.text")?;
            if text.trim().is_empty() {
                return Err(invalid("query.text", "the query's text is blank"));
            }
        }
        self.check_forms(rank)?;
        let sparse = sparse(self.tokens, self.indices, self.values, limits)?;
        let boost = boost(self.boost, limits)?;
        let mute = self.mute.unwrap_or_default();
        limits.check_terms(mute.len(), "query.mute")?;
        let dense = dense(self.dense)?;
        let query = Query { text: self.text, sparse, dense, like: self.like, boost, mute };
        query.check_needs(rank, limits)?;
        Ok(query)
    }

    /// Refuses members that say different things of the same query.
    fn check_forms(&self, rank: &Rank) -> Result<(), Problem> {
        let (has_tokens, has_ids) =
            (self.tokens.is_some(), self.indices.is_some() || self.values.is_some());
        let has_sparse = has_tokens || has_ids;
        let has_vector = has_sparse || self.dense.is_some();
        if self.like.is_some() && (self.text.is_some() || has_vector) {
            let detail = "a document to find others like is the whole query: give `like` alone";
            return Err(invalid("query", detail));
        }
        let reads_text_beside = rank.needs_text() || rank.dense_fields().next().is_some();
        let is_ambiguous = self.text.is_some() && has_sparse && !reads_text_beside;
        let is_pair = self.indices.is_some() == self.values.is_some();
        if is_ambiguous || (has_tokens && has_ids) || !is_pair {
            let detail = "a sparse query has exactly one of: text; tokens; indices with values";
            return Err(invalid("query", detail));
        }
        if self.text.is_none() && !has_vector && self.like.is_none() {
            let detail = "a query has one of: text; tokens; indices with values; dense; like";
            return Err(invalid("query", detail));
        }
        Ok(())
    }
}

impl Query {
    /// Whether sparse legs and BM25 have what they need, and what is given has a leg to go to.
    fn check_needs(&self, rank: &Rank, limits: &Limits) -> Result<(), Problem> {
        if rank.needs_text() && self.like.is_none() {
            let missing = || invalid("query.text", "ranking by bm25 needs the query's text");
            check_words(self.text.as_deref().ok_or_else(missing)?, limits)?;
        }
        let is_given = self.text.is_some() || self.sparse.is_some() || self.like.is_some();
        if rank.needs_sparse() && !is_given {
            let detail = "ranking by sparse needs text, tokens, or indices with values";
            return Err(invalid("query", detail));
        }
        if rank.needs_sparse() {
            return Ok(());
        }
        let unused = match &self.sparse {
            Some(SparseQuery::Tokens(_)) => Some("query.tokens"),
            Some(SparseQuery::Vector(_)) => Some("query.indices"),
            None if !self.boost.is_empty() => Some("query.boost"),
            None if !self.mute.is_empty() => Some("query.mute"),
            None => None,
        };
        match unused {
            Some(field) => Err(invalid(field, &format!("{} has no sparse leg", brief(rank)))
                .hint("rank by sparse, or fuse it: rrf:sparse,bm25")),
            None => Ok(()),
        }
    }
}

/// An `invalid_query` of a part.
fn invalid(field: &str, detail: &str) -> Problem {
    Problem::new(Code::InvalidQuery, detail).field(field)
}

fn sparse(
    tokens: Option<Members<f32>>,
    indices: Option<Vec<u32>>,
    values: Option<Vec<f32>>,
    limits: &Limits,
) -> Result<Option<SparseQuery>, Problem> {
    match (tokens, indices, values) {
        (Some(tokens), ..) => {
            limits.check_terms(tokens.0.len(), "query.tokens")?;
            let is_weight = |weight| (0.0..=gleaner_format::MAX_WEIGHT).contains(&weight);
            let bad = "has a weight that is negative or too large";
            weights(tokens, "query.tokens", is_weight, bad).map(SparseQuery::Tokens).map(Some)
        }
        (None, Some(indices), Some(values)) => {
            limits.check_terms(indices.len().max(values.len()), "query.indices")?;
            let vector = SparseVector::new(indices, values).map_err(vector_problem)?;
            Ok(Some(SparseQuery::Vector(vector)))
        }
        _ => Ok(None),
    }
}

fn boost(boost: Option<Members<f32>>, limits: &Limits) -> Result<Vec<(String, f32)>, Problem> {
    let boost = boost.unwrap_or(Members(Vec::new()));
    limits.check_terms(boost.0.len(), "query.boost")?;
    let bad = format!("has a factor that is not a number from 0, which mutes, to {BOOST_LIMIT}");
    weights(boost, "query.boost", |factor| (0.0..=BOOST_LIMIT).contains(&factor), &bad)
}

/// Tokens with numbers that are all as they should be, none twice.
fn weights(
    tokens: Members<f32>,
    field: &str,
    is_right: impl Fn(f32) -> bool,
    wrong: &str,
) -> Result<Vec<(String, f32)>, Problem> {
    let bad = |token: &str, what: &str| invalid(field, &format!("token {} {what}", quoted(token)));
    match tokens.0.iter().find(|(_, weight)| !is_right(*weight)) {
        Some((token, _)) => Err(bad(token, wrong)),
        None => tokens.distinct().map_err(|token| bad(&token, "is given twice")),
    }
}

fn dense(dense: Option<DenseVectors>) -> Result<Vec<GivenDense>, Problem> {
    let field = "query.dense";
    match dense {
        None => Ok(Vec::new()),
        Some(DenseVectors::Only(vector)) => Ok(vec![GivenDense { field: None, vector }]),
        Some(DenseVectors::Fields(fields)) if !(1..=LEGS_LIMIT).contains(&fields.0.len()) => {
            let found = fields.0.len();
            Err(invalid(field, &format!("{found} dense vectors; there are 1 to {LEGS_LIMIT}")))
        }
        Some(DenseVectors::Fields(fields)) => {
            let twice = |name: String| {
                invalid(field, &format!("the field {} is given twice", quoted(&name)))
            };
            let fields = fields.distinct().map_err(twice)?;
            let given = |(name, vector)| GivenDense { field: Some(name), vector };
            Ok(fields.into_iter().map(given).collect())
        }
    }
}

fn vector_problem(error: VectorError) -> Problem {
    let field = match error {
        VectorError::Order { .. } => "query.indices",
        VectorError::Lengths { .. } => "query",
        _ => "query.values",
    };
    invalid(field, &error.to_string())
}

/// BM25 reads a postings list per word, so words count as terms.
fn check_words(text: &str, limits: &Limits) -> Result<(), Problem> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    limits.check_terms(words.count(), "query.text")
}
