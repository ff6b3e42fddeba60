//! The flags of `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// The binary exchange file; the ids are in a file of their own, --ids
    Vectors,
    /// Seismic's JSONL, with term ids as names
    VectorsJsonl,
    /// The Common Index File Format, with term ids as names and round(100 × weight), zeros left out
    Ciff,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// Index folder
    #[arg(long, value_name = "DIR")]
    pub(crate) index: PathBuf,
    /// Output format; passages have ids of their own, `_id#0`, `_id#1` and so on
    #[arg(long, value_enum, required_unless_present = "dense")]
    pub(crate) format: Option<ExportFormat>,
    /// Write the vectors of this dense field instead, a JSON line each: `id` and an array of numbers
    #[arg(long, value_name = "FIELD", conflicts_with = "format")]
    pub(crate) dense: Option<String>,
    /// Output file, which appears when it is whole; `-` writes stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// With --format vectors: where the ids go, a line each [default: beside --out, in FILE.ids]
    #[arg(long, value_name = "FILE", conflicts_with = "dense")]
    pub(crate) ids: Option<PathBuf>,
}
