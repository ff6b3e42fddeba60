//! Documents to committed segments.
//!
//! The way of a document: `input` opens files, `recognise` tells unnamed formats apart, `lines`, `rows`
//! and `ciff` read their entries, `object` and `document` understand lines, in `encode` an encoder given
//! by the caller makes vectors of texts that come without, `ingest` keeps the order and decides when to
//! commit, `store` owns the tantivy writer (`create` makes its folder),
//! and `plugin` writes each segment's vector files inside the segment's own commit. What an index is,
//! `catalog` says; no model is known here.

mod carry;
mod ciff;
mod create;
mod document;
mod encode;
mod error;
mod ingest;
mod input;
mod lines;
mod object;
mod plugin;
mod recognise;
mod rows;
mod store;

pub use document::{Document, parse_weights};
pub use encode::{DocumentEncoder, EncodedRow, EncodedText};
pub use error::{IndexError, Place, Rejection};
pub use ingest::{CHUNK_DOCUMENTS, IngestOptions, IngestReport, OnError, Progress, ingest};
pub use input::{Given, Input, InputFile, InputFormat, InputKind, Terms, find_inputs, term_of};
// Used from here until those crates name `gleaner_catalog` themselves.
pub use gleaner_catalog::{CatalogError, IndexSettings, OpenIndex};
pub use store::{IndexStore, MergeReport};
