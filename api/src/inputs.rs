//! What a ranking needs of a query: given, or to be made of its text, and by which model.
//!
//! Models are asked for only where they are needed, so that an index without one still answers to
//! vectors and words. Dense fields, tokens and vectors are checked here, before anything is
//! encoded.

use std::sync::Arc;

use gleaner_encoder::{DenseModel, Model, SparseVector};
use gleaner_searcher::{Boost, DenseField, Leg, Manifest};

use crate::{
    encoding::{Encoding, Texts, Ticket},
    error::{Code, Problem},
    models::{Loaded, Models, ServedModel},
    wire::{GivenDense, Query, Search, SparseQuery, quoted},
};

/// A query with all that its ranking takes.
pub(crate) struct Inputs {
    /// For BM25.
    pub(crate) text: Option<String>,
    pub(crate) sparse: Option<Source<SparseVector>>,
    pub(crate) dense: Vec<DenseInput>,
    /// The document that is the query; everything above is then missing.
    pub(crate) like: Option<String>,
    pub(crate) boosts: Vec<Boost>,
}

/// What a dense leg takes.
pub(crate) struct DenseInput {
    pub(crate) field: String,
    pub(crate) source: Source<Vec<f32>>,
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

/// A query vector, or the model that makes it of the text.
enum Origin<'a, M: ServedModel> {
    Given(M::Vector),
    Model(&'a Arc<Loaded<M>>),
}

impl<M: ServedModel> Origin<'_, M> {
    fn source(self, texts: &mut Texts<M>, text: Option<&str>) -> Source<M::Vector> {
        match self {
            Self::Given(vector) => Source::Given(vector),
            Self::Model(model) => Source::Encoded(texts.add(model, text.unwrap_or_default())),
        }
    }
}

impl Inputs {
    /// Finds what a search needs, and adds what is to be encoded to `encoding`.
    ///
    /// Errors: `unknown_field`, `unknown_token`, `invalid_request`, `invalid_query`,
    /// `model_not_found`, `model_mismatch`; nothing is added then.
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
        let dense = names.dense(search, &query)?;
        let Query { text, sparse, like, .. } = query;
        let sparse = match sparse {
            Some(given) => Some(Origin::Given(names.sparse(given)?)),
            None if like.is_none() && search.rank.needs_sparse() => {
                Some(Origin::Model(names.models.of_index(names.manifest)?))
            }
            None => None,
        };
        // Nothing can go wrong any more.
        let sparse = sparse.map(|origin| origin.source(&mut encoding.sparse, text.as_deref()));
        let dense = dense.into_iter().map(|(field, origin)| DenseInput {
            field: field.spec.name.clone(),
            source: origin.source(&mut encoding.dense, text.as_deref()),
        });
        Ok(Self { sparse, dense: dense.collect(), text, like, boosts })
    }

    /// Whether a text had to be encoded.
    pub(crate) fn is_encoded(&self) -> bool {
        let of_dense = self.dense.iter().any(|dense| matches!(dense.source, Source::Encoded(_)));
        of_dense || matches!(self.sparse, Some(Source::Encoded(_)))
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

    /// By dense leg, its field and where its vector comes from; nothing where a document is the
    /// query.
    ///
    /// Errors: `unknown_field`; `invalid_request` for a field that is named twice; `invalid_query`
    /// for vectors that do not fit, or have no leg, and for legs without text or vector;
    /// `model_not_found`, `model_mismatch`.
    fn dense(
        &self,
        search: &Search,
        query: &Query,
    ) -> Result<Vec<(&'a DenseField, Origin<'a, DenseModel>)>, Problem> {
        let mut given = self.given_dense(&query.dense)?;
        let mut origins: Vec<(&DenseField, Origin<'a, DenseModel>)> = Vec::new();
        for name in search.rank.dense_fields() {
            let part = search.part_of(name);
            let field = self.dense_field(name, part)?;
            if origins.iter().any(|(other, _)| other.spec.name == field.spec.name) {
                let detail = format!("the dense field `{}` is two legs", field.spec.name);
                return Err(Problem::new(Code::InvalidRequest, detail).field(part));
            }
            if let Some(at) = given.iter().position(|(of, _)| of.spec.name == field.spec.name) {
                origins.push((field, Origin::Given(given.swap_remove(at).1.to_vec())));
            } else if query.like.is_none() {
                origins.push((field, Origin::Model(self.dense_model(field, query)?)));
            }
        }
        match given.first() {
            Some((field, _)) => {
                let name = &field.spec.name;
                let detail = format!("the ranking has no dense leg for the field `{name}`");
                Err(invalid_dense(detail).hint("rank by dense, or fuse it: rrf:sparse,dense"))
            }
            None => Ok(origins),
        }
    }

    /// Vectors that were given, with their fields.
    ///
    /// Errors: `unknown_field`, `invalid_query`.
    fn given_dense<'b>(
        &self,
        given: &'b [GivenDense],
    ) -> Result<Vec<(&'a DenseField, &'b [f32])>, Problem> {
        let check = |GivenDense { field, vector }: &'b GivenDense| {
            let field = self.dense_field(field.as_deref(), "query.dense")?;
            // The engine prepares it; this is to say no before anything is encoded.
            let prepared = field.spec.prepare_query(vector);
            prepared.map_err(|error| invalid_dense(error.to_string()))?;
            Ok((field, &vector[..]))
        };
        given.iter().map(check).collect()
    }

    /// The model that encodes the text for a dense field.
    ///
    /// Errors: `invalid_query` without a text; `model_not_found`, `model_mismatch`.
    fn dense_model(
        &self,
        field: &DenseField,
        query: &Query,
    ) -> Result<&'a Arc<Loaded<DenseModel>>, Problem> {
        if query.text.is_none() {
            let name = &field.spec.name;
            let detail =
                format!("ranking by the dense field `{name}` needs a text or a vector for it");
            return Err(invalid_dense(detail));
        }
        self.models.of_field(field)
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

fn invalid_dense(detail: String) -> Problem {
    Problem::new(Code::InvalidQuery, detail).field("query.dense")
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
