//! An index on disk: its commits and their segments, opened and checked.
//!
//! `index` is an index folder, `commit` one commit, `segment` one of its immutable segments. A
//! segment keeps its ids in `ids`, which rows make a document in `passages`, and the most that its
//! documents have in `maxima`. `find` looks documents up.

pub(crate) mod commit;
pub(crate) mod find;
mod ids;
pub(crate) mod index;
mod maxima;
pub(crate) mod passages;
pub(crate) mod segment;
