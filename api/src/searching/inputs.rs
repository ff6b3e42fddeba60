//! What a ranking needs of a query: given, or to be made of its text, and by which model.
//!
//! Models are asked for only where they are needed, so that an index without one still answers to
//! vectors and words. Dense fields, tokens and vectors are checked here, before anything is
//! encoded.

use std::sync::Arc;

use gleaner_encoder::{DenseModel, Model, SparseVector};
use gleaner_searcher::{Boost, DenseField, Leg, Manifest};

use super::texts::{QueryTexts, TextsByModel, Ticket};
use crate::{
    error::{Code, Problem, quoted},
    models::{LoadedModel, Models, ServedModel},
    wire::{GivenDense, Query, Search, SparseQuery},
};

/// A query with all that its ranking takes.
pub(crate) struct SearchInputs {
    /// For BM25.
    pub(crate) text: Option<String>,
    pub(crate) sparse: Option<VectorSource<SparseVector>>,
    pub(crate) dense: Vec<DenseInput>,
    /// The document that is the query; everything above is then missing.
    pub(crate) like: Option<String>,
    pub(crate) boosts: Vec<Boost>,
}

/// What a dense leg takes.
pub(crate) struct DenseInput {
    pub(crate) field: String,
    pub(crate) source: VectorSource<Vec<f32>>,
}

/// Where a query vector comes from.
pub(crate) enum VectorSource<V> {
    /// From the client.
    Given(V),
    /// From the query's text.
    Encoded(Ticket),
}

impl<V> VectorSource<V> {
    fn is_encoded(&self) -> bool {
        match self {
            Self::Given(_) => false,
            Self::Encoded(_) => true,
        }
    }
}

/// What names of fields, models and tokens are looked up in.
#[derive(Clone, Copy)]
pub(crate) struct NameLookup<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) models: &'a Models,
}

/// A query vector, or the model that makes it of the text.
enum ResolvedVector<'a, M: ServedModel> {
    Given(M::Vector),
    Model(&'a Arc<LoadedModel<M>>),
}

impl<M: ServedModel> ResolvedVector<'_, M> {
    fn source(self, texts: &mut TextsByModel<M>, text: Option<&str>) -> VectorSource<M::Vector> {
        match self {
            Self::Given(vector) => VectorSource::Given(vector),
            Self::Model(model) => VectorSource::Encoded(texts.add(model, text.unwrap_or_default())),
        }
    }
}

impl SearchInputs {
    /// Finds what a search needs, and adds what is to be encoded to `to_encode`.
    ///
    /// Errors: `unknown_field`, `unknown_token`, `invalid_request`, `invalid_query`,
    /// `model_not_found`, `model_mismatch`; nothing is added then.
    pub(crate) fn of(
        search: &Search,
        query: Query,
        names: NameLookup<'_>,
        to_encode: &mut QueryTexts,
    ) -> Result<Self, Problem> {
        for feedback in &search.feedback {
            match &feedback.leg {
                Leg::Dense(field) => {
                    names.dense_field(field.as_deref(), "feedback")?;
                }
                Leg::Sparse | Leg::Bm25 => {}
            }
        }
        let boosts = names.boosts(&query)?;
        let dense = names.dense(search, &query)?;
        let Query { text, sparse, like, .. } = query;
        let sparse = match sparse {
            Some(given) => Some(ResolvedVector::Given(names.sparse(given)?)),
            None if like.is_none() && search.rank.needs_sparse() => {
                Some(ResolvedVector::Model(names.models.of_index(names.manifest)?))
            }
            None => None,
        };
        // Nothing can go wrong any more.
        let sparse = sparse.map(|resolved| resolved.source(&mut to_encode.sparse, text.as_deref()));
        let dense = dense.into_iter().map(|(field, resolved)| DenseInput {
            field: field.spec.name.clone(),
            source: resolved.source(&mut to_encode.dense, text.as_deref()),
        });
        Ok(Self { sparse, dense: dense.collect(), text, like, boosts })
    }

    /// Whether a text had to be encoded.
    pub(crate) fn is_encoded(&self) -> bool {
        self.dense.iter().any(|dense| dense.source.is_encoded())
            || self.sparse.as_ref().is_some_and(VectorSource::is_encoded)
    }
}

impl<'a> NameLookup<'a> {
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
    ) -> Result<Vec<(&'a DenseField, ResolvedVector<'a, DenseModel>)>, Problem> {
        let mut given = self.given_dense(&query.dense)?;
        let mut resolved: Vec<(&DenseField, ResolvedVector<'a, DenseModel>)> = Vec::new();
        for name in search.rank.dense_fields() {
            let part = search.part_of(name);
            let field = self.dense_field(name, part)?;
            if resolved.iter().any(|(other, _)| other.spec.name == field.spec.name) {
                let detail = format!("the dense field `{}` is two legs", field.spec.name);
                return Err(Problem::new(Code::InvalidRequest, detail).field(part));
            }
            if let Some(at) = given.iter().position(|(of, _)| of.spec.name == field.spec.name) {
                resolved.push((field, ResolvedVector::Given(given.swap_remove(at).1.to_vec())));
            } else if query.like.is_none() {
                resolved.push((field, ResolvedVector::Model(self.dense_model(field, query)?)));
            }
        }
        match given.first() {
            Some((field, _)) => {
                let name = &field.spec.name;
                let detail = format!("the ranking has no dense leg for the field `{name}`");
                Err(invalid_dense(detail).hint("rank by dense, or fuse it: rrf:sparse,dense"))
            }
            None => Ok(resolved),
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
    ) -> Result<&'a Arc<LoadedModel<DenseModel>>, Problem> {
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

fn named_term(model: &LoadedModel<Model>, token: &str, part: &str) -> Result<u32, Problem> {
    model.model().term(token).ok_or_else(|| {
        unknown_token(token, part, "the model's vocabulary does not have it")
            .hint("POST /v1/encode shows the tokens of a text")
    })
}

fn unknown_token(token: &str, part: &str, why: &str) -> Problem {
    let detail = format!("no token {}: {why}", quoted(token));
    Problem::new(Code::UnknownToken, detail).field(part)
}
