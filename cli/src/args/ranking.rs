//! Flags that order hits and end their list, alike for all commands that search.

use clap::{Args, ValueEnum};
use gleaner::{Feedback, Ranking, Search, SearchError};

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
    /// What orders the hits. `hybrid` fuses every leg that the index has and the query can feed. One
    /// leg is sparse, bm25, dense or dense:FIELD. Several are fused: rrf:sparse,bm25,dense or
    /// convex:sparse=.6,bm25=.4. Options stand among the legs: k=60 (rrf), norm=minmax, tmm or bound
    /// (convex), depth=N
    #[arg(long, value_name = "RANK", default_value = "hybrid")]
    pub(crate) rank: String,
}

/// Where a list of hits comes from beside its ranking, and where it ends.
#[derive(Args, Clone)]
pub(crate) struct ListArgs {
    /// Make the query of a leg anew from the first answers: sparse:docs=10,terms=50,weight=.3,
    /// dense:average,docs=3 or dense:rocchio,alpha=.4,beta=.6; interpolate=before, after or both says
    /// which side of fusion it stands on. Repeatable, once a leg
    #[arg(long, value_name = "LEG:OPTIONS")]
    pub(crate) feedback: Vec<String>,
    /// Leave out hits that score less
    #[arg(long, value_name = "SCORE", allow_hyphen_values = true)]
    pub(crate) min_score: Option<f32>,
    /// End the list early: at the knee, where scores have fallen
    #[arg(long, value_enum, value_name = "WHERE")]
    pub(crate) cut: Option<CutArg>,
    /// The same as `--cut knee`
    #[arg(long)]
    pub(crate) until_knee: bool,
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
