//! The flags of `serve`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::encoders::QueryModelArgs;

#[derive(Args)]
pub(crate) struct ServeArgs {
    /// Folder whose subfolders are the indexes
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7700")]
    pub(crate) addr: SocketAddr,
    /// File with the key that requests must present; needed to listen beyond this machine
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// An origin whose web pages may ask, such as https://example.org, or `*` for all. Repeatable
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) cors_origin: Vec<String>,
    /// Encoder threads of a model [default: all cores]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Texts of all requests that are encoded together; 1 encodes each alone
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub(crate) batch_texts: usize,
    /// Microseconds that a text waits for others while an encoder is free
    #[arg(long, value_name = "US", default_value_t = 0)]
    pub(crate) batch_wait_us: u64,
    /// Texts that may wait to be encoded, those of searches not counted; more are refused
    #[arg(long, value_name = "N", default_value_t = 1024)]
    pub(crate) queue_texts: usize,
    /// Encode searches together too: more of them under load, but the last bit of a score then
    /// depends on who else asks
    #[arg(long)]
    pub(crate) batch_searches: bool,
    /// Searches of one batch request; more are refused
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) max_batch_searches: usize,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}
