//! What orders the hits, as it is asked for: a ranking by its legs, or `hybrid`, which takes its legs
//! from the index and the query.
//!
//! Which legs those are is `hybrid`'s. How a ranking is written and computed is the searcher's.

use std::{fmt, str::FromStr};

use gleaner_searcher::{Rank, SearchError};

/// The word for [`Ranking::Hybrid`].
pub(super) const HYBRID: &str = "hybrid";

/// What orders the hits.
///
/// ```
/// use gleaner::{Rank, Ranking, Search};
///
/// assert_eq!("hybrid".parse::<Ranking>()?, Ranking::default());
/// let by_ranks = Search::new("penicillin").rank("rrf:sparse,bm25".parse()?);
/// let by_words = Search::new("penicillin").rank(Rank::BM25.into());
/// # Ok::<(), gleaner::SearchError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Ranking {
    /// Every leg that the index has and the query can feed: learned sparse weights, BM25 and every dense
    /// field. Several are fused by `convex:norm=bound` with equal weights. The default: on the recorded
    /// collections it ranks better than any leg alone.
    #[default]
    Hybrid,
    /// The legs that are named.
    Rank(Rank),
}

impl Ranking {
    /// The legs that are named, where they are.
    pub fn rank(&self) -> Option<&Rank> {
        match self {
            Self::Hybrid => None,
            Self::Rank(rank) => Some(rank),
        }
    }
}

impl From<Rank> for Ranking {
    fn from(rank: Rank) -> Self {
        Self::Rank(rank)
    }
}

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hybrid => f.pad(HYBRID),
            Self::Rank(rank) => rank.fmt(f),
        }
    }
}

impl FromStr for Ranking {
    type Err = SearchError;

    /// Reads `hybrid`, or a ranking by its legs.
    ///
    /// # Errors
    /// `Rank`.
    fn from_str(text: &str) -> Result<Self, SearchError> {
        match text.trim() {
            HYBRID => Ok(Self::Hybrid),
            _ => text.parse().map(Self::Rank),
        }
    }
}
