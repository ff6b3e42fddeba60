//! What an index is: the facts that its writer and its readers share.
//!
//! - `manifest`, `long`, `settings`: what a commit says about itself, and what is fixed when an index is
//!   created;
//! - `schema`, `analyzer`, `document`, `times`: the fields, how text becomes words, what `_id`s and keys
//!   may be, how times sort;
//! - `seal`, `identity`: what binds files to their commit, and a commit to its index;
//! - `open`, `commit`, `files`, `directory`: from a folder to a commit of which every file was checked.
//!
//! Writing is left to `indexer`, searching to `searcher`; neither depends on the other. This crate is
//! theirs: some of its functions show types of the storage layer (tantivy), which no other crate needs.

mod analyzer;
mod commit;
mod directory;
mod document;
mod error;
mod files;
mod identity;
mod long;
mod manifest;
mod open;
mod schema;
mod seal;
mod settings;
mod storage;

pub use analyzer::{Analyzer, register_analyzers};
pub use commit::{Commit, SegmentFiles, living_row};
pub use directory::{NotAFile, list_file, regular_file};
pub use document::{
    CONTENT_KEY, ID_LIMIT_BYTES, OWN_KEYS, VECTOR_KEY, check_id, check_values, is_own_key,
    times::TimeKey,
};
pub use error::CatalogError;
pub use long::LongTexts;
pub use manifest::{
    DenseField, FUSION_DEPTH, FUSION_DEPTH_LIMIT, InputProgress, MANIFEST_VERSION, Manifest,
    ModelBinding,
};
pub use open::OpenIndex;
pub use schema::{DENSE_EXTENSION, DENSE_TYPE, Fields, IMPACT_EXTENSION, IMPACTS_TYPE};
pub use seal::{FileSeal, Sealer, new_id};
pub use settings::IndexSettings;
pub use storage::{StorageError, storage_error};
