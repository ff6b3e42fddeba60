//! What the programs of this crate share: clocks, and the engine in the forms that are timed.
//!
//! | room | program | what it measures |
//! |---|---|---|
//! | `sparse` | `gleaner-bench` | sparse search of an impact file, beside its oracle |
//! | `peer` | `gleaner-peer` | the engine behind the contract of side-by-side benchmarks |
//! | `fusion` | `gleaner-fusion-table` | the quality of rankings, side by side |
//!
//! `gleaner-hybrid-bench`, `gleaner-encode-bench` and `gleaner-load` are programs of one file each.
//! The contract, the files of vectors and the audit are the crate `checks`. Nothing of the product
//! depends on this library.

pub mod clock;
pub mod fusion;
pub mod peer;
pub mod sparse;
