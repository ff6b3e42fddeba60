//! The engine behind the contract of side-by-side benchmarks, in two forms.
//!
//! `product` is an index as every client writes and searches it, `bare` the impact file alone.
//! `gleaner-peer` chooses between them; the contract itself is `gleaner_checks::contract`.

pub mod bare;
pub mod product;
