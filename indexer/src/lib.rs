//! Documents to committed segments.
//!
//! The way of a document: `input` reads lines, `document` understands them, an encoder given by
//! the caller makes vectors of their text, `ingest` keeps the order and decides when to commit,
//! `store` owns the tantivy writer, and `plugin` writes each segment's impact file inside the
//! segment's own commit. What is written is read by `searcher`, whose schema and manifest this
//! crate shares; no model is known here.

mod document;
mod error;
mod ingest;
mod input;
mod plugin;
mod store;

pub use document::Document;
pub use error::{IndexError, Rejection};
pub use ingest::{
    CHUNK_DOCUMENTS, DocumentEncoder, IngestOptions, IngestReport, OnError, Progress, ingest,
};
pub use input::{Input, InputFormat, find_inputs};
pub use plugin::ImpactPlugin;
pub use store::{IndexStore, MergeReport};
/// The storage layer's error, for telling damage from other failures.
pub use tantivy::TantivyError;
