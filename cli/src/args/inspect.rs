//! The flags of `inspect` and `doctor`, which look at an index.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{encoders::QueryModelArgs, search::QueryFormatArg};

#[derive(Args)]
pub(crate) struct InspectArgs {
    /// Index folder
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Measure what less effort costs and saves on these queries, texts or vectors
    #[arg(long, value_name = "FILE")]
    pub(crate) queries: Option<PathBuf>,
    /// What the queries are
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) format: QueryFormatArg,
    /// Number of hits compared per query
    #[arg(short, long, value_name = "N", default_value_t = 10)]
    pub(crate) k: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoctorLevel {
    /// Structure and checksums of every file
    Fast,
    /// Also: every column, maximum and dense code recomputed, every document and dense vector read,
    /// every id unique
    Full,
}

#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// Index folder
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// How thorough
    #[arg(long, value_enum, default_value = "fast")]
    pub(crate) level: DoctorLevel,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
