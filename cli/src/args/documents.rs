//! The flags of `get` and `delete`: documents by their `_id`s, or by a filter.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::values::whole;

#[derive(Args)]
pub(crate) struct GetArgs {
    /// The `_id`s of the documents.
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// The folder of the index.
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub(crate) index: PathBuf,
    /// Show the vectors as well, as they are stored.
    ///
    /// Sparse vectors have term ids. A document of several passages has a list of them.
    #[arg(long, help_heading = "Output")]
    pub(crate) vectors: bool,
}

#[derive(Args)]
#[command(group = ArgGroup::new("which").required(true).multiple(true).args(["id", "ids", "filter"]))]
pub(crate) struct DeleteArgs {
    /// The folder of the index.
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub(crate) index: PathBuf,
    /// The `_id` of a document. Repeat the flag for several.
    #[arg(long, value_name = "ID", allow_hyphen_values = true, help_heading = "Which documents")]
    pub(crate) id: Vec<String>,
    /// A file of `_id`s, one a line; `-` is stdin.
    #[arg(long, value_name = "FILE", help_heading = "Which documents")]
    pub(crate) ids: Option<PathBuf>,
    /// All documents that meet a condition.
    ///
    /// For example 'year:<2000 AND lang:en'. docs/filters.md lists the conditions.
    #[arg(
        long,
        value_name = "FILTER",
        allow_hyphen_values = true,
        help_heading = "Which documents"
    )]
    pub(crate) filter: Option<String>,
    /// Only count the documents, and delete nothing.
    #[arg(long, help_heading = "Which documents")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) lock: LockArgs,
}

/// Of all commands that write to an index.
#[derive(Args)]
pub(crate) struct LockArgs {
    /// How long to wait for another program that writes to the index.
    #[arg(
        long, value_name = "SECONDS", default_value = "0", value_parser = whole,
        help_heading = "Output"
    )]
    pub(crate) wait: usize,
}

impl LockArgs {
    /// The time to wait.
    pub(crate) fn time(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.wait as u64)
    }
}
