//! Inner loops over slices: numbers in, numbers out.
//!
//! `scalar.rs` is the definition of every kernel. Instruction sets will refine it behind the same
//! names, chosen once at run time, each tested against the definition. Nothing here knows files,
//! queries or documents.

mod scalar;

pub use scalar::{ACCUMULATORS, add_codes, dot_u16, max, scatter_add};
