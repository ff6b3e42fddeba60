//! How the values of dense rows are told apart, added up and fetched: what all levels share.

/// Partial sums of one product: dimension `i` is added to sum `i` modulo 16.
pub(super) const SUMS: usize = 16;

/// How far ahead of their use bytes are asked for: two pages, because the processor, which would
/// ask by itself, stops at the end of each. Calls of a block of rows or more are taken for a part
/// of a scan, which goes on after the last of them.
#[cfg(target_arch = "x86_64")]
pub(super) const AHEAD_BYTES: usize = 8192;

/// Bytes of a cache line.
#[cfg(target_arch = "x86_64")]
pub(super) const LINE_BYTES: usize = 64;

/// Bytes of an f32, an f16 and a code. They tell the kinds of value apart.
pub(super) const F32_BYTES: usize = 4;
pub(super) const F16_BYTES: usize = 2;
pub(super) const I8_BYTES: usize = 1;
