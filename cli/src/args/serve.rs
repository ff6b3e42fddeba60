//! The flags of `serve`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::{
    encoders::QueryModelArgs,
    values::{address, one_or_more, whole, whole_u64},
};

#[derive(Args)]
pub(crate) struct ServeArgs {
    /// The folder that holds the folders of the indexes.
    #[arg(long, value_name = "DIR", help_heading = "Input")]
    pub(crate) data: PathBuf,
    /// The address and port to listen on.
    ///
    /// An address other than this machine's own needs --api-key-file.
    #[arg(
        long, value_name = "ADDR", default_value = "127.0.0.1:7700", value_parser = address,
        help_heading = "Access"
    )]
    pub(crate) addr: SocketAddr,
    /// The file with the key that every request must bring [default: no key].
    #[arg(long, value_name = "FILE", help_heading = "Access")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// A site whose web pages may send requests; may be repeated [default: none].
    ///
    /// For example https://example.org, or `*` for all sites.
    #[arg(long, value_name = "ORIGIN", help_heading = "Access")]
    pub(crate) cors_origin: Vec<String>,
    /// How many searches one batch request may have; more are refused.
    #[arg(
        long, value_name = "N", default_value_t = 64, value_parser = whole, help_heading = "Access"
    )]
    pub(crate) max_batch_searches: usize,
    /// How many threads encode for each model [default: all cores].
    #[arg(long, value_name = "N", value_parser = one_or_more, help_heading = "Speed")]
    pub(crate) threads: Option<usize>,
    /// How many texts of all requests are encoded together.
    ///
    /// 1 encodes each text alone.
    #[arg(
        long, value_name = "N", default_value_t = 32, value_parser = one_or_more,
        help_heading = "Speed"
    )]
    pub(crate) batch_texts: usize,
    /// How many microseconds a text waits for others while an encoder is free.
    #[arg(
        long, value_name = "US", default_value_t = 0, value_parser = whole_u64,
        help_heading = "Speed"
    )]
    pub(crate) batch_wait_us: u64,
    /// How many texts may wait to be encoded; more are refused.
    ///
    /// Texts of searches do not count.
    #[arg(
        long, value_name = "N", default_value_t = 1024, value_parser = whole, help_heading = "Speed"
    )]
    pub(crate) queue_texts: usize,
    /// Encode the texts of searches together, too.
    ///
    /// Under load the server answers more searches. The last bit of a score then depends on the other
    /// requests.
    #[arg(long, help_heading = "Speed")]
    pub(crate) batch_searches: bool,
    #[command(flatten)]
    pub(crate) model: QueryModelArgs,
}
