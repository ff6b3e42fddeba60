//! Which rows of a segment may be returned: those that live, and match a filter.
//!
//! | file | holds |
//! |---|---|
//! | `syntax` | the language: text to a tree of conditions |
//! | `keys` | the keys that documents have |
//! | `resolve`, `number` | what a condition asks of the keys of one commit |
//! | `matching` | the documents of a segment that meet it |
//! | `parse` | a filter from text to rows |
//! | `rows` | a set of rows |
//! | `cache`, `admission` | what filters admit, kept, and put together for a search |
//!
//! Rows are ruled out before anything is scored.

pub(crate) mod admission;
pub(crate) mod cache;
pub(crate) mod keys;
mod matching;
mod number;
pub(crate) mod parse;
mod resolve;
pub(crate) mod rows;
mod syntax;
