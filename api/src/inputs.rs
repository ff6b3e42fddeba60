//! What a ranking needs of a query: given, or to be made of its text, and by which model.
//!
//! Models are asked for only where they are needed, so that an index without one still answers to
//! vectors and words. Dense fields, tokens and vectors are checked here, before anything is encoded.

use std::sync::Arc;

use gleaner_encoder::{DenseModel, Model, SparseVector};
use gleaner_searcher::{Boost, DenseField, Leg, Manifest};

use crate::{
    encoding::{Encoding, Ticket},
    error::{Code, Problem},
    models::{Loaded, Models},
    wire::{Query, Search, SparseQuery, quoted},
};

/// A query with all that its ranking takes.
pub(crate) struct Inputs {
    /// For BM25.
    pub(crate) text: Option<String>,
    pub(crate) sparse: Option<Source<SparseVector>>,
    /// By dense field.
    pub(crate) dense: Vec<(String, Source<Vec<f32>>)>,
    /// The document that is the query; everything above is then missing.
    pub(crate) like: Option<String>,
    pub(crate) boosts: Vec<Boost>,
}

/// Where a query vector comes from.
pub(crate) enum Source<V> {
    /// From the client.
    Given(V),
    /// From the query's text.
    Encoded(Ticket),
}

/// What there is to look names up in.
#[derive(Clone, Copy)]
pub(crate) struct Names<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) models: &'a Models,
}

/// A dense leg's vector, or the model that makes it.
type DenseSource<'a> = (&'a DenseField, Result<Vec<f32>, &'a Arc<Loaded<DenseModel>>>);

impl Inputs {
    /// Finds what a search needs, and adds what is to be encoded to `encoding`.
    ///
    /// Errors: `unknown_field`, `unknown_token`, `invalid_query`, `model_not_found`, `model_mismatch`;
    /// nothing is added then.
    pub(crate) fn of(
        search: &Search,
        query: Query,
        names: Names<'_>,
        encoding: &mut Encoding,
    ) -> Result<Self, Problem> {
        for feedback in &search.feedback {
            if let Leg::Dense(field) = &feedback.leg {
                names.dense_field(field.as_deref(), "feedback")?;
            }
        }
        let boosts = names.boosts(&query)?;
        let mut given = names.given_dense(query.dense)?;
        let (text, like) = (query.text, query.like);
        let needs_vectors = like.is_none();
        let mut dense = Vec::new();
        for field in search.rank.dense_fields() {
            let field = names.dense_field(field, search.part_of(field))?;
            let at = given.iter().position(|(name, _)| *name == field.spec.name);
            match at {
                Some(at) => dense.push((field, Ok(given.swap_remove(at).1))),
                None if needs_vectors => {
                    dense.push((field, Err(names.dense_model(field, text.is_some())?)));
                }
                None => {}
            }
        }
        if let Some((name, _)) = given.first() {
            let detail = format!("the ranking has no dense leg for the field `{name}`");
            return Err(Problem::new(Code::InvalidQuery, detail)
                .field("query.dense")
                .hint("rank by dense, or fuse it: rrf:sparse,dense"));
        }
        let needs_sparse = needs_vectors && search.rank.needs_sparse();
        let sparse = match query.sparse {
            Some(given) => Some(Ok(names.sparse(given)?)),
            None if needs_sparse => Some(Err(names.models.of_index(names.manifest)?)),
            None => None,
        };
        let (sparse, dense) = encoding.add(text.as_deref(), sparse, dense);
        Ok(Self { text, sparse, dense, like, boosts })
    }
}

impl Encoding {
    /// Adds the text for the models that are to encode it.
    fn add(
        &mut self,
        text: Option<&str>,
        sparse: Option<Result<SparseVector, &Arc<Loaded<Model>>>>,
        dense: Vec<DenseSource<'_>>,
    ) -> (Option<Source<SparseVector>>, Vec<(String, Source<Vec<f32>>)>) {
        let text = text.unwrap_or_default();
        let sparse = sparse.map(|sparse| match sparse {
            Ok(vector) => Source::Given(vector),
            Err(model) => Source::Encoded(self.sparse.add(model, text)),
        });
        let dense = dense.into_iter().map(|(field, source)| {
            let source = match source {
                Ok(vector) => Source::Given(vector),
                Err(model) => Source::Encoded(self.dense.add(model, text)),
            };
            (field.spec.name.clone(), source)
        });
        (sparse, dense.collect())
    }
}

impl<'a> Names<'a> {
    /// A dense field by its name, or the only one; `part` of the request names it.
    ///
    /// Errors: `unknown_field`.
    fn dense_field(&self, name: Option<&str>, part: &str) -> Result<&'a DenseField, Problem> {
        let found = self.manifest.dense_field(name);
        found.map_err(|error| Problem::from(error).field(part))
    }

    /// The model that encodes a text for a dense field.
    ///
    /// Errors: `invalid_query` without a text; `model_not_found`, `model_mismatch`.
    fn dense_model(
        &self,
        field: &DenseField,
        has_text: bool,
    ) -> Result<&'a Arc<Loaded<DenseModel>>, Problem> {
        if !has_text {
            let name = &field.spec.name;
            let detail =
                format!("ranking by the dense field `{name}` needs a text or a vector for it");
            return Err(Problem::new(Code::InvalidQuery, detail).field("query.dense"));
        }
        self.models.of_field(field)
    }

    /// Vectors that were given, by field.
    ///
    /// Errors: `unknown_field`, `invalid_query`.
    fn given_dense(
        &self,
        given: Vec<(Option<String>, Vec<f32>)>,
    ) -> Result<Vec<(String, Vec<f32>)>, Problem> {
        let check = |(name, vector): (Option<String>, Vec<f32>)| {
            let spec = &self.dense_field(name.as_deref(), "query.dense")?.spec;
            let refused =
                |error| Problem::new(Code::InvalidQuery, format!("{error}")).field("query.dense");
            // The engine prepares it; this is to say no before anything is encoded.
            spec.prepare_query(&vector).map_err(refused)?;
            Ok((spec.name.clone(), vector))
        };
        given.into_iter().map(check).collect()
    }

    fn sparse(&self, given: SparseQuery) -> Result<SparseVector, Problem> {
        let tokens = match given {
            SparseQuery::Vector(vector) => return Ok(vector),
            SparseQuery::Tokens(tokens) => tokens,
        };
        let model = self.models.of_index(self.manifest)?;
        let term = |(token, weight): &(String, f32)| {
            Ok((named_term(model, token, "query.tokens")?, *weight))
        };
        let pairs = tokens.iter().map(term).collect::<Result<Vec<_>, Problem>>()?;
        SparseVector::from_pairs(pairs).map_err(|error| {
            Problem::new(Code::InvalidQuery, error.to_string()).field("query.tokens")
        })
    }

    /// Boosts and mutes by term. In an index without a model, tokens are term ids in digits.
    fn boosts(&self, query: &Query) -> Result<Vec<Boost>, Problem> {
        if query.boost.is_empty() && query.mute.is_empty() {
            return Ok(Vec::new());
        }
        let model = match self.manifest.model {
            Some(_) => Some(self.models.of_index(self.manifest)?),
            None => None,
        };
        let term = |token: &str, part| match model {
            Some(model) => named_term(model, token, part),
            None => token.parse().map_err(|_| {
                unknown_token(token, part, "the index has no model; a token is a term id there")
            }),
        };
        let boost = |(token, factor): &(String, f32)| -> Result<Boost, Problem> {
            Ok(Boost { term: term(token, "query.boost")?, factor: *factor })
        };
        let mute = |token: &String| -> Result<Boost, Problem> {
            Ok(Boost { term: term(token, "query.mute")?, factor: 0.0 })
        };
        query.boost.iter().map(boost).chain(query.mute.iter().map(mute)).collect()
    }
}

fn named_term(model: &Loaded<Model>, token: &str, part: &str) -> Result<u32, Problem> {
    model.model().term(token).ok_or_else(|| {
        unknown_token(token, part, "the model's vocabulary does not have it")
            .hint("POST /v1/encode shows the tokens of a text")
    })
}

fn unknown_token(token: &str, part: &str, why: &str) -> Problem {
    let detail = format!("no token {}: {why}", quoted(token));
    Problem::new(Code::UnknownToken, detail).field(part)
}
