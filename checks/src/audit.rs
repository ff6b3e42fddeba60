//! The audit of rank safety: adversarial sets, an oracle of its own, and a count of wrong answers
//! for any engine behind the contract.
//!
//! `cases` makes the sets, `oracle` scores them exhaustively in f64, `engine` runs a command,
//! `judge` compares, `run` puts one case to an engine, `report` prints. `promise` says what an
//! engine is held to. `fake` is an engine that is wrong on purpose: an audit that does not find it
//! out proves nothing. `docs/audit.md` says what counts as wrong.

pub mod cases;
pub mod engine;
pub mod fake;
pub mod judge;
pub mod oracle;
pub mod promise;
pub mod report;
pub mod run;
