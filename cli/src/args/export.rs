//! The flags of `export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// The binary file that benchmarks exchange; the ids go into a file of their own, --ids
    Vectors,
    /// The lines that Seismic reads, with term ids as tokens
    VectorsJsonl,
    /// The Common Index File Format, with term ids as tokens and round(100 × weight), zeros left out
    Ciff,
}

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// The folder of the index.
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub(crate) index: PathBuf,
    /// The name of a dense field whose vectors are written in place of the sparse ones.
    ///
    /// Every vector is a JSON line with `id` and an array of numbers.
    #[arg(long, value_name = "FIELD", conflicts_with = "format", help_heading = "Input")]
    pub(crate) dense: Option<String>,
    /// The format of the sparse vectors.
    ///
    /// Passages of one document have the ids `_id#0`, `_id#1` and so on.
    #[arg(long, value_enum, required_unless_present = "dense", help_heading = "Output")]
    pub(crate) format: Option<ExportFormat>,
    /// The file to write; `-` is stdout.
    ///
    /// The file appears when it is whole.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) out: PathBuf,
    /// The file of ids, a line each, for --format vectors [default: FILE.ids beside --out].
    #[arg(long, value_name = "FILE", conflicts_with = "dense", help_heading = "Output")]
    pub(crate) ids: Option<PathBuf>,
}
