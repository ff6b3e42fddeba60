//! Sums of a window: short lists are scattered into them, long lists added group by group.
//!
//! [`crate::Kernels::sweep`] drops the rows whose sums cannot reach a threshold and keeps the
//! others. `sweep/scalar.rs` is the definition, `sweep/avx2.rs` and `sweep/avx512.rs` refine it.
//! What a sum means, and which threshold to use, is the caller's.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod dispatch;
mod scalar;
mod window;

pub use scalar::{scatter_gaps, scatter_locals};
pub use window::{GroupList, Sums, Sweep, Swept};

#[cfg(test)]
mod tests;
