//! What a text is encoded for. Each lane of a model's queue has its turns and its metrics.

use gleaner::Side;

/// What a text is encoded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Somebody waits for hits.
    Search,
    /// Queries to be returned as vectors.
    Query,
    /// Documents to be returned as vectors.
    Document,
}

impl Lane {
    /// Every lane, in the order of their numbers.
    pub(crate) const ALL: [Self; 3] = [Self::Search, Self::Query, Self::Document];

    /// The side the model is asked to encode for.
    pub(crate) fn side(self) -> Side {
        match self {
            Self::Search | Self::Query => Side::Query,
            Self::Document => Side::Document,
        }
    }

    /// The lane of texts whose vectors are asked for.
    pub(crate) fn of_vectors(side: Side) -> Self {
        match side {
            Side::Query => Self::Query,
            Side::Document => Self::Document,
        }
    }

    /// Its name among the labels of a metric.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Query => "query",
            Self::Document => "document",
        }
    }

    /// Whether the texts that wait are limited. Requests that search are few: each has a permit.
    pub(crate) fn is_limited(self) -> bool {
        match self {
            Self::Search => false,
            Self::Query | Self::Document => true,
        }
    }
}
