//! The flags of `model pull` and `model list`.

use std::path::PathBuf;

use clap::Args;

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
