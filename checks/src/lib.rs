//! What must hold of the whole: the audit of rank safety, and the contract that an engine keeps to
//! take part in it.
//!
//! `contract` has command lines, configurations and files of results, `exchange` the files of
//! vectors. `audit` puts adversarial sets to an engine and counts its wrong answers. The house
//! rules are tests: `tests/house/` reads every source file of the workspace.
//!
//! Of the product, this crate knows files of vectors alone. The audit cannot share the scoring of
//! the engine that it audits.

pub mod audit;
pub mod contract;
pub mod exchange;
