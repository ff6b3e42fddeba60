//! The flags of `demo`.

use std::path::PathBuf;

use clap::Args;

use super::encoders::RuntimeArgs;

/// Where the demo keeps its index unless told otherwise.
pub(crate) const DEFAULT_DEMO_INDEX: &str = "out/demo.index";

#[derive(Args)]
pub(crate) struct DemoArgs {
    /// Folder with `sample` and `models/splade-tiny`
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(crate) data: PathBuf,
    /// Where the demo keeps its index
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DEMO_INDEX)]
    pub(crate) demo_index: PathBuf,
    #[command(flatten)]
    pub(crate) runtime: RuntimeArgs,
}
