//! A leg's query: everything that the leg needs of a request, checked and prepared for one commit.
//!
//! Running it is left to `legs.rs`, scoring documents that other legs found to `completion.rs`.

use std::borrow::Cow;

use gleaner_format::{DenseSpec, SparseVector};

use crate::{
    dense::nearest::PreparedVector,
    error::SearchError,
    lexical::bm25::Bm25Query,
    query::{
        boost::{Boost, boosted},
        request::SearchRequest,
    },
    ranking::rank::Leg,
    snapshot::commit::Snapshot,
    sparse::scaled_query::QUERY_TERMS_LIMIT,
};

/// A leg with its query.
pub(crate) enum LegQuery<'q> {
    /// Learned weights: those of the request itself, unless boosts or feedback changed them.
    Sparse(Cow<'q, SparseVector>),
    /// Words.
    Bm25(Bm25Query),
    /// A dense vector.
    Dense {
        /// Place of the field among the index's.
        position: usize,
        /// The field.
        spec: DenseSpec,
        /// The prepared query.
        query: PreparedVector,
    },
}

impl<'q> LegQuery<'q> {
    /// Takes what the leg needs out of the request.
    ///
    /// Errors: `MissingInput`, `QueryTerms`, `NoText`, `DenseField`, `DenseQuery`.
    pub(crate) fn new(
        snapshot: &Snapshot,
        leg: &Leg,
        request: &SearchRequest<'q>,
    ) -> Result<Self, SearchError> {
        match leg {
            Leg::Sparse => {
                let needs = "a query vector: text and a model, or tokens with weights";
                let missing = SearchError::MissingInput { rank: "sparse".to_owned(), needs };
                Self::sparse(Cow::Borrowed(request.vector.ok_or(missing)?))
            }
            Leg::Bm25 => {
                let needs = "the query's text";
                let missing = SearchError::MissingInput { rank: "bm25".to_owned(), needs };
                Self::bm25(snapshot, request.text.ok_or(missing)?)
            }
            Leg::Dense(field) => {
                let name = &snapshot.manifest().dense_field(field.as_deref())?.spec.name;
                let given = request.dense.iter().find(|given| given.field == name);
                let needs =
                    "a dense query vector: text and the field's model, or the vector itself";
                let missing = SearchError::MissingInput { rank: leg.to_string(), needs };
                Self::dense(snapshot, name, given.ok_or(missing)?.vector)
            }
        }
    }

    /// Errors: `NoText`.
    pub(crate) fn bm25(snapshot: &Snapshot, text: &str) -> Result<Self, SearchError> {
        Ok(Self::Bm25(Bm25Query::new(snapshot, text)?))
    }

    /// The words of a whole document, the strongest of them.
    ///
    /// Errors: `NoText`.
    pub(crate) fn bm25_like(snapshot: &Snapshot, text: &str) -> Result<Self, SearchError> {
        Ok(Self::Bm25(Bm25Query::like(snapshot, text)?))
    }

    /// Errors: `QueryTerms`.
    pub(crate) fn sparse(vector: Cow<'q, SparseVector>) -> Result<Self, SearchError> {
        match vector.len() {
            found if found > QUERY_TERMS_LIMIT => {
                Err(SearchError::QueryTerms { found, limit: QUERY_TERMS_LIMIT })
            }
            _ => Ok(Self::Sparse(vector)),
        }
    }

    /// Errors: `DenseField`, `DenseQuery`.
    pub(crate) fn dense(
        snapshot: &Snapshot,
        name: &str,
        vector: &[f32],
    ) -> Result<Self, SearchError> {
        let spec = snapshot.manifest().dense_field(Some(name))?.spec.clone();
        let position = snapshot.dense_position(name);
        let query = PreparedVector::new(spec.prepare_query(vector)?);
        Ok(Self::Dense { position, spec, query })
    }

    /// The query with its sparse weights multiplied; there is nothing to multiply in others.
    pub(crate) fn boosted(self, boosts: &[Boost]) -> Self {
        match self {
            Self::Sparse(vector) => Self::Sparse(boosted(vector, boosts)),
            Self::Bm25(_) | Self::Dense { .. } => self,
        }
    }

    /// Whether the leg's hits are single rows, so that a hit is a passage where rows are passages.
    /// BM25 knows whole texts only.
    pub(crate) fn finds_rows(&self) -> bool {
        match self {
            Self::Sparse(_) | Self::Dense { .. } => true,
            Self::Bm25(_) => false,
        }
    }
}

impl Snapshot {
    /// The place of a dense field of the index among its fields.
    pub(crate) fn dense_position(&self, name: &str) -> usize {
        let fields = &self.manifest().dense;
        fields.iter().position(|field| field.spec.name == name).unwrap_or(fields.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_query_without_boosts_is_the_one_that_was_given() {
        let given = SparseVector::from_pairs([(1, 2.0), (4, 1.0)]).unwrap();
        let boost = |term| Boost { term, factor: 0.5 };
        // A boost of a term that the query does not have changes nothing either.
        for (boosts, is_given) in [(&[][..], true), (&[boost(2)], true), (&[boost(4)], false)] {
            let query = LegQuery::sparse(Cow::Borrowed(&given)).unwrap().boosted(boosts);
            let LegQuery::Sparse(vector) = query else { panic!("a sparse query") };
            assert_eq!(std::ptr::eq(vector.terms(), given.terms()), is_given, "{boosts:?}");
            assert_eq!(std::ptr::eq(vector.weights(), given.weights()), is_given, "{boosts:?}");
        }
    }
}
