//! The flags of `encode`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gleaner::Side;
use serde::{Deserialize, Serialize};

use super::encoders::{QueryEncoderArg, RuntimeArgs};

/// Which side of the search texts are on. Files of interrupted runs have it by its flag's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SideArg {
    Query,
    Document,
}

/// The formats of `encode`. Files of interrupted runs have it by its flag's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum VectorFormat {
    /// One JSON array of `{"index", "value"}` per text, as TEI's /embed_sparse; of numbers from a dense
    /// model, as /embed
    Tei,
    /// Anserini's JsonVectorCollection: token → round(100 × weight)
    Anserini,
    /// The binary exchange file: rows in order, empty rows kept. Held in memory until the end
    Vectors,
    /// Seismic's JSONL: token → weight; from a dense model, `id` and an array of numbers
    VectorsJsonl,
    /// The Common Index File Format: postings by token, round(100 × weight), zeros left out. Held in
    /// memory until the end
    Ciff,
}

#[derive(Args)]
pub(crate) struct EncodeArgs {
    /// Model folder
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Which side of the search the texts are on
    #[arg(long, value_enum, default_value = "document")]
    pub(crate) side: SideArg,
    /// JSONL with `_id`, `text` and optionally `title`; `-` reads stdin
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) input: PathBuf,
    /// Output format
    #[arg(long, value_enum, default_value = "vectors-jsonl")]
    pub(crate) format: VectorFormat,
    /// Write JSON lines instead that say which word of the text gave every term its weight
    #[arg(long, conflicts_with_all = ["format", "resume"])]
    pub(crate) provenance: bool,
    /// What encodes queries [default: what the model folder states]; the folder must offer it
    #[arg(long, value_enum, value_name = "ENCODER")]
    pub(crate) query_encoder: Option<QueryEncoderArg>,
    /// Output file, which appears when it is whole; `-` writes stdout
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) out: PathBuf,
    /// Go on with the FILE.part of an interrupted run
    #[arg(long)]
    pub(crate) resume: bool,
    /// Encoder threads [default: all cores]
    #[arg(long, value_name = "N")]
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
