//! The sweep for AVX2: sixteen sums to a register, four registers to a group. A bitmap's codes are
//! spread over their rows eight at a time by a table of byte shuffles.

use core::arch::x86_64::*;

use super::{
    scalar,
    window::{GroupList, Sums, Sweep, Swept},
};
use crate::groups::{GROUP, GroupCodes, group_of_bitmap};

/// Sums in one register.
const LANES: usize = 16;

/// For each mask of eight rows, where the code of each row stands among those packed; 0x80, which
/// a shuffle turns into 0, for rows without one.
static SPREAD: [[u8; 8]; 256] = spread_table();

const fn spread_table() -> [[u8; 8]; 256] {
    let mut table = [[0x80; 8]; 256];
    let mut mask = 0;
    while mask < 256 {
        let (mut row, mut packed) = (0, 0);
        while row < 8 {
            if mask >> row & 1 == 1 {
                table[mask][row] = packed;
                packed += 1;
            }
            row += 1;
        }
        mask += 1;
    }
    table
}

#[target_feature(enable = "avx2")]
pub(crate) fn add_maxima(tails: &mut [u16], block_max: &[u8], multiplier: u16) {
    scalar::add_maxima(tails, block_max, multiplier);
}

/// Spreads a group's packed codes over its 64 rows.
#[target_feature(enable = "avx2,popcnt")]
#[allow(unsafe_code)]
fn spread(mask: u64, packed: &[u8], rows: &mut [u8; GROUP]) {
    // Eight bytes are read from every position that eight masks can lead to.
    let packed: &[u8; GROUP] = packed[..GROUP].first_chunk().expect("a slice of that length");
    let mut position = 0;
    for (byte, rows) in mask.to_le_bytes().into_iter().zip(rows.chunks_exact_mut(8)) {
        // SAFETY: the position counts the bits of the bytes before, at most 56 of the 64 packed
        // codes; the table's rows and the chunk are eight bytes long.
        unsafe {
            let codes = _mm_loadl_epi64(packed.as_ptr().add(position).cast());
            let order = _mm_loadl_epi64(SPREAD[usize::from(byte)].as_ptr().cast());
            _mm_storel_epi64(rows.as_mut_ptr().cast(), _mm_shuffle_epi8(codes, order));
        }
        position += byte.count_ones() as usize;
    }
}

#[target_feature(enable = "avx2,popcnt")]
#[allow(unsafe_code)]
fn add<const UP: bool>(sums: &mut [__m256i; 4], list: &GroupList<'_>, group: usize) {
    let mut spread_codes = [0; GROUP];
    let codes = match list.codes {
        GroupCodes::Bitmap { heads, codes } => {
            let (mask, rank) = group_of_bitmap(heads, group);
            spread(mask, &codes[rank..], &mut spread_codes);
            &spread_codes
        }
        GroupCodes::Dense { codes } => {
            codes[group * GROUP..].first_chunk().expect("a file's dense lists cover their window")
        }
    };
    let multiplier = _mm256_set1_epi16(list.multiplier as i16);
    for (sum, codes) in sums.iter_mut().zip(codes.chunks_exact(LANES)) {
        // SAFETY: the chunk is 16 bytes long.
        let codes = unsafe { _mm_loadu_si128(codes.as_ptr().cast()) };
        // A code in the upper byte: the upper half of the product is divided by 256 already.
        let codes = _mm256_slli_epi16::<8>(_mm256_cvtepu8_epi16(codes));
        *sum = _mm256_add_epi16(*sum, _mm256_mulhi_epu16(codes, multiplier));
        if UP {
            let none = _mm256_cmpeq_epi16(codes, _mm256_setzero_si256());
            // All bits where there is no code: one more than that is 0, else 1.
            *sum = _mm256_add_epi16(*sum, _mm256_add_epi16(none, _mm256_set1_epi16(1)));
        }
    }
}

/// One bit per row whose sum is at least `least`.
#[target_feature(enable = "avx2")]
fn at_least(sums: &[__m256i; 4], least: __m256i) -> u64 {
    let reaches = |sum| _mm256_cmpeq_epi16(_mm256_max_epu16(sum, least), sum);
    let bits = |low, high| {
        let bytes = _mm256_packs_epi16(reaches(low), reaches(high));
        u64::from(_mm256_movemask_epi8(_mm256_permute4x64_epi64::<0b11_01_10_00>(bytes)) as u32)
    };
    bits(sums[0], sums[1]) | bits(sums[2], sums[3]) << 32
}

/// The definition is `scalar::sweep`.
#[target_feature(enable = "avx2,popcnt")]
pub(crate) fn sweep<const UP: bool>(
    sums: &mut Sums,
    groups: std::ops::Range<usize>,
    sweep: &Sweep<'_>,
    survivors: &mut Vec<u32>,
) -> Swept {
    let rounding = if UP { 0 } else { sweep.lists.len() as u16 };
    let least = _mm256_set1_epi16(sweep.least as i16);
    let least_down = _mm256_set1_epi16((sweep.least - rounding) as i16);
    let mut swept = Swept { next_group: groups.start, ..Swept::default() };
    let (all_rows, _) = sums.0.as_chunks_mut::<GROUP>();
    for group in groups {
        if survivors.capacity() - survivors.len() < GROUP {
            break;
        }
        swept.next_group = group + 1;
        let mut rows = load(&all_rows[group]);
        all_rows[group].fill(0);
        let admitted = sweep.admitted(group);
        let tail = _mm256_set1_epi16(sweep.tails[group] as i16);
        let bounds = add_saturating(&rows, tail);
        if at_least(&bounds, least) & admitted == 0 {
            swept.highest_dropped = swept.highest_dropped.max(largest(&bounds, admitted));
            continue;
        }
        swept.groups_summed += 1;
        for list in sweep.lists {
            add::<UP>(&mut rows, list, group);
        }
        let found = at_least(&rows, least_down) & admitted;
        let dropped = largest(&rows, admitted & !found);
        swept.highest_dropped = swept.highest_dropped.max(dropped + rounding);
        if found != 0 {
            push_survivors(&rows, found, rounding, group, survivors);
        }
    }
    swept
}

#[target_feature(enable = "avx2")]
fn add_saturating(rows: &[__m256i; 4], tail: __m256i) -> [__m256i; 4] {
    let mut bounds = *rows;
    for bound in &mut bounds {
        *bound = _mm256_adds_epu16(*bound, tail);
    }
    bounds
}

/// Loads a group's sums.
#[target_feature(enable = "avx2")]
#[allow(unsafe_code)]
fn load(rows: &[u16; GROUP]) -> [__m256i; 4] {
    let mut loaded = [_mm256_setzero_si256(); 4];
    for (register, rows) in loaded.iter_mut().zip(rows.chunks_exact(LANES)) {
        // SAFETY: the chunk is 16 sums of 2 bytes long.
        *register = unsafe { _mm256_loadu_si256(rows.as_ptr().cast()) };
    }
    loaded
}

#[target_feature(enable = "avx2")]
#[allow(unsafe_code)]
fn stored(sums: &[__m256i; 4]) -> [u16; GROUP] {
    let mut rows = [0u16; GROUP];
    for (rows, register) in rows.chunks_exact_mut(LANES).zip(sums) {
        // SAFETY: the chunk is 16 sums of 2 bytes long.
        unsafe { _mm256_storeu_si256(rows.as_mut_ptr().cast(), *register) };
    }
    rows
}

/// The largest sum among `rows`, one bit each.
#[target_feature(enable = "avx2")]
fn largest(sums: &[__m256i; 4], rows: u64) -> u16 {
    let mut max = sums[0];
    if rows != u64::MAX {
        let sums = stored(sums).into_iter().enumerate();
        return sums.filter(|(row, _)| rows >> row & 1 == 1).fold(0, |max, (_, sum)| max.max(sum));
    }
    for &register in &sums[1..] {
        max = _mm256_max_epu16(max, register);
    }
    // The minimum of the complement, by the one instruction that searches eight lanes.
    let half = _mm_max_epu16(_mm256_castsi256_si128(max), _mm256_extracti128_si256::<1>(max));
    let complement = _mm_xor_si128(half, _mm_set1_epi16(-1));
    !(_mm_extract_epi16::<0>(_mm_minpos_epu16(complement)) as u16)
}

#[target_feature(enable = "avx2")]
fn push_survivors(
    sums: &[__m256i; 4],
    mut found: u64,
    rounding: u16,
    group: usize,
    survivors: &mut Vec<u32>,
) {
    let sums = stored(sums);
    while found != 0 {
        let row = found.trailing_zeros() as usize;
        found &= found - 1;
        let sum = u32::from(sums[row] + rounding);
        survivors.push(sum << 16 | (group * GROUP + row) as u32);
    }
}
