//! What is looked for: a text, vectors, or a document to find others like.

use gleaner::{
    BOOST_LIMIT, Error, LEGS_LIMIT, MAX_WEIGHT, Query, Rank, SparseVector, VectorError, is_blank,
};
use serde::Deserialize;

use super::members::{DenseVectors, EncodedToken, GivenTokens, Members};
use crate::{
    error::{Code, Problem, quoted},
    limits::Limits,
};

/// The member `query` of a search.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QueryBody {
    text: Option<String>,
    tokens: Option<GivenTokens>,
    indices: Option<Vec<u32>>,
    values: Option<Vec<f32>>,
    /// `/v1/encode` calls it `vector`.
    #[serde(alias = "vector")]
    dense: Option<DenseVectors>,
    like: Option<String>,
    boost: Option<Members<f32>>,
    mute: Option<Vec<String>>,
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

    /// Checks the query by itself and against what the ranking takes, where it names its legs; dense fields, tokens and
    /// documents are left to who has the index.
    ///
    /// Errors: `invalid_query`, `limit_exceeded`.
    pub(super) fn check(self, rank: Option<&Rank>, limits: &Limits) -> Result<Query, Problem> {
        if let Some(text) = &self.text {
            limits.check_text(text, "query.text")?;
            if is_blank(text) {
                return Err(Error::BlankQuery.into());
            }
        }
        self.check_forms(rank)?;
        let Self { text, tokens, indices, values, dense, like, boost, mute } = self;
        let feeds_sparse =
            text.is_some() || tokens.is_some() || indices.is_some() || like.is_some();
        let mut query = like.map_or_else(Query::default, Query::like);
        if let Some(text) = text {
            query = query.and_text(text);
        }
        query = match tokens {
            Some(GivenTokens::Weights(tokens)) => query.and_tokens(weighted(tokens, limits)?),
            Some(GivenTokens::Encoded(tokens)) => query.and_vector(encoded(&tokens, limits)?),
            None => query,
        };
        if let Some((terms, weights)) = indices.zip(values) {
            query = query.and_vector(vector(terms, weights, limits)?);
        }
        for (token, factor) in boosts(boost, limits)? {
            query = query.boost(token, factor);
        }
        let mute = mute.unwrap_or_default();
        limits.check_terms(mute.len(), "query.mute")?;
        let query = mute.into_iter().fold(query, |query, token| query.mute(token));
        let query = with_dense(query, dense)?;
        check_needs(&query, feeds_sparse, rank, limits)?;
        Ok(query)
    }

    /// Refuses members that say different things of the same query.
    fn check_forms(&self, rank: Option<&Rank>) -> Result<(), Problem> {
        let (has_tokens, has_ids) =
            (self.tokens.is_some(), self.indices.is_some() || self.values.is_some());
        let has_sparse = has_tokens || has_ids;
        let has_vector = has_sparse || self.dense.is_some();
        if self.like.is_some() && (self.text.is_some() || has_vector) {
            let detail = "a document to find others like is the whole query: give `like` alone";
            return Err(invalid("query", detail));
        }
        // `hybrid` has whatever legs there are.
        let reads_text_beside =
            rank.is_none_or(|rank| rank.needs_text() || rank.dense_fields().next().is_some());
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

/// Whether sparse legs and BM25 have what they need.
fn check_needs(
    query: &Query,
    feeds_sparse: bool,
    rank: Option<&Rank>,
    limits: &Limits,
) -> Result<(), Problem> {
    let Some(rank) = rank else {
        return query.text_given().map_or(Ok(()), |text| check_words(text, limits));
    };
    if rank.needs_text() && query.like_given().is_none() {
        let missing = || invalid("query.text", "ranking by bm25 needs the query's text");
        check_words(query.text_given().ok_or_else(missing)?, limits)?;
    }
    match rank.needs_sparse() && !feeds_sparse {
        true => {
            let detail = "ranking by sparse needs text, tokens, or indices with values";
            Err(invalid("query", detail))
        }
        false => Ok(()),
    }
}

/// An `invalid_query` of a part.
fn invalid(field: &str, detail: &str) -> Problem {
    Problem::new(Code::InvalidQuery, detail).field(field)
}

/// Token texts of the model with their weights, none twice.
fn weighted(tokens: Members<f32>, limits: &Limits) -> Result<Vec<(String, f32)>, Problem> {
    limits.check_terms(tokens.0.len(), "query.tokens")?;
    let is_weight = |weight| (0.0..=MAX_WEIGHT).contains(&weight);
    numbers(tokens, "query.tokens", is_weight, "has a weight that is negative or too large")
}

/// The entries of an answer of `/v1/encode`, in any order.
fn encoded(tokens: &[EncodedToken], limits: &Limits) -> Result<SparseVector, Problem> {
    limits.check_terms(tokens.len(), "query.tokens")?;
    let pairs = tokens.iter().map(|token| (token.id, token.weight));
    SparseVector::from_pairs(pairs).map_err(|error| invalid("query.tokens", &error.to_string()))
}

/// Term ids with their weights.
fn vector(terms: Vec<u32>, weights: Vec<f32>, limits: &Limits) -> Result<SparseVector, Problem> {
    limits.check_terms(terms.len().max(weights.len()), "query.indices")?;
    SparseVector::new(terms, weights).map_err(vector_problem)
}

/// Tokens and the factors of their weights, none twice.
fn boosts(boost: Option<Members<f32>>, limits: &Limits) -> Result<Vec<(String, f32)>, Problem> {
    let boost = boost.unwrap_or(Members(Vec::new()));
    limits.check_terms(boost.0.len(), "query.boost")?;
    let bad = format!("has a factor that is not a number from 0, which mutes, to {BOOST_LIMIT}");
    numbers(boost, "query.boost", |factor| (0.0..=BOOST_LIMIT).contains(&factor), &bad)
}

/// Tokens with numbers that are all as they should be, none twice.
fn numbers(
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

/// The query with the dense vectors that were given: of the only field, or by field.
fn with_dense(query: Query, dense: Option<DenseVectors>) -> Result<Query, Problem> {
    let field = "query.dense";
    match dense {
        None => Ok(query),
        Some(DenseVectors::Only(vector)) => Ok(query.and_dense_of_only_field(vector)),
        Some(DenseVectors::Fields(fields)) if !(1..=LEGS_LIMIT).contains(&fields.0.len()) => {
            let found = fields.0.len();
            Err(invalid(field, &format!("{found} dense vectors; there are 1 to {LEGS_LIMIT}")))
        }
        Some(DenseVectors::Fields(fields)) => {
            let twice = |name: String| {
                invalid(field, &format!("the field {} is given twice", quoted(&name)))
            };
            let fields = fields.distinct().map_err(twice)?.into_iter();
            Ok(fields.fold(query, |query, (name, vector)| query.and_dense(name, vector)))
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
