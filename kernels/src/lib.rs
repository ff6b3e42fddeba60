//! Inner loops over slices: numbers in, numbers out.
//!
//! One room for each operation, in it one file for each instruction set:
//!
//! | room | operation |
//! |---|---|
//! | `sweep/` | sums of a window of rows, and the rows whose sums reach a threshold |
//! | `find/` | single rows of a list, and what other lists add to them |
//! | `terms/` | terms of a row that belong to a query |
//! | `dense/` | products of a query with dense vectors |
//! | `screen/` | bounds and exact products of an encoder's output layer |
//!
//! In every room `scalar.rs` is the definition; `avx2.rs` and `avx512.rs` refine it where that
//! pays, and `dispatch.rs` chooses among them by [`Kernels`]. That choice is made once, at run time
//! (`level.rs`). Tests hold every choice to the definition. Nothing here knows files, queries or
//! documents.

mod dense;
mod find;
mod groups;
mod level;
mod prefetch;
mod screen;
mod sweep;
mod terms;

pub use find::{add_groups_at, add_locals_at, find_in_locals};
pub use groups::{GROUP, GroupCodes, HEAD_BYTES, RANK_AT, WINDOW};
pub use level::Kernels;
pub use prefetch::{prefetch, prefetch_value};
pub use screen::{MAX_DIMS, PackedRows, ROWS_AT_ONCE, TokenCodes, TokenValues};
pub use sweep::{GroupList, Sums, Sweep, Swept, scatter_gaps, scatter_locals};
pub use terms::TermFilter;
