//! A run of indexing: inputs are read, encoded by several threads, indexed in order and committed.
//!
//! - `read`, `chunk`: inputs to chunks of documents;
//! - `encode`: chunks to vectors;
//! - `ingest`: the whole run, and what it reports.
//!
//! What a document or a commit is, `document` and `store` say.

mod chunk;
mod encode;
mod ingest;
mod read;

pub use ingest::{IngestOptions, IngestReport, OnError, Progress, ingest};
pub use read::CHUNK_DOCUMENTS;
