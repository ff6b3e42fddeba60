//! The definition of matching a row's terms with a query's, in plain Rust.

/// One bit for every residue of a term id modulo 65,536.
pub type TermFilter = [u64; 1024];

/// See [`crate::Kernels::match_terms`]: every term of the row is looked up in the filter.
pub(crate) fn match_terms(
    lows: &[u8],
    highs: &[u8],
    filter: &TermFilter,
    found: &mut [u64],
) -> usize {
    assert!(found.len() > lows.len(), "room for every term, and one to write to in vain");
    let (mut count, mut position) = (0, 0usize);
    for (word, bytes) in highs.chunks(8).enumerate() {
        let mut bits = match bytes.try_into() {
            Ok(whole) => u64::from_le_bytes(whole),
            Err(_) => bytes.iter().rev().fold(0, |bits, &byte| bits << 8 | u64::from(byte)),
        };
        while bits != 0 {
            let bit = word * 64 + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            let Some(&low) = lows.get(position) else { return count };
            let term = (bit - position) << 8 | usize::from(low);
            let slot = count.min(lows.len());
            found[slot] = (position as u64) << 32 | term as u64;
            count += (filter[term >> 6 & 1023] >> (term & 63) & 1) as usize;
            position += 1;
        }
    }
    count
}
