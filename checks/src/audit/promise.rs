//! What an engine promises, and so what the audit holds it to.
//!
//! `docs/audit.md` tells which truth belongs to which promise; `run` and `report` apply it.

/// What an engine promises; the harness' `safe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Promise {
    /// Rank-exact on the weights given.
    Float,
    /// Rank-exact on the engine's own weights.
    Own,
    /// Approximate.
    No,
}

impl Promise {
    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float => "float",
            Self::Own => "own",
            Self::No => "no",
        }
    }
}
