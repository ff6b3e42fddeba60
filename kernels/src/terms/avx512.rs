//! Matching of terms for AVX-512: each term of the query is found in the row by counting zeros.

use core::arch::x86_64::*;

/// The definition is `scalar::match_terms`, for a query of few terms: the stretch of the row that
/// can hold a term is found by counting zeros, and the rest of the row is passed over.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2,popcnt,lzcnt")]
pub(crate) fn match_terms(terms: &[u32], lows: &[u8], highs: &[u8], found: &mut [u64]) -> usize {
    assert!(found.len() > terms.len(), "room for every term, and one to write to in vain");
    let mut count = 0;
    let mut zeros = Zeros { highs, word: 0, before: 0 };
    for &term in terms {
        // Term ids of a high part lie between two zeros of the bit vector.
        let Some(bit) = zeros.after(term >> 8) else { break };
        let first = bit - (term >> 8) as usize;
        let in_block = run_of_ones(highs, bit);
        let lows = lows.get(first..).unwrap_or_default();
        let at = position_of(lows, in_block.min(lows.len()), term as u8);
        found[count] = ((first + at) as u64) << 32 | u64::from(term);
        count += usize::from(at < in_block);
    }
    count
}

/// Finds zeros of a bit vector, ever further on.
struct Zeros<'a> {
    highs: &'a [u8],
    word: usize,
    /// Zeros before the word.
    before: u32,
}

impl Zeros<'_> {
    /// The bit after the given number of zeros; `None` beyond the end. Counts must not descend.
    #[target_feature(enable = "bmi1,bmi2,popcnt")]
    #[inline]
    fn after(&mut self, count: u32) -> Option<usize> {
        if count == 0 {
            return Some(0);
        }
        loop {
            // Beyond the end there are only zeros, which lead nowhere.
            let word = bits_at(self.highs, self.word * 8)?;
            let zeros = word.count_zeros();
            if self.before + zeros >= count {
                let one = 1u64 << (count - 1 - self.before);
                let at = _pdep_u64(one, !word).trailing_zeros() as usize;
                return Some(self.word * 64 + at + 1);
            }
            self.before += zeros;
            self.word += 1;
        }
    }
}

/// Sixty-four bits from a byte on, zeros beyond the end; `None` if there is no such byte.
#[inline]
fn bits_at(bytes: &[u8], at: usize) -> Option<u64> {
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    Some(match rest.first_chunk() {
        Some(whole) => u64::from_le_bytes(*whole),
        None => rest.iter().rev().fold(0, |bits, &byte| bits << 8 | u64::from(byte)),
    })
}

/// How many ones follow from a bit on.
#[inline]
fn run_of_ones(bytes: &[u8], bit: usize) -> usize {
    let mut run = 0;
    while let Some(bits) = bits_at(bytes, (bit + run) / 8) {
        let used = (bit + run) % 8;
        let ones = (bits >> used).trailing_ones() as usize;
        run += ones;
        if ones < 64 - used {
            break;
        }
    }
    run
}

/// Where a byte first stands among the first `len` of some; `len` or more if nowhere.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi2")]
#[allow(unsafe_code)]
#[inline]
fn position_of(bytes: &[u8], len: usize, wanted: u8) -> usize {
    match bytes.first_chunk::<32>() {
        Some(some) if len <= 32 => {
            // SAFETY: the chunk is 32 bytes long.
            let some = unsafe { _mm256_loadu_si256(some.as_ptr().cast()) };
            let equal = _mm256_cmpeq_epi8_mask(some, _mm256_set1_epi8(wanted as i8));
            // 32 if nowhere, which is no less than `len`.
            equal.trailing_zeros() as usize
        }
        _ => bytes[..len].iter().position(|&byte| byte == wanted).unwrap_or(len),
    }
}
