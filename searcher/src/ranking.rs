//! From queries to one list of hits: legs over all segments, fused.
//!
//! | file | holds |
//! |---|---|
//! | `rank`, `notation` | what orders the hits, and how that is written |
//! | `leg_query` | a leg's query, ready for one commit |
//! | `legs` | one leg over all segments |
//! | `hits` | a hit of any segment, and the order of hits |
//! | `list` | the list of a ranking, fused where it has several legs |
//! | `fuse`, `bounds` | the arithmetic of fusion, and what queries can score at most |
//! | `completion` | the true scores of documents that a leg did not find |
//! | `feedback` | queries made anew from first answers |
//! | `knee` | where a list stops being good |
//!
//! Requests and responses are left to `query`.

pub(crate) mod bounds;
pub(crate) mod completion;
pub(crate) mod feedback;
pub(crate) mod fuse;
pub(crate) mod hits;
pub(crate) mod knee;
pub(crate) mod leg_query;
pub(crate) mod legs;
pub(crate) mod list;
mod notation;
pub(crate) mod rank;
