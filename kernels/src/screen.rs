//! Kernels of an output layer whose rows are many and of which few matter.
//!
//! First [`crate::Kernels::screen`] bounds all rows by 8-bit products: it gives every row's largest
//! integer product over the tokens of one text. Then [`crate::Kernels::dots`] computes exact
//! products of the few rows left. `screen/scalar.rs` is the definition of both. What the integers
//! mean, and which rows they rule out, is the caller's.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod packed;
mod scalar;

pub use packed::{MAX_DIMS, PackedRows, ROWS_AT_ONCE, TokenCodes, TokenValues};

#[cfg(test)]
mod tests;
