//! Products of one query with dense vectors that lie one after the other.
//!
//! [`crate::Kernels::dots_f32`], [`crate::Kernels::dots_f16`] and [`crate::Kernels::dots_i8`] give
//! the exact score: the order of its additions is part of the definition.
//! [`crate::Kernels::dots_codes`] gives integers that bound it. `dense/scalar.rs` is the definition
//! of all. What the numbers mean is the caller's.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod scalar;
mod values;

#[cfg(test)]
mod tests;
