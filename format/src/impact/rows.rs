//! Forward rows: one document's stored vector, the truth that everything else is derived from.
//!
//! A row is a head, its codes and its term ids. Ids are split Elias–Fano fashion: the low
//! byte of each, and a bit vector that counts up the high parts (a one per posting, a zero per step
//! of the high part), about ten bits an id for SPLADE's vectors. Ids too far apart for that keep
//! two or four bytes. The width is the one that takes the fewest bytes: a pure function of the ids.

use super::quantize::{WeightCodes, power_of_two};
use crate::bytes::{u16_at, u32_at, u64_at};

/// Length of a row's head: postings `u32`, exponent `i16`, bytes of a low part `u8`, bits of a code `u8`.
pub(crate) const ROW_HEAD_LEN_BYTES: usize = 8;

/// Bytes of the bit vector of high parts; none where low parts are whole ids.
fn highs_len_bytes(terms: &[u32], low_bytes: usize) -> usize {
    match terms.last() {
        Some(&last) if low_bytes < 4 => {
            ((last >> (low_bytes * 8)) as usize + terms.len()).div_ceil(8)
        }
        _ => 0,
    }
}

/// Appends a row: `codes` are the weights as they are `kept`, parallel to `terms`.
pub(crate) fn encode_row(
    terms: &[u32],
    codes: &[u32],
    kept: (WeightCodes, i16),
    out: &mut Vec<u8>,
) {
    let (kept, exponent) = kept;
    let len_bytes = |low: &usize| terms.len() * low + highs_len_bytes(terms, *low);
    let low_bytes = [1usize, 2, 4].into_iter().min_by_key(len_bytes).unwrap_or(4);
    out.extend((terms.len() as u32).to_le_bytes());
    out.extend(exponent.to_le_bytes());
    out.extend([low_bytes as u8, kept as u8]);
    CodeView::write(codes, kept, out);
    terms.iter().for_each(|term| out.extend(&term.to_le_bytes()[..low_bytes]));
    let highs = out.len();
    out.resize(highs + highs_len_bytes(terms, low_bytes), 0);
    if low_bytes < 4 {
        for (position, term) in terms.iter().enumerate() {
            let bit = (term >> (low_bytes * 8)) as usize + position;
            out[highs + bit / 8] |= 1 << (bit % 8);
        }
    }
}

/// One document's stored vector.
///
/// Units: the weight of posting `i` is `units(i) × 2^exponent`, exact in f64 and in f32.
#[derive(Debug, Clone, Copy)]
pub struct RowView<'a> {
    pub(crate) bytes: &'a [u8],
    len: usize,
    low_bytes: usize,
    kept: WeightCodes,
    exponent: i16,
}

/// The codes of a row.
///
/// WeightCodes of 16 bits are little-endian integers, and so are those of 24. WeightCodes of 20 bits are their lower
/// 16, one after the other, and behind them the upper four, two to a byte.
#[derive(Debug, Clone, Copy)]
struct CodeView<'a> {
    bytes: &'a [u8],
    kept: WeightCodes,
    len: usize,
}

impl CodeView<'_> {
    /// Bytes that so many codes take.
    fn len_bytes(kept: WeightCodes, len: usize) -> usize {
        match kept {
            WeightCodes::Even => len * 2,
            WeightCodes::Shifted => len * 2 + len.div_ceil(2),
            WeightCodes::Floats => len * 3,
        }
    }

    fn write(codes: &[u32], kept: WeightCodes, out: &mut Vec<u8>) {
        let whole = if kept == WeightCodes::Floats { 3 } else { 2 };
        codes.iter().for_each(|code| out.extend(&code.to_le_bytes()[..whole]));
        if kept == WeightCodes::Shifted {
            let pack = |two: &[u32]| two.iter().rev().fold(0, |byte, code| byte << 4 | code >> 16);
            out.extend(codes.chunks(2).map(|two| pack(two) as u8));
        }
    }

    /// The units of the code at a position.
    #[inline]
    fn units(self, position: usize) -> f32 {
        let code = match self.kept {
            WeightCodes::Even => u32::from(u16_at(self.bytes, position * 2)),
            WeightCodes::Shifted => {
                let upper = self.bytes[self.len * 2 + position / 2] >> (position % 2 * 4) & 15;
                u32::from(upper) << 16 | u32::from(u16_at(self.bytes, position * 2))
            }
            WeightCodes::Floats => {
                let upper = self.bytes[position * 3 + 2];
                u32::from(upper) << 16 | u32::from(u16_at(self.bytes, position * 3))
            }
        };
        self.kept.decode(code)
    }
}

/// The parts of a row whose ids have one low byte, as kernels read them.
#[derive(Debug, Clone, Copy)]
pub struct RowParts<'a> {
    codes: CodeView<'a>,
    /// Low byte of every id.
    pub lows: &'a [u8],
    /// High parts: the `i`-th one bit, at bit `b`, says that id `i` is `(b − i) × 256 + low`.
    pub highs: &'a [u8],
}

impl RowParts<'_> {
    /// The weight at a position in units of the row's step, exact. Panics: if the row is not as long.
    #[inline]
    pub fn units(self, position: usize) -> f32 {
        self.codes.units(position)
    }
}

impl<'a> RowView<'a> {
    /// Reads the head of a row. What it says was checked when the file was opened.
    pub(crate) fn read(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            len: u32_at(bytes, 0) as usize,
            low_bytes: usize::from(bytes[6]),
            kept: WeightCodes::of(bytes[7]).unwrap_or(WeightCodes::Even),
            exponent: u16_at(bytes, 4) as i16,
        }
    }

    /// Whether the bytes are a row: the lengths agree, and the bit vector has one bit per posting.
    pub(crate) fn is_well_formed(bytes: &[u8]) -> bool {
        if bytes.len() < ROW_HEAD_LEN_BYTES || !matches!(bytes[6], 1 | 2 | 4) {
            return false;
        }
        let Some(kept) = WeightCodes::of(bytes[7]) else { return false };
        let (len, low_bytes) = (u32_at(bytes, 0) as usize, usize::from(bytes[6]));
        let codes = CodeView::len_bytes(kept, len);
        let Some(highs) = bytes.get(ROW_HEAD_LEN_BYTES + codes + len * low_bytes..) else {
            return false;
        };
        if low_bytes == 4 {
            return highs.is_empty();
        }
        let ones: usize = highs.iter().map(|byte| byte.count_ones() as usize).sum();
        // The last byte holds the last one bit, so no byte is superfluous; and the last high part
        // is that of an id of 32 bits.
        let most = len + (u32::MAX >> (low_bytes * 8)) as usize;
        let is_ended =
            |last: &u8| *last != 0 && highs.len() * 8 - last.leading_zeros() as usize <= most;
        ones == len && highs.last().is_none_or(is_ended)
    }

    /// Number of postings.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the document activates no term.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Exponent of the row's step.
    pub fn exponent(&self) -> i16 {
        self.exponent
    }

    /// The row's step, `2^exponent`.
    pub fn step(&self) -> f64 {
        power_of_two(self.exponent)
    }

    fn codes(&self) -> CodeView<'a> {
        let Self { kept, len, .. } = *self;
        let bytes = &self.bytes[ROW_HEAD_LEN_BYTES..][..CodeView::len_bytes(kept, len)];
        CodeView { bytes, kept, len }
    }

    fn lows(&self) -> &'a [u8] {
        &self.bytes[ROW_HEAD_LEN_BYTES + self.codes().bytes.len()..][..self.len * self.low_bytes]
    }

    fn highs(&self) -> &'a [u8] {
        let before = self.codes().bytes.len() + self.len * self.low_bytes;
        &self.bytes[ROW_HEAD_LEN_BYTES + before..]
    }

    /// The row as kernels read it, unless its ids are too far apart for one low byte.
    pub fn parts(&self) -> Option<RowParts<'a>> {
        let (codes, lows, highs) = (self.codes(), self.lows(), self.highs());
        (self.low_bytes == 1).then_some(RowParts { codes, lows, highs })
    }

    /// The row as it is stored.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Term ids, ascending.
    pub fn terms(&self) -> impl Iterator<Item = u32> + use<'a> {
        let (low_bytes, lows) = (self.low_bytes, self.lows());
        let mut ones = Ones::new(self.highs());
        (0..self.len).map(move |position| match low_bytes {
            1 => high_part(&mut ones, position) << 8 | u32::from(lows[position]),
            2 => high_part(&mut ones, position) << 16 | u32::from(u16_at(lows, position * 2)),
            _ => u32_at(lows, position * 4),
        })
    }

    /// Bits that it keeps a weight in: 16, 20 or 24, the fewest that do for all of them.
    pub fn weight_bits(&self) -> usize {
        self.kept as usize
    }

    /// Whether its codes are floats, which can be no numbers.
    pub(crate) fn keeps_floats(&self) -> bool {
        self.kept == WeightCodes::Floats
    }

    /// Stored weights, parallel to the terms: exact.
    pub fn weights(&self) -> impl Iterator<Item = f32> + use<'a> {
        let (codes, step) = (self.codes(), self.step());
        (0..self.len).map(move |position| (f64::from(codes.units(position)) * step) as f32)
    }

    /// `(term id, stored weight)` in ascending term id.
    pub fn iter(&self) -> impl Iterator<Item = (u32, f64)> + use<'a> {
        self.terms().zip(self.weights().map(f64::from))
    }
}

/// What the next one bit says of the high part of the id at `position`.
fn high_part(ones: &mut Ones<'_>, position: usize) -> u32 {
    (ones.next().unwrap_or(position) - position) as u32
}

/// Positions of the one bits of a bit vector, ascending.
struct Ones<'a> {
    rest: &'a [u8],
    word: u64,
    first_bit: usize,
}

impl<'a> Ones<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut ones = Self { rest: bytes, word: 0, first_bit: 0 };
        ones.word = ones.take_word();
        ones
    }

    fn take_word(&mut self) -> u64 {
        if let Some((word, rest)) = self.rest.split_at_checked(8) {
            self.rest = rest;
            return u64_at(word, 0);
        }
        let mut last = [0; 8];
        last[..self.rest.len()].copy_from_slice(self.rest);
        self.rest = &[];
        u64::from_le_bytes(last)
    }
}

impl Iterator for Ones<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.word == 0 {
            if self.rest.is_empty() {
                return None;
            }
            self.word = self.take_word();
            self.first_bit += 64;
        }
        let bit = self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        Some(self.first_bit + bit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(terms: &[u32]) -> Vec<u8> {
        let codes: Vec<u32> = (0..terms.len() as u32).map(|i| i * 7 + 1).collect();
        let mut bytes = Vec::new();
        encode_row(terms, &codes, (WeightCodes::Even, -3), &mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn reading_inverts_encoding(
            terms in prop_oneof![
                prop::collection::btree_set(0u32..400, 0..300),
                prop::collection::btree_set(0u32..30_522, 0..300),
                prop::collection::btree_set(0u32..1 << 24, 0..40),
                prop::collection::btree_set(any::<u32>(), 0..9),
            ]
        ) {
            let terms: Vec<u32> = terms.into_iter().collect();
            for (kept, bits) in [(WeightCodes::Even, 16), (WeightCodes::Shifted, 20), (WeightCodes::Floats, 24)] {
                let code = |i: usize| (i as u32).wrapping_mul(0x9e37_79b9) >> (32 - bits);
                let codes: Vec<u32> = (0..terms.len()).map(code).collect();
                let mut bytes = Vec::new();
                encode_row(&terms, &codes, (kept, -3), &mut bytes);
                prop_assert!(RowView::is_well_formed(&bytes));
                let row = RowView::read(&bytes);
                prop_assert_eq!(row.terms().collect::<Vec<_>>(), &terms[..]);
                prop_assert_eq!((row.weight_bits(), row.exponent()), (bits, -3));
                let units = |i: usize| kept.decode(code(i)).to_bits();
                prop_assert!((0..terms.len()).all(|i| row.codes().units(i).to_bits() == units(i)));
            }
        }

        #[test]
        fn other_lengths_are_no_rows(terms in prop::collection::btree_set(0u32..3000, 1..40)) {
            let terms: Vec<u32> = terms.into_iter().collect();
            let bytes = encoded(&terms);
            for cut in 0..bytes.len() {
                prop_assert!(!RowView::is_well_formed(&bytes[..cut]));
            }
            let mut longer = bytes;
            longer.push(0);
            prop_assert!(!RowView::is_well_formed(&longer));
        }
    }

    #[test]
    fn ids_of_a_usual_vocabulary_take_ten_bits() {
        let terms: Vec<u32> = (0..175).map(|i| i * 174).collect();
        let ids = encoded(&terms).len() - ROW_HEAD_LEN_BYTES - 175 * 2;
        assert_eq!(ids, 175 + (175usize + 118).div_ceil(8));
    }
}
