//! The Common Index File Format: how inverted indexes travel between engines.
//!
//! A file is a run of protobuf messages, each after its length: a header, a postings list per term,
//! a record per document (Lin and others, 2020, arXiv:2003.08276). Documents of a list are written
//! as gaps, the first as it is; weights are integers. Two things are left to the callers of the
//! reader: to find the ids of terms, and to turn lists back into documents.

mod builder;
mod protobuf;
mod reader;

pub use builder::CiffBuilder;
pub use reader::{CiffDocument, CiffError, CiffReader};

#[cfg(test)]
mod tests;
