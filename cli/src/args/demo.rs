//! The flags of `demo`.

use std::path::PathBuf;

use clap::Args;

use super::encoders::RuntimeArgs;

/// Where the demo keeps its index unless told otherwise.
pub(crate) const DEFAULT_DEMO_INDEX: &str = "out/demo.index";

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// The folder that holds `sample`, `models/splade-tiny` and `models/minilm`.
    #[arg(long, value_name = "DIR", default_value = "data", help_heading = "Input")]
    pub(crate) data: PathBuf,
    /// The folder of the demo's index, made if it is missing.
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DEMO_INDEX, help_heading = "Output")]
    pub(crate) demo_index: PathBuf,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}
