//! The sweep for AVX-512 with byte expansion (Ice Lake, Zen 4 and later): a bitmap's codes are
//! spread over their rows by one instruction, and a group's 64 sums stay in two registers.

use core::arch::x86_64::*;

use super::{
    scalar,
    window::{GroupList, Sums, Sweep, Swept},
};
use crate::groups::{GROUP, GroupCodes, HEAD_BYTES, RANK_AT};

/// How far ahead of their use codes are asked for.
const AHEAD_BYTES: usize = 384;

/// Rows of a group whose sums lie in the first register (see [`Lanes`]).
const FIRST_ROWS: u64 = 0x00ff_00ff_00ff_00ff;

#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn add_maxima(tails: &mut [u16], block_max: &[u8], multiplier: u16) {
    scalar::add_maxima(tails, block_max, multiplier);
}

/// The upper halves of 16-bit products.
///
/// By name, because the intrinsic is compiled to wider arithmetic where the compiler knows that the
/// lower bytes are 0 (three times the instructions).
#[target_feature(enable = "avx512f,avx512bw")]
#[allow(unsafe_code)]
#[inline]
fn upper_products(a: __m512i, b: __m512i) -> __m512i {
    let products;
    // SAFETY: one instruction on registers, of the set this function requires.
    unsafe {
        core::arch::asm!(
            "vpmulhuw {products}, {a}, {b}",
            products = lateout(zmm_reg) products,
            a = in(zmm_reg) a,
            b = in(zmm_reg) b,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    products
}

/// Loads 64 bytes by an instruction of its own.
///
/// By name, because a load that is merged into the expansion makes that one twice as slow (Zen 5).
///
/// Safety: 64 bytes can be read from `at`.
#[target_feature(enable = "avx512f")]
#[allow(unsafe_code)]
#[inline]
unsafe fn load_apart(at: *const u8) -> __m512i {
    let bytes;
    // SAFETY: the caller vouches for the bytes; nothing is written.
    unsafe {
        core::arch::asm!(
            "vmovdqu64 {bytes}, [{at}]",
            bytes = lateout(zmm_reg) bytes,
            at = in(reg) at,
            options(pure, readonly, nostack, preserves_flags)
        );
    }
    bytes
}

/// A group's 64 sums, in the order in which unpacking bytes yields them: the first register holds
/// rows 0–7, 16–23, 32–39 and 48–55, the second the others.
#[derive(Clone, Copy)]
struct Lanes(__m512i, __m512i);

impl Lanes {
    #[target_feature(enable = "avx512f,avx512bw")]
    fn from_rows(low: __m512i, high: __m512i) -> Self {
        let first = _mm512_set_epi64(13, 12, 9, 8, 5, 4, 1, 0);
        let second = _mm512_set_epi64(15, 14, 11, 10, 7, 6, 3, 2);
        Self(
            _mm512_permutex2var_epi64(low, first, high),
            _mm512_permutex2var_epi64(low, second, high),
        )
    }

    /// Adds `code × multiplier ÷ 256` to every row: rounded down, or `UP` by one where there is a
    /// code (one more than the part rounded down is no less than the part).
    #[target_feature(enable = "avx512f,avx512bw")]
    fn add<const UP: bool>(self, codes: __m512i, multiplier: __m512i) -> Self {
        let zero = _mm512_setzero_si512();
        // A code in the upper byte: the upper half of the product is divided by 256 already.
        let (first, second) =
            (_mm512_unpacklo_epi8(zero, codes), _mm512_unpackhi_epi8(zero, codes));
        let mut sums = Self(
            _mm512_add_epi16(self.0, upper_products(first, multiplier)),
            _mm512_add_epi16(self.1, upper_products(second, multiplier)),
        );
        if UP {
            let one = _mm512_set1_epi16(1);
            let (in_first, in_second) =
                (_mm512_test_epi16_mask(first, first), _mm512_test_epi16_mask(second, second));
            sums.0 = _mm512_mask_add_epi16(sums.0, in_first, sums.0, one);
            sums.1 = _mm512_mask_add_epi16(sums.1, in_second, sums.1, one);
        }
        sums
    }
}

/// Asks for what lies ahead of `at`: many lists are read in turn, more than the processor follows
/// by itself.
#[target_feature(enable = "avx512f")]
#[inline]
fn fetch_ahead(at: *const u8) {
    _mm_prefetch::<_MM_HINT_T0>(at.wrapping_add(AHEAD_BYTES).cast());
}

/// The codes of a group's 64 rows.
///
/// Safety: the list covers `group` (`Sweep::covers`).
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2")]
#[allow(unsafe_code)]
#[inline]
unsafe fn bitmap_codes(heads: *const u8, codes: &[u8], group: usize) -> __m512i {
    // SAFETY: ten bytes per group, as the caller vouches.
    let (mask, rank) = unsafe {
        let head = heads.add(group * HEAD_BYTES);
        let mask = u64::from_le(head.cast::<u64>().read_unaligned());
        (mask, usize::from(u16::from_le(head.add(RANK_AT).cast::<u16>().read_unaligned())))
    };
    assert!(rank + GROUP <= codes.len(), "ranks lead into the codes");
    if group.is_multiple_of(2) {
        fetch_ahead(codes.as_ptr().wrapping_add(rank));
    }
    // SAFETY: 64 bytes from `rank` on are codes, asserted above.
    let packed = unsafe { load_apart(codes.as_ptr().add(rank)) };
    _mm512_maskz_expand_epi8(mask, packed)
}

/// Adds all lists to two groups at once, which halves the cost of everything but the codes.
///
/// Safety: the lists cover both groups (`Sweep::covers`).
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2")]
#[allow(unsafe_code)]
#[inline]
unsafe fn add_lists<const UP: bool>(
    lists: &[GroupList<'_>],
    groups: (usize, usize),
    mut lanes: (Lanes, Lanes),
) -> (Lanes, Lanes) {
    for list in lists {
        let multiplier = _mm512_set1_epi16(list.multiplier as i16);
        // SAFETY: the list covers both groups, as the caller vouches.
        let codes = unsafe {
            match list.codes {
                GroupCodes::Bitmap { heads, codes } => {
                    fetch_ahead(heads.as_ptr().wrapping_add(groups.0 * HEAD_BYTES));
                    (
                        bitmap_codes(heads.as_ptr(), codes, groups.0),
                        bitmap_codes(heads.as_ptr(), codes, groups.1),
                    )
                }
                GroupCodes::Dense { codes } => {
                    let at = codes.as_ptr().wrapping_add(groups.0 * GROUP);
                    fetch_ahead(at);
                    fetch_ahead(at.wrapping_add(GROUP));
                    let next = codes.as_ptr().add(groups.1 * GROUP);
                    (_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(next.cast()))
                }
            }
        };
        lanes = (lanes.0.add::<UP>(codes.0, multiplier), lanes.1.add::<UP>(codes.1, multiplier));
    }
    lanes
}

/// The largest sums of what was dropped, lane by lane.
struct Dropped {
    bounds: __m512i,
    /// Sums of parts rounded down.
    sums: __m512i,
}

/// The definition is `scalar::sweep`. Groups are taken in pairs, and a group
/// that is dropped alone may be summed beside its neighbour.
///
/// Safety: the processor has what `level.rs` asks for, and `sweep` covers `groups`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,bmi2")]
#[allow(unsafe_code)]
pub(crate) unsafe fn sweep<const UP: bool>(
    sums: &mut Sums,
    groups: std::ops::Range<usize>,
    sweep: &Sweep<'_>,
    survivors: &mut Vec<u32>,
) -> Swept {
    let rounding = if UP { 0 } else { sweep.lists.len() as u16 };
    let zero = _mm512_setzero_si512();
    let mut dropped = Dropped { bounds: zero, sums: zero };
    let mut swept = Swept { next_group: groups.start, ..Swept::default() };
    let (rows, _) = sums.0.as_chunks_mut::<GROUP>();
    while swept.next_group < groups.end {
        if survivors.capacity() - survivors.len() < 2 * GROUP {
            break;
        }
        let first = swept.next_group;
        // The last group of an odd number is its own neighbour, and looked at once.
        let pair = (first, (first + 1).min(groups.end - 1));
        swept.next_group = pair.1 + 1;
        let (a, is_a_alive) = bound(&mut rows[pair.0], pair.0, sweep, &mut dropped);
        let (b, is_b_alive) = match pair.1 > pair.0 {
            true => bound(&mut rows[pair.1], pair.1, sweep, &mut dropped),
            false => (Lanes(zero, zero), false),
        };
        if !is_a_alive && !is_b_alive {
            continue;
        }
        swept.groups_summed += usize::from(is_a_alive) + usize::from(is_b_alive);
        // SAFETY: as the caller vouches.
        let (a, b) = unsafe { add_lists::<UP>(sweep.lists, pair, (a, b)) };
        if is_a_alive {
            collect(a, pair.0, sweep, rounding, &mut dropped, survivors);
        }
        if is_b_alive {
            collect(b, pair.1, sweep, rounding, &mut dropped, survivors);
        }
    }
    let dropped_sum = if swept.groups_summed > 0 { largest(dropped.sums) + rounding } else { 0 };
    swept.highest_dropped = largest(dropped.bounds).max(dropped_sum);
    swept
}

/// Takes a group's sums, leaving zeros, and looks whether a row can reach the threshold.
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
#[inline]
fn bound(
    rows: &mut [u16; GROUP],
    group: usize,
    sweep: &Sweep<'_>,
    dropped: &mut Dropped,
) -> (Lanes, bool) {
    let Lanes(low, high) = load(rows);
    let zero = _mm512_setzero_si512();
    store(Lanes(zero, zero), rows);
    let lanes = Lanes::from_rows(low, high);
    let least = _mm512_set1_epi16(sweep.least as i16);
    let tail = _mm512_set1_epi16(sweep.tails[group] as i16);
    let (in_a, in_b) = admitted_lanes(sweep, group);
    let (a, b) = (_mm512_adds_epu16(lanes.0, tail), _mm512_adds_epu16(lanes.1, tail));
    let alive =
        (_mm512_cmpge_epu16_mask(a, least) & in_a) | (_mm512_cmpge_epu16_mask(b, least) & in_b);
    if alive == 0 {
        let max = _mm512_mask_max_epu16(dropped.bounds, in_a, dropped.bounds, a);
        dropped.bounds = _mm512_mask_max_epu16(max, in_b, max, b);
    }
    (lanes, alive != 0)
}

/// Appends the rows of a group whose sums, made good for rounding, reach the threshold.
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
#[inline]
fn collect(
    lanes: Lanes,
    group: usize,
    sweep: &Sweep<'_>,
    rounding: u16,
    dropped: &mut Dropped,
    survivors: &mut Vec<u32>,
) {
    let least = _mm512_set1_epi16((sweep.least - rounding) as i16);
    let (in_a, in_b) = admitted_lanes(sweep, group);
    let found_a = _mm512_cmpge_epu16_mask(lanes.0, least) & in_a;
    let found_b = _mm512_cmpge_epu16_mask(lanes.1, least) & in_b;
    let max = _mm512_mask_max_epu16(dropped.sums, in_a & !found_a, dropped.sums, lanes.0);
    dropped.sums = _mm512_mask_max_epu16(max, in_b & !found_b, max, lanes.1);
    if found_a | found_b != 0 {
        push_survivors(lanes, (found_a, found_b), rounding, group, survivors);
    }
}

/// Appends the rows of a group whose bits are set, in row order.
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
fn push_survivors(
    lanes: Lanes,
    found: (u32, u32),
    rounding: u16,
    group: usize,
    survivors: &mut Vec<u32>,
) {
    let mut rows = _pdep_u64(found.0.into(), FIRST_ROWS) | _pdep_u64(found.1.into(), !FIRST_ROWS);
    let mut sums = [0u16; GROUP];
    store(lanes, &mut sums);
    while rows != 0 {
        let row = rows.trailing_zeros() as usize;
        rows &= rows - 1;
        let sum = sums[row / 8 % 2 * 32 + row / 16 * 8 + row % 8] + rounding;
        survivors.push(u32::from(sum) << 16 | (group * GROUP + row) as u32);
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[allow(unsafe_code)]
#[inline]
fn load(rows: &[u16; GROUP]) -> Lanes {
    // SAFETY: both halves are 64 bytes of the array.
    unsafe {
        let at = rows.as_ptr().cast::<__m512i>();
        Lanes(_mm512_loadu_si512(at), _mm512_loadu_si512(at.add(1)))
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[allow(unsafe_code)]
#[inline]
fn store(lanes: Lanes, rows: &mut [u16; GROUP]) {
    // SAFETY: both halves are 64 bytes of the array.
    unsafe {
        let at = rows.as_mut_ptr().cast::<__m512i>();
        _mm512_storeu_si512(at, lanes.0);
        _mm512_storeu_si512(at.add(1), lanes.1);
    }
}

/// The admitted rows of a group, in the order of its two registers.
#[target_feature(enable = "bmi2")]
#[inline]
fn admitted_lanes(sweep: &Sweep<'_>, group: usize) -> (u32, u32) {
    match sweep.admitted {
        None => (u32::MAX, u32::MAX),
        Some(admitted) => {
            let admitted = admitted[group];
            (_pext_u64(admitted, FIRST_ROWS) as u32, _pext_u64(admitted, !FIRST_ROWS) as u32)
        }
    }
}

/// The largest of 32 sums.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
fn largest(sums: __m512i) -> u16 {
    let half = _mm256_max_epu16(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64::<1>(sums));
    let quarter = _mm_max_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256::<1>(half));
    // The minimum of the complement, by the one instruction that searches eight lanes.
    let complement = _mm_xor_si128(quarter, _mm_set1_epi16(-1));
    !(_mm_extract_epi16::<0>(_mm_minpos_epu16(complement)) as u16)
}
