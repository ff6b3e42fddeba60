//! The flags of `model …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::encoders::{QueryEncoderArg, RuntimeArgs};

#[derive(Subcommand)]
pub(crate) enum ModelCommand {
    /// Print layout, sides, settings and fingerprints, and how sparse a text's vectors are.
    Inspect(InspectModelArgs),
    /// Encode the model's golden texts again and compare.
    Selftest(ModelArgs),
    /// Make the faster form of a model, whose output layer Gleaner computes itself.
    Optimize(OptimizeArgs),
    /// Fetch a model: the only command that uses the network.
    Pull(PullArgs),
    /// List the model folders in a folder.
    List(ModelListArgs),
}

#[derive(Args)]
pub(crate) struct ModelArgs {
    /// Model folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

#[derive(Args)]
pub(crate) struct InspectModelArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// A text to encode on both sides
    #[arg(long, value_name = "TEXT", default_value = "What is learned sparse retrieval?")]
    pub(crate) text: String,
    /// What encodes queries [default: what the model folder states]; the folder must offer it
    #[arg(long, value_enum, value_name = "ENCODER")]
    pub(crate) query_encoder: Option<QueryEncoderArg>,
}

#[derive(Args)]
pub(crate) struct OptimizeArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// Folder to make [default: the graph goes beside the original]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Store large tensors as float16: half the size, weights within 5e-3
    #[arg(long)]
    pub(crate) half: bool,
}

#[derive(Args)]
pub(crate) struct PullArgs {
    /// A name of the catalogue, or the URL of a file, or of a folder whose files --file names
    #[arg(value_name = "NAME|URL")]
    pub(crate) source: String,
    /// The model folder to make [default: data/models/NAME]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The hash of the file at the URL
    #[arg(long, value_name = "HASH")]
    pub(crate) sha256: Option<String>,
    /// A file below the URL, with its SHA-256; repeatable
    #[arg(long, value_name = "NAME=HASH")]
    pub(crate) file: Vec<String>,
    /// Take files whose hash nobody stated
    #[arg(long)]
    pub(crate) unverified: bool,
    /// What names mean, in the form of data/sources.toml [default: that file, as built in]
    #[arg(long, value_name = "FILE")]
    pub(crate) catalogue: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ModelListArgs {
    /// Folder whose subfolders are models
    #[arg(value_name = "DIR", default_value = "data/models")]
    pub(crate) folder: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
