//! The writer of one index folder: open, upsert, delete, commit, merge.
//!
//! - `open`, `create`, `writer`: a folder that is found or appears, and its lock;
//! - `write`, `seen_ids`, `field_bytes`: documents into the next commit;
//! - `directory`, `seals`: files summed while they are written, and named by their commit;
//! - `plugin`: the vector files of a segment, written inside the segment's own commit;
//! - `merge`, `policy`: many segments into few, and which of them.
//!
//! What an index is, `catalog` says; where documents come from is left to `pipeline`.

mod create;
mod directory;
mod field_bytes;
mod merge;
mod open;
mod plugin;
mod policy;
mod seals;
mod seen_ids;
mod write;
mod writer;

pub use merge::MergeReport;
pub use open::IndexStore;
pub(crate) use seen_ids::EarlierDocuments;
pub use write::Written;
