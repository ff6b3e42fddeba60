//! The dense kernels of every level against the plain definition, and that against exact sums.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::*;

/// Numbers of rows that leave every remainder of the rows read at a time.
const ROW_COUNTS: [usize; 9] = [0, 1, 2, 3, 4, 5, 7, 8, 9];

/// Numbers that have no pattern.
struct Random(u64);

impl Random {
    fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) % below
    }

    /// A finite f32: usual, zero of either sign, the smallest, subnormal or huge.
    fn value(&mut self) -> f32 {
        let sign = if self.below(2) == 0 { 1.0 } else { -1.0 };
        let usual = self.below(1 << 24) as f32 / (1 << 22) as f32;
        sign * match self.below(12) {
            0 => 0.0,
            1 => f32::from_bits(self.below(1 << 23) as u32),
            2 => f32::from_bits(1),
            3 => f32::MAX,
            4 => usual * 1e30,
            _ => usual,
        }
    }

    /// A finite half: of all bits without those of infinities and NaN.
    fn half(&mut self) -> u16 {
        let bits = self.below(1 << 16) as u16;
        if bits & 0x7c00 == 0x7c00 { bits & 0x83ff } else { bits }
    }

    fn code(&mut self) -> i8 {
        match self.below(8) {
            0 => -127,
            1 => 127,
            2 => -128,
            _ => self.below(256) as u8 as i8,
        }
    }
}

/// By the definition of the doc, from values as they are.
fn by_definition(query: &[f32], row: &[f64]) -> f64 {
    let mut sums = [0f64; 16];
    for (at, (&query, &value)) in query.iter().zip(row).enumerate() {
        sums[at % 16] += f64::from(query) * value;
    }
    for width in [8, 4, 2, 1] {
        (0..width).for_each(|at| sums[at] += sums[at + width]);
    }
    sums[0]
}

type Dots = fn(Kernels, &[f32], &[u8], &mut [f64]);

/// Every level gives the bits of the definition, at whatever address the rows are.
fn check(dots: Dots, query: &[f32], values: &[f64], bytes: &[u8]) {
    let (dims, value_bytes) = (query.len(), bytes.len() / values.len().max(1));
    for rows in ROW_COUNTS {
        let expected: Vec<u64> = (0..rows)
            .map(|row| by_definition(query, &values[row * dims..][..dims]).to_bits())
            .collect();
        let mut moved = vec![0xff; rows % 4];
        moved.extend_from_slice(&bytes[..rows * dims * value_bytes]);
        for kernels in Kernels::available() {
            let mut sums = vec![9.0; rows];
            dots(kernels, query, &moved[rows % 4..], &mut sums);
            let found: Vec<u64> = sums.iter().map(|sum| sum.to_bits()).collect();
            assert_eq!(found, expected, "{} dims {dims} rows {rows}", kernels.name());
        }
    }
}

#[test]
fn products_have_the_same_bits_everywhere_at_every_length() {
    let mut random = Random(7);
    for dims in 0..=3 * 64 + 1 {
        let query: Vec<f32> = (0..dims).map(|_| random.value()).collect();
        let floats: Vec<f32> = (0..9 * dims).map(|_| random.value()).collect();
        let values: Vec<f64> = floats.iter().map(|&value| f64::from(value)).collect();
        let bytes: Vec<u8> = floats.iter().flat_map(|value| value.to_le_bytes()).collect();
        check(Kernels::dots_f32, &query, &values, &bytes);
        let halves: Vec<u16> = (0..9 * dims).map(|_| random.half()).collect();
        let values: Vec<f64> = halves.iter().map(|&bits| f64::from(half(bits))).collect();
        let bytes: Vec<u8> = halves.iter().flat_map(|value| value.to_le_bytes()).collect();
        check(Kernels::dots_f16, &query, &values, &bytes);
        let codes: Vec<i8> = (0..9 * dims).map(|_| random.code()).collect();
        let values: Vec<f64> = codes.iter().map(|&code| f64::from(code)).collect();
        let bytes: Vec<u8> = codes.iter().map(|code| code.cast_unsigned()).collect();
        check(Kernels::dots_i8, &query, &values, &bytes);
    }
}

/// The value of a 16-bit float, by the powers of two that its bits name.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    match exponent {
        0 => sign * fraction * 2f32.powi(-24),
        _ => sign * (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

/// All 16-bit floats, one at a time.
#[test]
fn every_half_is_the_number_its_bits_name() {
    for bits in (0..=u16::MAX).filter(|bits| bits & 0x7c00 != 0x7c00) {
        for kernels in Kernels::available() {
            let mut sums = [9.0];
            kernels.dots_f16(&[1.0], &bits.to_le_bytes(), &mut sums);
            assert_eq!(sums[0], f64::from(half(bits)), "{} {bits:04x}", kernels.name());
        }
    }
}

#[test]
fn products_of_codes_are_exact_at_every_length() {
    let mut random = Random(11);
    for dims in 0..=3 * 64 + 1 {
        let query: Vec<i8> = (0..dims).map(|_| random.code()).collect();
        let codes: Vec<i8> = (0..9 * dims).map(|_| random.code()).collect();
        let bytes: Vec<u8> = codes.iter().map(|code| code.cast_unsigned()).collect();
        for rows in ROW_COUNTS {
            let exact = |row: usize| {
                let row = codes[row * dims..][..dims].iter().zip(&query);
                row.map(|(&a, &b)| i32::from(a) * i32::from(b)).sum::<i32>()
            };
            let expected: Vec<i32> = (0..rows).map(exact).collect();
            for kernels in Kernels::available() {
                let mut found = vec![9; rows];
                kernels.dots_codes(&query, &bytes[..rows * dims], &mut found);
                assert_eq!(found, expected, "{} dims {dims} rows {rows}", kernels.name());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn long_rows_agree_at_every_level(dims in 200usize..2000, rows in 0usize..12, seed: u64) {
        let mut random = Random(seed | 1);
        let query: Vec<f32> = (0..dims).map(|_| random.value()).collect();
        let codes: Vec<i8> = (0..dims).map(|_| random.code()).collect();
        let bytes: Vec<u8> = (0..dims * rows).flat_map(|_| random.value().to_le_bytes()).collect();
        let halves: Vec<u8> = (0..dims * rows).flat_map(|_| random.half().to_le_bytes()).collect();
        let all = |kernels: Kernels| {
            let (mut sums, mut integers) = (vec![9.0; 3 * rows], vec![9; rows]);
            kernels.dots_f32(&query, &bytes, &mut sums[..rows]);
            kernels.dots_f16(&query, &halves, &mut sums[rows..2 * rows]);
            kernels.dots_i8(&query, &bytes[..dims * rows], &mut sums[2 * rows..]);
            kernels.dots_codes(&codes, &bytes[..dims * rows], &mut integers);
            (sums.iter().map(|sum| sum.to_bits()).collect::<Vec<u64>>(), integers)
        };
        let expected = all(Kernels::SCALAR);
        for kernels in Kernels::available() {
            prop_assert_eq!(&all(kernels), &expected, "{}", kernels.name());
        }
    }
}

/// The largest sums there can be do not leave 32 bits.
#[test]
fn the_longest_rows_of_codes_do_not_overflow() {
    for (row, query) in [(127, 127), (-127, 127), (127, -127), (-128, 127), (-128, -128)] {
        let (rows, codes) =
            (vec![(row as i8).cast_unsigned(); MAX_DIMS], vec![query as i8; MAX_DIMS]);
        for kernels in Kernels::available() {
            let mut found = [0];
            kernels.dots_codes(&codes, &rows, &mut found);
            assert_eq!(found[0], row * query * MAX_DIMS as i32, "{}", kernels.name());
        }
    }
}

#[test]
fn lengths_that_disagree_are_refused() {
    for kernels in Kernels::available() {
        let panics =
            |dots: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(dots)).is_err();
        for len in [23, 25, 0] {
            let bytes = vec![0u8; len];
            assert!(panics(&|| kernels.dots_f32(&[1.0; 3], &bytes, &mut [0.0; 2])));
            assert!(panics(&|| kernels.dots_f16(&[1.0; 3], &bytes, &mut [0.0; 4])));
            assert!(panics(&|| kernels.dots_i8(&[1.0; 3], &bytes, &mut [0.0; 8])));
            assert!(panics(&|| kernels.dots_codes(&[1; 3], &bytes, &mut [0; 8])));
        }
        let long = MAX_DIMS + 1;
        assert!(panics(&|| kernels.dots_codes(&vec![1; long], &vec![0; long], &mut [0])));
    }
}
