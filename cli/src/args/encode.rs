//! The flags of `encode`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gleaner::Side;
use serde::{Deserialize, Serialize};

use super::{
    encoders::{QueryEncoderArg, RuntimeArgs},
    values::one_or_more,
};

/// Which side of the search texts are on. Files of interrupted runs have it by its flag's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SideArg {
    /// The texts are queries
    Query,
    /// The texts are documents
    Document,
}

/// The formats of `encode`. Files of interrupted runs have it by its flag's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum VectorFormat {
    /// A line for each text, as the server TEI answers: `{"index", "value"}` of every term, or the
    /// numbers of a dense model
    Tei,
    /// The lines that Anserini reads: token and round(100 × weight)
    Anserini,
    /// The binary file that benchmarks exchange; it is held in memory until the end
    Vectors,
    /// The lines that Seismic reads: token and weight; from a dense model, `id` and an array of
    /// numbers
    VectorsJsonl,
    /// The Common Index File Format: token and round(100 × weight), zeros left out; it is held in
    /// memory until the end
    Ciff,
}

#[derive(Args)]
pub(crate) struct EncodeArgs {
    /// The file of texts; `-` reads stdin.
    ///
    /// Every line is a JSON object with `_id`, `text` and optionally `title`. A text of the command
    /// line is not read.
    #[arg(long, value_name = "FILE", default_value = "-", help_heading = "Input")]
    pub(crate) input: PathBuf,
    /// Whether the texts are queries or documents.
    ///
    /// Many models encode the two differently.
    #[arg(long, value_enum, default_value = "document", help_heading = "Input")]
    pub(crate) side: SideArg,
    /// The folder of the model, sparse or dense.
    #[arg(long, value_name = "DIR", help_heading = "Model")]
    pub(crate) model: PathBuf,
    /// What encodes queries; the model folder must offer it [default: what the folder states].
    #[arg(long, value_enum, value_name = "ENCODER", help_heading = "Model")]
    pub(crate) query_encoder: Option<QueryEncoderArg>,
    /// The format of the vectors.
    #[arg(long, value_enum, default_value = "vectors-jsonl", help_heading = "Output")]
    pub(crate) format: VectorFormat,
    /// The file to write; `-` is stdout.
    ///
    /// The file appears when it is whole.
    #[arg(long, value_name = "FILE", default_value = "-", help_heading = "Output")]
    pub(crate) out: PathBuf,
    /// Write where weights come from in place of vectors: the word of the text behind every term.
    ///
    /// The output is a JSON object a line.
    #[arg(long, conflicts_with_all = ["format", "resume"], help_heading = "Output")]
    pub(crate) provenance: bool,
    /// Go on with the file FILE.part that an interrupted run left.
    #[arg(long, help_heading = "Output")]
    pub(crate) resume: bool,
    /// How many threads encode [default: all cores].
    #[arg(long, value_name = "N", value_parser = one_or_more, help_heading = "Speed")]
    pub(crate) threads: Option<usize>,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

impl From<SideArg> for Side {
    fn from(arg: SideArg) -> Self {
        match arg {
            SideArg::Query => Self::Query,
            SideArg::Document => Self::Document,
        }
    }
}
