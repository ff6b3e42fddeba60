//! What a ranking needs of a query in one index: given, or to be made of its text and by which model.
//!
//! A [`Prepared`] search has every dense field, token and given vector checked before anything is encoded.
//! Models are asked for only where they are needed, so an index without one still answers to vectors
//! and words. Making the missing vectors is `encode`'s, searching `snapshot`'s.

use std::sync::{Arc, atomic::AtomicBool};

use gleaner_catalog::{DenseField, Manifest};
use gleaner_encoder::{DenseModel, Model, SparseVector};
use gleaner_searcher::{Boost, Leg, Rank};

use crate::{
    error::{Error, Part},
    models::Models,
    search::query::{GivenDense, GivenFor, Query, Search, SparseQuery},
    search::vocabulary::{term_of, vector_of},
    snapshot::Snapshot,
};

/// A query vector: at hand, or to be made of the query's text by a model.
#[derive(Clone)]
pub enum QueryVector<V, M> {
    /// At hand.
    Given(V),
    /// To be made by this model.
    Encode(M),
}

/// A search that is checked against an index and knows what is still to be encoded.
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
/// # drop(Index::create(&path).model(model).open()?);
/// let index = Index::open(path)?;
/// let snapshot = index.snapshot();
/// let search = Search::new("penicillin");
/// let mut prepared = Prepared::new(search, &snapshot, index.models())?;
/// assert!(prepared.needs_encoding());
/// QueryEncoder::new(1).encode(&mut prepared)?;
/// assert!(snapshot.search(&prepared)?.hits.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Prepared {
    pub(crate) search: Search,
    /// What orders the hits in this index.
    pub(crate) rank: Rank,
    pub(crate) sparse: Option<QueryVector<SparseVector, Model>>,
    /// By dense field.
    pub(crate) dense: Vec<(String, QueryVector<Vec<f32>, DenseModel>)>,
    pub(crate) boosts: Vec<Boost>,
    /// Names terms in explanations, where a model is at hand.
    pub(crate) vocabulary: Option<Model>,
    /// Set when nobody waits for the answer any more.
    pub(crate) given_up: Option<Arc<AtomicBool>>,
}

impl Prepared {
    /// Finds what a search needs in an index.
    ///
    /// # Errors
    /// Those of [`Search::check`]; `NoLeg` for dense vectors without a leg; `UnknownField`, `TwoLegs`, `WhichField`,
    /// `DenseVector`, `NoDenseInput` for dense legs; `Token`, `Tokens` for tokens; those of
    /// [`Models::sparse_of`] and [`Models::dense_of`] where a text is to be encoded.
    pub fn new(search: Search, snapshot: &Snapshot, models: &Models) -> Result<Self, Error> {
        search.check()?;
        let manifest = snapshot.manifest();
        let rank = search.ranking.in_index(&search.query, snapshot, models)?;
        search.query.check_legs(&rank)?;
        for feedback in &search.feedback {
            if let Leg::Dense(field) = &feedback.leg {
                dense_field(manifest, field.as_deref(), Part::Feedback)?;
            }
        }
        let resolve = Resolve { manifest, models, query: &search.query };
        let (boosts, boost_model) = resolve.boosts()?;
        let dense = resolve.dense(&rank)?;
        let (sparse, sparse_model) = resolve.sparse(&rank)?;
        let at_hand = || models.sparse_at_hand(manifest);
        let vocabulary = sparse_model.or(boost_model).or_else(at_hand);
        Ok(Self { search, rank, sparse, dense, boosts, vocabulary, given_up: None })
    }

    /// The sparse query vector, where the ranking takes one.
    pub fn sparse(&self) -> Option<&QueryVector<SparseVector, Model>> {
        self.sparse.as_ref()
    }

    /// The dense query vectors by field.
    pub fn dense(&self) -> impl Iterator<Item = (&str, &QueryVector<Vec<f32>, DenseModel>)> {
        self.dense.iter().map(|(field, vector)| (&field[..], vector))
    }

    /// Puts the sparse vector of the query's text in its place.
    pub fn set_sparse(&mut self, vector: SparseVector) {
        self.sparse = Some(QueryVector::Given(vector));
    }

    /// Puts the dense vector of the query's text in its place. A field that takes none is passed over.
    pub fn set_dense(&mut self, field: &str, vector: Vec<f32>) {
        if let Some((_, place)) = self.dense.iter_mut().find(|(name, _)| name == field) {
            *place = QueryVector::Given(vector);
        }
    }

    /// Whether a vector is still to be made of the text.
    pub fn needs_encoding(&self) -> bool {
        let sparse = self.sparse.as_ref().is_some_and(QueryVector::is_missing);
        sparse || self.dense.iter().any(|(_, vector)| vector.is_missing())
    }

    /// The search as it was asked for.
    pub fn search(&self) -> &Search {
        &self.search
    }

    /// What orders the hits: the search's ranking, by the legs of this index.
    pub fn rank(&self) -> &Rank {
        &self.rank
    }

    /// The model whose tokens name the terms of explanations, where one is at hand.
    pub fn vocabulary(&self) -> Option<&Model> {
        self.vocabulary.as_ref()
    }

    /// The same search, whose explanations name terms by this model's tokens.
    pub fn with_vocabulary(mut self, model: Model) -> Self {
        self.vocabulary = Some(model);
        self
    }

    /// The same search, which ends as at a deadline when this is set: nobody waits for its answer any
    /// more.
    pub fn until_given_up(mut self, given_up: Arc<AtomicBool>) -> Self {
        self.given_up = Some(given_up);
        self
    }

    /// The same search with another moment at which the best found so far is returned.
    pub fn with_deadline(mut self, deadline: std::time::Instant) -> Self {
        self.search = self.search.deadline(deadline);
        self
    }
}

impl<V, M> QueryVector<V, M> {
    fn is_missing(&self) -> bool {
        match self {
            Self::Given(_) => false,
            Self::Encode(_) => true,
        }
    }
}

/// What names are looked up in.
struct Resolve<'a> {
    manifest: &'a Manifest,
    models: &'a Models,
    query: &'a Query,
}

/// Dense query vectors by field.
type DenseVectors = Vec<(String, QueryVector<Vec<f32>, DenseModel>)>;

impl Resolve<'_> {
    /// The vectors of the ranking's dense legs; none where a document is the query.
    fn dense(&self, rank: &Rank) -> Result<DenseVectors, Error> {
        let mut given = self.given_dense(rank)?;
        let mut vectors: DenseVectors = Vec::new();
        for leg in rank.dense_fields() {
            let field = dense_field(self.manifest, leg, Part::Rank)?;
            let name = &field.spec.name;
            if vectors.iter().any(|(other, _)| other == name) {
                return Err(Error::TwoLegs { field: name.clone(), leg: leg.map(str::to_owned) });
            }
            if let Some(at) = given.iter().position(|(other, _)| other == name) {
                vectors.push((name.clone(), QueryVector::Given(given.remove(at).1)));
            } else if self.query.like.is_none() {
                let model = self.dense_model(field, leg)?;
                vectors.push((name.clone(), QueryVector::Encode(model)));
            }
        }
        match given.into_iter().next() {
            None => Ok(vectors),
            Some((field, _)) => {
                Err(Error::NoLeg { part: Part::Dense, rank: rank.to_string(), field: Some(field) })
            }
        }
    }

    /// The vectors that were given, with their fields.
    fn given_dense(&self, rank: &Rank) -> Result<Vec<(String, Vec<f32>)>, Error> {
        let legs: Vec<Option<&str>> = rank.dense_fields().collect();
        let resolve = |GivenDense { field, vector }: &GivenDense| {
            let field = match (field, &legs[..]) {
                (GivenFor::Field(name), _) => dense_field(self.manifest, Some(name), Part::Dense)?,
                (GivenFor::OnlyLeg, [leg]) => dense_field(self.manifest, *leg, Part::Rank)?,
                (GivenFor::OnlyLeg, []) | (GivenFor::OnlyField, _) => {
                    dense_field(self.manifest, None, Part::Dense)?
                }
                (GivenFor::OnlyLeg, _) => {
                    let only = self.manifest.dense_field(None);
                    only.map_err(|source| Error::WhichField { source })?
                }
            };
            // The searcher prepares it again; here a vector is refused before anything is encoded.
            let prepared = field.spec.prepare_query(vector);
            prepared?;
            Ok((field.spec.name.clone(), vector.clone()))
        };
        self.query.dense.iter().map(resolve).collect()
    }

    fn dense_model(&self, field: &DenseField, leg: Option<&str>) -> Result<DenseModel, Error> {
        match self.query.text {
            Some(_) => self.models.dense_of(field),
            None => Err(Error::NoDenseInput {
                field: field.spec.name.clone(),
                leg: Leg::Dense(leg.map(str::to_owned)).to_string(),
            }),
        }
    }

    /// The sparse query vector where the ranking takes one, and the model that was asked for it. A
    /// search without a text or a vector is left to the searcher, which says what is missing.
    #[allow(clippy::type_complexity)]
    fn sparse(
        &self,
        rank: &Rank,
    ) -> Result<(Option<QueryVector<SparseVector, Model>>, Option<Model>), Error> {
        match &self.query.sparse {
            Some(SparseQuery::Vector(vector)) => {
                Ok((Some(QueryVector::Given(vector.clone())), None))
            }
            Some(SparseQuery::Tokens(tokens)) => {
                let model = self.models.sparse_of(self.manifest)?;
                let vector = vector_of(tokens, &model)?;
                Ok((Some(QueryVector::Given(vector)), Some(model)))
            }
            None if rank.needs_sparse() && self.query.text.is_some() => {
                let model = self.models.sparse_of(self.manifest)?;
                Ok((Some(QueryVector::Encode(model.clone())), Some(model)))
            }
            None => Ok((None, None)),
        }
    }

    /// Boosts and mutes by term.
    fn boosts(&self) -> Result<(Vec<Boost>, Option<Model>), Error> {
        let Query { boost, mute, .. } = self.query;
        if boost.is_empty() && mute.is_empty() {
            return Ok((Vec::new(), None));
        }
        // Without a model, tokens are term ids.
        let has_model = self.manifest.model.is_some() || self.models.names_sparse();
        let model = match self.models.sparse_of(self.manifest) {
            Ok(model) => Some(model),
            Err(Error::NoModel) if self.manifest.model.is_none() => None,
            Err(error) if has_model => return Err(error),
            Err(_) => None,
        };
        let term = |part, token: &str| term_of(token, model.as_ref(), part);
        let factors = boost.iter().map(|(token, factor)| (Part::Boost, token, *factor));
        let silenced = mute.iter().map(|token| (Part::Mute, token, 0.0));
        let boosts = factors
            .chain(silenced)
            .map(|(part, token, factor)| Ok(Boost { term: term(part, token)?, factor }));
        let boosts = boosts.collect::<Result<Vec<_>, Error>>()?;
        Ok((boosts, model))
    }
}

/// A dense field by its name; without one, the only one.
///
/// Errors: `UnknownField` about `part`.
fn dense_field<'a>(
    manifest: &'a Manifest,
    name: Option<&str>,
    part: Part,
) -> Result<&'a DenseField, Error> {
    manifest.dense_field(name).map_err(|error| Error::UnknownField {
        part,
        field: name.map(str::to_owned),
        source: error,
    })
}
