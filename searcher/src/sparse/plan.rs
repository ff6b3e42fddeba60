//! How a search is done, by name and with its reason.
//!
//! [`Plan`] has a name for every way to search a segment, whatever the leg. [`SegmentPlan`] is the
//! choice of the sparse engine before its windows, which have a choice of their own
//! (`window_plan.rs`).

use std::fmt;

use serde::{Serialize, Serializer};

use crate::sparse::window_plan::WindowPlan;

/// How a segment, or a whole fused ranking, was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// `none`: there was nothing to look at.
    Nothing,
    /// `block_max`: bounds of all rows from columns, then finalists.
    BlockMax,
    /// `max_score`: as `block_max`, but in most windows searched only rows of one list were looked
    /// at.
    MaxScore,
    /// `rows`: every admitted row was scored from its stored weights.
    Rows,
    /// `bm25_exhaustive`: every document that has a word of the query was scored.
    Bm25Exhaustive,
    /// `dense_scan`: every admitted vector was compared.
    DenseScan,
    /// `dense_screen`: 8-bit codes bound every score, then few rows were scored.
    DenseScreen,
    /// `fused`: the best of every leg were found, then their lists became one.
    Fused,
}

/// How a segment was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The way.
    pub plan: Plan,
    /// The reason, for people.
    pub why: &'static str,
}

/// How the sparse engine searches a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SegmentPlan {
    /// No query term occurs.
    Nothing,
    /// Sums over columns, then finalists.
    Columns,
    /// Every admitted row is scored.
    Rows(WhyRows),
}

/// Why columns do not suit a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhyRows {
    ManyTerms,
    TinyWeights,
    FewAdmitted,
}

impl Plan {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::BlockMax => "block_max",
            Self::MaxScore => "max_score",
            Self::Rows => "rows",
            Self::Bm25Exhaustive => "bm25_exhaustive",
            Self::DenseScan => "dense_scan",
            Self::DenseScreen => "dense_screen",
            Self::Fused => "fused",
        }
    }

    /// Whether an answer of one leg is certified by having scored every match. `rows` has bounds,
    /// too: a deadline may have stopped it.
    pub(crate) fn is_exhaustive(self) -> bool {
        match self {
            Self::Bm25Exhaustive | Self::DenseScan => true,
            Self::Nothing
            | Self::BlockMax
            | Self::MaxScore
            | Self::Rows
            | Self::DenseScreen
            | Self::Fused => false,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl SegmentPlan {
    /// Whether every admitted row is scored.
    pub(crate) fn is_rows(self) -> bool {
        match self {
            Self::Rows(_) => true,
            Self::Nothing | Self::Columns => false,
        }
    }

    /// Whether rows are bounded by sums over columns.
    pub(crate) fn is_columns(self) -> bool {
        match self {
            Self::Columns => true,
            Self::Nothing | Self::Rows(_) => false,
        }
    }

    /// What is said of it. `windows` is the plan of most windows, where there are columns.
    pub(crate) fn choice(self, windows: WindowPlan) -> Choice {
        match (self, windows) {
            (Self::Nothing, _) => {
                Choice { plan: Plan::Nothing, why: "no term of the query occurs" }
            }
            (Self::Rows(why), _) => Choice { plan: Plan::Rows, why: why.text() },
            (Self::Columns, WindowPlan::Sums(why)) => {
                Choice { plan: Plan::BlockMax, why: why.text() }
            }
            (Self::Columns, WindowPlan::OneList) => Choice {
                plan: Plan::MaxScore,
                why: "only rows of one list can reach the threshold, and few do",
            },
        }
    }
}

impl WhyRows {
    fn text(self) -> &'static str {
        match self {
            Self::ManyTerms => "the roundings of so many terms would crowd out their bounds",
            Self::TinyWeights => "weights are too near the smallest float for 8-bit codes",
            Self::FewAdmitted => {
                "so few rows are admitted that scoring them costs less than the query's postings"
            }
        }
    }
}
