//! What the programs of this crate share: vectors on disk, the contract of side-by-side
//! benchmarks, the engine behind it in two forms, and the audit of rank safety.
//!
//! `gleaner-bench` times the engine against its oracle, `gleaner-peer` puts it behind the contract,
//! `gleaner-audit` counts wrong answers of any engine behind the contract, `gleaner-fusion-table`
//! puts the quality of rankings side by side. This library serves them alone: nothing of the
//! product depends on it.

pub mod audit;
pub mod bare;
pub mod clock;
pub mod contract;
pub mod exchange;
pub mod extras;
pub mod floats;
pub mod fusion;
pub mod product;
