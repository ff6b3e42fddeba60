//! Terms of a row that belong to a query.
//!
//! `terms/scalar.rs` is the definition: it looks up each term of the row. `terms/avx512.rs` looks
//! for each term of the query in the row, which is faster for short queries.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod scalar;

pub use scalar::TermFilter;

#[cfg(test)]
mod tests;
