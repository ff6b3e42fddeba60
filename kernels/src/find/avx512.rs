//! Finding rows for AVX-512: codes compared 64 at a time, distances summed 64 at a time.

use core::arch::x86_64::*;

use crate::groups::{GROUP, GroupCodes, WINDOW, contribution_up, group_of_bitmap};

/// Loads up to 64 bytes, zeros beyond the slice.
#[target_feature(enable = "avx512f,avx512bw")]
#[allow(unsafe_code)]
#[inline]
fn load_up_to_64(bytes: &[u8]) -> __m512i {
    match bytes.first_chunk::<GROUP>() {
        // SAFETY: the chunk is 64 bytes long.
        Some(whole) => unsafe { _mm512_loadu_si512(whole.as_ptr().cast()) },
        // SAFETY: the mask leaves out what is beyond the slice.
        None => unsafe {
            _mm512_maskz_loadu_epi8((1u64 << bytes.len()) - 1, bytes.as_ptr().cast())
        },
    }
}

#[target_feature(enable = "avx512f,avx512bw,popcnt")]
pub(crate) fn count_reaching(codes: &[u8], least: u8) -> usize {
    let limit = _mm512_set1_epi8(least as i8);
    let reaching = |some: &[u8]| _mm512_cmpge_epu8_mask(load_up_to_64(some), limit).count_ones();
    codes.chunks(GROUP).map(|some| reaching(some) as usize).sum()
}

/// The definition is `scalar::find_in_gaps`. Distances are summed 64 at a time, and to a single row
/// only where a code reaches `least`.
#[target_feature(enable = "avx512f,avx512bw,bmi1,popcnt")]
pub(crate) fn find_in_gaps(gaps: &[u8], codes: &[u8], least: u8, found: &mut Vec<u32>) {
    let (limit, zero) = (_mm512_set1_epi8(least as i8), _mm512_setzero_si512());
    let mut before = zero;
    for (gaps, codes) in gaps.chunks(GROUP).zip(codes.chunks(GROUP)) {
        let distances = load_up_to_64(gaps);
        let mut hits = _mm512_cmpge_epu8_mask(load_up_to_64(codes), limit);
        while hits != 0 {
            let hit = hits.trailing_zeros();
            let up_to = _mm512_maskz_mov_epi8(u64::MAX >> (63 - hit), distances);
            let sums = _mm512_add_epi64(before, _mm512_sad_epu8(up_to, zero));
            let row = (_mm512_reduce_add_epi64(sums) as u32).wrapping_sub(1);
            found.push(u32::from(codes[hit as usize]) << 16 | (row & (WINDOW as u32 - 1)));
            hits &= hits - 1;
        }
        before = _mm512_add_epi64(before, _mm512_sad_epu8(distances, zero));
    }
}

/// The definition is `scalar::find_in_groups`.
#[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2,popcnt")]
pub(crate) fn find_in_groups(
    codes: &GroupCodes<'_>,
    block_max: &[u8],
    least: u8,
    found: &mut Vec<u32>,
) -> usize {
    let limit = _mm512_set1_epi8(least as i8);
    let mut read = 0;
    for (some, maxima) in block_max.chunks(GROUP).enumerate() {
        let mut alive = _mm512_cmpge_epu8_mask(load_up_to_64(maxima), limit);
        read += alive.count_ones() as usize;
        while alive != 0 {
            let group = some * GROUP + alive.trailing_zeros() as usize;
            alive &= alive - 1;
            let (mask, codes) = match *codes {
                GroupCodes::Bitmap { heads, codes } => {
                    let (mask, rank) = group_of_bitmap(heads, group);
                    (mask, &codes[rank..rank + mask.count_ones() as usize])
                }
                GroupCodes::Dense { codes } => (u64::MAX, &codes[group * GROUP..][..GROUP]),
            };
            let mut hits = _mm512_cmpge_epu8_mask(load_up_to_64(codes), limit);
            while hits != 0 {
                let hit = hits.trailing_zeros() as usize;
                let row = _pdep_u64(1 << hit, mask).trailing_zeros() as usize;
                found.push(u32::from(codes[hit]) << 16 | (group * GROUP + row) as u32);
                hits &= hits - 1;
            }
        }
    }
    read
}

/// The definition is `scalar::add_gaps_at`. Whole registers of distances are passed over by their
/// sum.
#[target_feature(enable = "avx512f,avx512bw,popcnt")]
#[allow(unsafe_code)]
pub(crate) fn add_gaps_at(gaps: &[u8], codes: &[u8], multiplier: u16, rows: &mut [u32]) {
    let zero = _mm512_setzero_si512();
    let mut start = 0;
    // Sums of the distances before the present 64, of these, and of each eight of them.
    let (mut before, mut here, mut eights) = (0u32, 0u32, [0u64; 8]);
    let mut is_loaded = false;
    for row in rows {
        let wanted = (*row & 0xffff) + 1;
        while !is_loaded || before + here < wanted {
            if is_loaded {
                start += GROUP;
                before += here;
            }
            if start >= gaps.len() {
                return;
            }
            is_loaded = true;
            let sums = _mm512_sad_epu8(load_up_to_64(&gaps[start..]), zero);
            here = _mm512_reduce_add_epi64(sums) as u32;
            // SAFETY: 64 bytes of eight words.
            unsafe { _mm512_storeu_si512(eights.as_mut_ptr().cast(), sums) };
        }
        let (mut at, mut eight) = (before, 0);
        while at + (eights[eight] as u32) < wanted {
            at += eights[eight] as u32;
            eight += 1;
        }
        let mut entry = start + eight * 8;
        at += u32::from(gaps[entry]);
        while at < wanted {
            entry += 1;
            at += u32::from(gaps[entry]);
        }
        if at == wanted {
            *row += u32::from(contribution_up(codes[entry], multiplier)) << 16;
        }
    }
}
