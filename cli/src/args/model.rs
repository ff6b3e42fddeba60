//! The flags of `model …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::encoders::{QueryEncoderArg, RuntimeArgs};

#[derive(Subcommand)]
pub(crate) enum ModelCommand {
    /// Show what a model is, and what it makes of a text.
    Inspect(InspectModelArgs),
    /// Check a model: encode the texts stored with it again, and compare.
    Selftest(ModelArgs),
    /// Make the faster form of a model, whose output layer Gleaner computes itself.
    Optimize(OptimizeArgs),
    /// Fetch a model over the network; no other command uses the network.
    Pull(PullArgs),
    /// List the models in a folder.
    List(ModelListArgs),
}

#[derive(Args)]
pub(crate) struct ModelArgs {
    /// The folder of the model.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Print JSON in place of text.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}

#[derive(Args)]
pub(crate) struct InspectModelArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// The text that is encoded, as a query and as a document.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "What is learned sparse retrieval?",
        help_heading = "Input"
    )]
    pub(crate) text: String,
    /// What encodes queries; the model folder must offer it [default: what the folder states].
    #[arg(long, value_enum, value_name = "ENCODER", help_heading = "Model")]
    pub(crate) query_encoder: Option<QueryEncoderArg>,
}

#[derive(Args)]
pub(crate) struct OptimizeArgs {
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    /// The folder to make [default: the new graph goes beside the original].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Store large tensors as float16, which takes half the space.
    ///
    /// Weights then differ by at most 5e-3.
    #[arg(long, help_heading = "Output")]
    pub(crate) half: bool,
}

#[derive(Args)]
pub(crate) struct PullArgs {
    /// The name of a model of the catalogue, or a URL.
    ///
    /// The URL is that of a file, or of a folder whose files --file names.
    #[arg(value_name = "NAME|URL")]
    pub(crate) source: String,
    /// The SHA-256 hash of the file at the URL.
    #[arg(long, value_name = "HASH", help_heading = "Input")]
    pub(crate) sha256: Option<String>,
    /// A file below the URL and its SHA-256 hash; may be repeated.
    #[arg(long, value_name = "NAME=HASH", help_heading = "Input")]
    pub(crate) file: Vec<String>,
    /// Accept files whose hash is not stated.
    #[arg(long, help_heading = "Input")]
    pub(crate) unverified: bool,
    /// The catalogue, a file in the form of data/sources.toml [default: that file, as built in].
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(crate) catalogue: Option<PathBuf>,
    /// The model folder to make [default: data/models/NAME].
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct ModelListArgs {
    /// The folder that holds the model folders.
    #[arg(value_name = "DIR", default_value = "data/models")]
    pub(crate) folder: PathBuf,
    /// Print JSON in place of text.
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}
