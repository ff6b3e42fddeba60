//! The legs that `hybrid` stands for, in an index and for a query.
//!
//! What a leg then needs to be fed, and by which model, is `prepare`'s.

use gleaner_catalog::DenseField;
use gleaner_searcher::{Fusion, Leg, Method, Normaliser, Rank, SearchError, WeightedLeg};

use crate::{
    error::Error,
    models::Models,
    search::query::{GivenFor, Query},
    search::ranking::{HYBRID, Ranking},
    snapshot::Snapshot,
};

impl Ranking {
    /// The ranking by its legs, for a query in an index.
    ///
    /// ```
    /// use gleaner::{Document, Index, Query, Ranking, SparseVector};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// let mut index = Index::create(folder.path().join("my.index")).open()?;
    /// let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// index.upsert([Document::new("a", "kittens").vector(vector.clone())])?;
    /// let (snapshot, models) = (index.commit()?, index.models());
    /// let both = Query::vector(vector).and_text("kittens");
    /// let rank = Ranking::Hybrid.in_index(&both, &snapshot, models)?;
    /// assert_eq!(rank.to_string(), "convex:norm=bound,sparse,bm25");
    /// let rank = Ranking::Hybrid.in_index(&Query::text("kittens"), &snapshot, models)?;
    /// assert_eq!(rank.to_string(), "bm25");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Search` for a document that is the query and is not there.
    pub fn in_index(
        &self,
        query: &Query,
        snapshot: &Snapshot,
        models: &Models,
    ) -> Result<Rank, Error> {
        match self {
            Self::Hybrid => hybrid(query, snapshot, models),
            Self::Rank(rank) => Ok(rank.clone()),
        }
    }
}

/// Every leg that the index has and the query can feed. Where it can feed none, the first that the
/// index has: that leg says what it lacks.
fn hybrid(query: &Query, snapshot: &Snapshot, models: &Models) -> Result<Rank, Error> {
    let legs = Legs { query, snapshot, models };
    let fed = match &query.like {
        Some(id) => legs.of_document(id)?,
        None => legs.of_query(),
    };
    let legs = if fed.is_empty() { vec![legs.first()] } else { fed };
    let mut legs = legs.into_iter().map(|leg| WeightedLeg { leg, weight: 1.0 });
    match (legs.next(), legs.next()) {
        (Some(only), None) => Ok(Rank::Leg(only.leg)),
        (first, second) => {
            let legs = first.into_iter().chain(second).chain(legs).collect();
            let fusion = Fusion::new(Method::Convex(Normaliser::Bound), legs, None);
            let fusion =
                fusion.map_err(|reason| SearchError::Rank { rank: HYBRID.to_owned(), reason });
            Ok(Rank::Fused(fusion?))
        }
    }
}

/// Says which legs of the index `hybrid` left out, because the query feeds them nothing.
pub(crate) fn left_out(rank: &Rank, snapshot: &Snapshot) -> Option<String> {
    let fields = &snapshot.manifest().dense;
    let is_ranked = |leg: &Leg| rank.legs().any(|ranked| ranked == leg);
    let name = |field: &DenseField| field.spec.name.clone();
    let dense_legs = fields.iter().map(|field| match fields.len() {
        1 => (Leg::Dense(None), "dense".to_owned()),
        _ => (Leg::Dense(Some(name(field))), format!("dense:{}", name(field))),
    });
    let mut legs: Vec<(Leg, String)> = Vec::new();
    legs.extend(snapshot.has_sparse().then(|| (Leg::Sparse, "sparse".to_owned())));
    legs.extend(snapshot.has_text().then(|| (Leg::Bm25, "bm25".to_owned())));
    legs.extend(dense_legs);
    let out: Vec<String> =
        legs.into_iter().filter(|(leg, _)| !is_ranked(leg)).map(|(_, name)| name).collect();
    let said = "the query has no text or vector for it, or no model makes one";
    (!out.is_empty()).then(|| format!("hybrid left out {}: {said}", out.join(", ")))
}

/// What the legs of an index are fed with.
struct Legs<'a> {
    query: &'a Query,
    snapshot: &'a Snapshot,
    models: &'a Models,
}

impl Legs<'_> {
    /// The legs that the query feeds by its text or by vectors that are given.
    fn of_query(&self) -> Vec<Leg> {
        let (query, manifest) = (self.query, self.snapshot.manifest());
        let has_text = query.text.is_some();
        let has_sparse_model = manifest.model.is_some() || self.models.names_sparse();
        let feeds_sparse = query.sparse.is_some() || has_text && has_sparse_model;
        let sparse = self.snapshot.has_sparse() && feeds_sparse;
        let bm25 = self.snapshot.has_text() && has_text;
        let dense = manifest.dense.iter().filter(|field| self.feeds(field));
        let mut legs: Vec<Leg> = sparse.then_some(Leg::Sparse).into_iter().collect();
        legs.extend(bm25.then_some(Leg::Bm25));
        legs.extend(dense.map(|field| self.dense_leg(field)));
        legs
    }

    /// The legs that a document of the index feeds by what it has itself.
    fn of_document(&self, id: &str) -> Result<Vec<Leg>, Error> {
        let has = self.snapshot.commit.legs_of_document(id)?;
        let mut legs: Vec<Leg> = has.sparse.then_some(Leg::Sparse).into_iter().collect();
        legs.extend(has.text.then_some(Leg::Bm25));
        let fields = self.snapshot.manifest().dense.iter().zip(has.dense);
        legs.extend(fields.filter(|(_, has)| *has).map(|(field, _)| self.dense_leg(field)));
        Ok(legs)
    }

    /// Whether the query has a vector for a dense field, or a text that its model makes one of.
    fn feeds(&self, field: &DenseField) -> bool {
        let is_given = self.query.dense.iter().any(|given| match &given.field {
            GivenFor::Field(name) => *name == field.spec.name,
            // Of several fields it is refused by whoever looks for its field.
            GivenFor::OnlyLeg | GivenFor::OnlyField => true,
        });
        let has_model = field.model.is_some() || self.models.names_dense();
        is_given || self.query.text.is_some() && has_model
    }

    /// A dense field as a leg: by its name only where there are several.
    fn dense_leg(&self, field: &DenseField) -> Leg {
        let is_only = self.snapshot.manifest().dense.len() == 1;
        Leg::Dense((!is_only).then(|| field.spec.name.clone()))
    }

    /// The first leg that the index has.
    fn first(&self) -> Leg {
        match &self.snapshot.manifest().dense[..] {
            [field, ..] if !self.snapshot.has_sparse() && !self.snapshot.has_text() => {
                self.dense_leg(field)
            }
            _ if !self.snapshot.has_sparse() && self.snapshot.has_text() => Leg::Bm25,
            _ => Leg::Sparse,
        }
    }
}
