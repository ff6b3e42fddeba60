//! The flags of `inspect` and `doctor`, which look at an index.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{encoders::QueryModelArgs, search::QueryFormatArg, values::one_or_more};

#[derive(Args)]
pub(crate) struct InspectArgs {
    /// The folder of the index.
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub(crate) index: PathBuf,
    /// Measure with these queries what less effort costs and saves.
    ///
    /// The file has texts or vectors. See --effort of `gleaner search`.
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(crate) queries: Option<PathBuf>,
    /// The format of the file of queries.
    #[arg(long, value_enum, default_value = "auto", help_heading = "Input")]
    pub(crate) format: QueryFormatArg,
    /// How many hits of every query are compared.
    #[arg(
        short, long, value_name = "N", default_value_t = 10, value_parser = one_or_more,
        help_heading = "Ranking"
    )]
    pub(crate) k: usize,
    /// Print JSON in place of text.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DoctorLevel {
    /// Structure and checksum of every file
    Fast,
    /// The same, and every value that can be computed again is; every document, vector and id is read
    Full,
}

#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// The folder of the index.
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub(crate) index: PathBuf,
    /// How much is checked.
    #[arg(long, value_enum, default_value = "fast", help_heading = "Input")]
    pub(crate) level: DoctorLevel,
    /// Print JSON in place of text.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}
