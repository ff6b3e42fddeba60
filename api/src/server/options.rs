//! Everything that is decided before the first request.

use std::{net::SocketAddr, path::PathBuf};

use gleaner::{Models, SideEncoder};

use crate::limits::{BatchLimits, Limits};

/// Everything that is decided before the first request.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The folder whose subfolders are indexes.
    pub data: PathBuf,
    /// Where to listen.
    pub addr: SocketAddr,
    /// The folder of a sparse model that is used instead of those the indexes recorded.
    pub model: Option<PathBuf>,
    /// The folder of a dense model that is used instead of those the indexes recorded.
    pub dense_model: Option<PathBuf>,
    /// What encodes queries, where it is not what the model folders state.
    pub query_encoder: Option<SideEncoder>,
    /// The ONNX Runtime library, where it is not to be searched for.
    pub ort_lib: Option<PathBuf>,
    /// What clients must send as `Authorization: Bearer KEY`.
    pub api_key: Option<String>,
    /// Encoders per model, each with a session and a thread of its own; at least one.
    pub encoder_threads: usize,
    /// What requests may ask for.
    pub limits: Limits,
    /// How texts of several requests are encoded together.
    pub batching: BatchLimits,
}

impl ServeOptions {
    /// Where models are looked for. None of them is open.
    pub(super) fn models(&self) -> Models {
        let mut models = Models::new();
        if let Some(folder) = &self.model {
            models = models.sparse_folder(folder);
        }
        if let Some(folder) = &self.dense_model {
            models = models.dense_folder(folder);
        }
        if let Some(encoder) = self.query_encoder {
            models = models.query_encoder(encoder);
        }
        match &self.ort_lib {
            Some(file) => models.runtime_library(file),
            None => models,
        }
    }
}
