//! Everything that is decided before the first request.

use std::{net::SocketAddr, path::PathBuf};

use gleaner::Models;

use crate::limits::{BatchLimits, Limits};

/// Everything that is decided before the first request.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The folder whose subfolders are indexes.
    pub data: PathBuf,
    /// Where to listen.
    pub addr: SocketAddr,
    /// Where models are looked for. The server opens them, and this handle opens none any more.
    pub models: Models,
    /// What clients must send as `Authorization: Bearer KEY`.
    pub api_key: Option<String>,
    /// Origins whose pages may ask, as browsers write them, or `*`; none by default.
    pub cors_origins: Vec<String>,
    /// Encoders per model, each with a session and a thread of its own; at least one.
    pub encoder_threads: usize,
    /// What requests may ask for.
    pub limits: Limits,
    /// How texts of several requests are encoded together.
    pub batching: BatchLimits,
}
