//! Documents to committed segments.
//!
//! The way of a document: `input` opens files, `recognise` tells unnamed formats apart, `lines`, `rows` and `ciff` read their entries,
//! `document` understands lines, an encoder given by the caller makes vectors of texts that come
//! without, `ingest` keeps the order and decides when to commit,
//! `store` owns the tantivy writer, and `plugin` writes each segment's impact file inside the
//! segment's own commit. What is written is read by `searcher`, whose schema and manifest this
//! crate shares; no model is known here.

mod ciff;
mod document;
mod error;
mod ingest;
mod input;
mod lines;
mod plugin;
mod recognise;
mod rows;
mod store;

pub use document::{Document, parse_weights};
pub use error::{IndexError, Place, Rejection};
pub use ingest::{
    CHUNK_DOCUMENTS, DocumentEncoder, EncodedRow, EncodedText, IngestOptions, IngestReport,
    OnError, Progress, ingest,
};
pub use input::{Given, Input, InputFile, InputFormat, InputKind, Terms, find_inputs, term_of};
pub use plugin::ImpactPlugin;
pub use store::{IndexStore, MergeReport};
/// The storage layer's error, for telling damage from other failures.
pub use tantivy::TantivyError;
