//! The dense kernels' definition, in plain Rust.

use crate::dense::{F16_BYTES, F32_BYTES, I8_BYTES, SUMS};

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

/// The value of a 16-bit float: 1 bit of sign, 5 of exponent, 10 of fraction.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (bits >> 10 & 0x1f, f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => fraction * f64::exp2(-24.0),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        // 2^(exponent − 25), put together from its bits.
        _ => (1024.0 + fraction) * f64::from_bits((u64::from(exponent) + 1023 - 25) << 52),
    };
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
