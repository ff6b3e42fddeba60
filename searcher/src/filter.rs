//! Which rows of a segment may be returned: those that live, and match a filter.
//!
//! `parse` reads the language, `rows` is a set of rows, `cache` keeps what filters admit,
//! `admission` puts them together for a search. Rows are ruled out before anything is scored.

pub(crate) mod admission;
pub(crate) mod cache;
pub(crate) mod parse;
pub(crate) mod rows;
