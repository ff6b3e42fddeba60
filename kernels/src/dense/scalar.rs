//! The dense kernels' definition, in plain Rust.

use super::values::{F16_BYTES, F32_BYTES, I8_BYTES, SUMS};

/// See [`crate::Kernels::dots_f32`].
pub(crate) fn dots<const BYTES: usize>(query: &[f32], rows: &[u8], sums: &mut [f64]) {
    sums.fill(0.0);
    if query.is_empty() {
        return;
    }
    for (row, sum) in rows.chunks_exact(query.len() * BYTES).zip(sums) {
        let mut partial = [0.0; SUMS];
        for (query, values) in query.chunks(SUMS).zip(row.chunks(SUMS * BYTES)) {
            let values = values.chunks_exact(BYTES).map(value_of);
            for ((partial, &query), value) in partial.iter_mut().zip(query).zip(values) {
                *partial += f64::from(query) * value;
            }
        }
        *sum = total(partial);
    }
}

/// The partial sums added up in their fixed order.
fn total(mut partial: [f64; SUMS]) -> f64 {
    for width in [8, 4, 2, 1] {
        for at in 0..width {
            partial[at] += partial[at + width];
        }
    }
    partial[0]
}

/// A stored value; its bytes tell its kind.
fn value_of(bytes: &[u8]) -> f64 {
    match *bytes {
        [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
        [a, b] => half(u16::from_le_bytes([a, b])),
        _ => f64::from(bytes[0].cast_signed()),
    }
}

/// The value of a finite 16-bit float.
///
/// Its 5 bits of exponent and 10 of fraction, put where an f64 has its lowest 5 and highest 10, name
/// a number 2^1008 times smaller, also where they are those of a subnormal one.
fn half(bits: u16) -> f64 {
    const LARGER: f64 = f64::from_bits((1008 + 1023) << 52);
    let magnitude = f64::from_bits(u64::from(bits & 0x7fff) << 42) * LARGER;
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// See [`crate::Kernels::dots_codes`].
pub(crate) fn dots_codes(query: &[i8], rows: &[u8], sums: &mut [i32]) {
    sums.fill(0);
    if query.is_empty() {
        return;
    }
    for (row, sum) in rows.chunks_exact(query.len()).zip(sums) {
        let products = row.iter().zip(query);
        let product = |(&row, &query): (&u8, &i8)| i32::from(row.cast_signed()) * i32::from(query);
        *sum = products.map(product).sum();
    }
}

const _: () =
    assert!(F32_BYTES == 4 && F16_BYTES == 2 && I8_BYTES == 1, "kinds that `value_of` knows");
