//! Models where they meet an index: found, proven to be its own, and encoding its texts and
//! queries.
//!
//! Opening a folder, what an index records of it, its dense fields, its long texts, and the workers
//! that encode documents and queries. Flags are read here too, because what they leave open is as
//! the index has it.

pub(crate) mod binding;
pub(crate) mod bound;
pub(crate) mod dense_fields;
pub(crate) mod folder;
pub(crate) mod long;
pub(crate) mod queries;
pub(crate) mod terms;
pub(crate) mod worker;
