//! Rows found one by one instead of summed.
//!
//! One half finds the entries of a list whose codes suffice; the other adds what other lists have
//! at the rows found. `find/scalar.rs` is the definition, `find/avx512.rs` refines it.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod scalar;

pub use scalar::{add_groups_at, add_locals_at, find_in_locals};

#[cfg(test)]
mod tests;
