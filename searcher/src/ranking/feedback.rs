//! Pseudo-relevance feedback: the first answers to a query make a better query.
//!
//! `request.rs` is how it is asked for and written, `expand.rs` the arithmetic from documents to a
//! new query, `apply.rs` what runs it on a commit. Searching again is left to `query/search.rs`.

mod apply;
mod expand;
pub(crate) mod request;
