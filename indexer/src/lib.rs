//! Documents to committed segments.
//!
//! The way of a document:
//!
//! - `input` opens files of any format and reads their entries;
//! - `document` understands a line;
//! - `encoder` is what makes vectors of texts that come without: the caller gives it;
//! - `pipeline` reads, encodes with several threads, keeps the order and decides when to commit;
//! - `store` owns the folder's writer, and writes each segment's vector files inside the segment's own
//!   commit.
//!
//! What an index is, `catalog` says. No model is known here, and nothing of searching.

mod document;
mod encoder;
mod error;
mod input;
mod pipeline;
mod store;

pub use document::{
    Change, Document, InputDocument, RefusedLine, TokenError, Vocabulary, explain_weights,
    parse_weights, read_encoded, term_of,
};
pub use encoder::{DocumentEncoder, EncodedRow, EncodedText};
pub use error::{IndexError, Place, Rejection};
pub use input::{Input, InputFile, InputFormat, InputKind, check_not_empty, find_inputs};
pub use pipeline::{
    CHUNK_DOCUMENTS, IngestOptions, IngestReport, OnError, Progress, encode_given, ingest,
};
pub use store::{IndexStore, MergeReport, Written};
