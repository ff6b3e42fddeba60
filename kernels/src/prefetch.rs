//! A hint to the memory system: these bytes will be read soon.

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

/// Asks for `bytes` to be brought near. Changes nothing but time.
#[inline]
pub fn prefetch(bytes: &[u8]) {
    for line in bytes.chunks(LINE_BYTES) {
        prefetch_line(line);
    }
}

/// As [`prefetch`], for a value within one cache line.
#[inline]
pub fn prefetch_value<T>(value: &T) {
    prefetch_line(std::slice::from_ref(value));
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)]
fn prefetch_line<T>(line: &[T]) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: SSE is part of x86-64, and a prefetch reads no memory: any address is allowed.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
}

/// Asks for the cache line at an address, which may be one of no memory, to be brought into the
/// second-level cache: of requests for the first, fewer can be under way.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)]
pub(crate) fn prefetch_ahead(at: *const u8) {
    use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
    // SAFETY: as above.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn prefetch_line<T>(_line: &[T]) {}
