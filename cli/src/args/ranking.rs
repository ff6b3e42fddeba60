//! Flags that order hits and end their list, alike for all commands that search.

use clap::{Args, ValueEnum};
use gleaner::{Feedback, Ranking, Search, SearchError};

use super::values::score;

/// What orders the hits, and where a list of them ends.
#[derive(Args, Clone)]
pub(crate) struct RankingArgs {
    #[command(flatten)]
    pub(crate) rank: RankArgs,
    #[command(flatten)]
    pub(crate) list: ListArgs,
}

/// One ranking.
#[derive(Args, Clone)]
pub(crate) struct RankArgs {
    /// What orders the hits: hybrid, sparse, bm25, dense, rrf:LEG,… or convex:LEG=WEIGHT,…
    ///
    /// A leg is one way to rank. `sparse` uses the weights of the sparse model. `bm25` uses the words
    /// of the text. `dense` uses dense vectors, and `dense:FIELD` names one of several dense fields.
    ///
    /// `hybrid` fuses every leg that the index has and the query can feed.
    ///
    /// To fuse legs of your choice, write rrf:sparse,bm25,dense or convex:sparse=.6,bm25=.4.
    ///
    /// Options stand among the legs. `depth=N` says how many hits of each leg are fused. `k=60` is for
    /// rrf. `norm=minmax`, `norm=tmm` or `norm=bound` is for convex and says how scores are scaled.
    #[arg(long, value_name = "RANK", default_value = "hybrid", help_heading = "Ranking")]
    pub(crate) rank: String,
}

/// Where a list of hits comes from beside its ranking, and where it ends.
#[derive(Args, Clone)]
pub(crate) struct ListArgs {
    /// Improve the query of a leg with its first hits; may be repeated, once for each leg.
    ///
    /// For example sparse:docs=10,terms=50,weight=.3 or dense:average,docs=3 or
    /// dense:rocchio,alpha=.4,beta=.6.
    ///
    /// `interpolate=` says whose first hits are used: `after` (the default) the leg's own, `both` those
    /// of the fused ranking. `before` uses those, too, and returns the new leg alone.
    #[arg(long, value_name = "LEG:OPTIONS", help_heading = "Ranking")]
    pub(crate) feedback: Vec<String>,
    /// Leave out hits with a lower score [default: none are left out].
    #[arg(
        long, value_name = "SCORE", allow_hyphen_values = true, value_parser = score,
        help_heading = "Ranking"
    )]
    pub(crate) min_score: Option<f32>,
    /// End the list at its knee, where scores have fallen.
    #[arg(long, help_heading = "Ranking")]
    pub(crate) until_knee: bool,
    /// The older name of --until-knee.
    #[arg(long, value_enum, value_name = "WHERE", hide = true, help_heading = "Ranking")]
    pub(crate) cut: Option<CutArg>,
}

/// Where a list may end before `k`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CutArg {
    /// Before the knee, where scores have fallen
    Knee,
}

impl RankingArgs {
    /// A search that says all of this, and not yet for what.
    ///
    /// Errors: `Rank`, `Feedback`.
    pub(crate) fn search(&self) -> Result<Search, SearchError> {
        self.list.search(self.rank.rank.parse()?)
    }
}

impl ListArgs {
    fn is_cut(&self) -> bool {
        self.until_knee || self.cut == Some(CutArg::Knee)
    }

    /// A search by a ranking that says all of this, and not yet for what.
    ///
    /// Errors: `Feedback`.
    pub(crate) fn search(&self, rank: Ranking) -> Result<Search, SearchError> {
        let feedback = self.feedback.iter().map(|feedback| feedback.parse());
        let feedback = feedback.collect::<Result<Vec<Feedback>, SearchError>>()?;
        let search = Search::new("").rank(rank).feedback(feedback).until_knee(self.is_cut());
        Ok(match self.min_score {
            Some(score) => search.min_score(score),
            None => search,
        })
    }
}
