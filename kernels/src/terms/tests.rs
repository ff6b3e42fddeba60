//! Matching of terms at every level against a plain search of the terms.

use proptest::prelude::*;

use crate::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn matched_terms_are_those_of_the_filter(
        terms in prop_oneof![
            prop::collection::btree_set(0u32..600, 0..200),
            prop::collection::btree_set(0u32..30_522, 0..200),
            prop::collection::btree_set(0u32..1 << 20, 0..200),
        ],
        wanted in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        others in prop::collection::vec(any::<u16>(), 0..20),
    ) {
        let terms: Vec<u32> = terms.into_iter().collect();
        let mut query: Vec<u32> = others.into_iter().map(u32::from).collect();
        if !terms.is_empty() {
            query.extend(wanted.iter().map(|pick| terms[pick.index(terms.len())]));
        }
        query.sort_unstable();
        query.dedup();
        check_matches(&terms, &query);
    }
}

/// Compares every level with a plain search of the terms.
fn check_matches(terms: &[u32], query: &[u32]) {
    let lows: Vec<u8> = terms.iter().map(|&term| term as u8).collect();
    let bit = |(position, term): (usize, &u32)| (term >> 8) as usize + position;
    let bits: Vec<usize> = terms.iter().enumerate().map(bit).collect();
    let mut highs = vec![0u8; bits.last().map_or(0, |&last| last / 8 + 1)];
    bits.iter().for_each(|bit| highs[bit / 8] |= 1 << (bit % 8));
    let mut filter = [0u64; 1024];
    query.iter().for_each(|&term| filter[term as usize >> 6 & 1023] |= 1 << (term & 63));
    let has = |term: u32| query.binary_search(&term).is_ok();
    let expected: Vec<u64> = (0u64..)
        .zip(terms)
        .filter(|(_, term)| has(**term))
        .map(|(position, &term)| position << 32 | u64::from(term))
        .collect();
    for kernels in Kernels::available() {
        let mut found = vec![u64::MAX; terms.len().max(query.len()) + 1];
        let count = kernels.match_terms((query, &filter), &lows, &highs, &mut found);
        found.truncate(count);
        // A term with the residue of one of the query's may be among them.
        let same_residue = |term: u32| filter[term as usize >> 6 & 1023] >> (term & 63) & 1 == 1;
        assert!(found.iter().all(|&found| same_residue(found as u32)), "{}", kernels.name());
        found.retain(|&found| has(found as u32));
        assert_eq!(found, expected, "{}", kernels.name());
    }
}

/// Rows whose bits end just before, at and after the ends of words, for every length.
#[test]
fn matched_terms_cross_words_of_bits() {
    for len in 0..=200u32 {
        for step in [1, 2, 255, 256, 257, 16_000] {
            for first in [0, 255, 256 * 62, 256 * 63, 256 * 64] {
                let terms: Vec<u32> = (0..len).map(|i| first + i * step).collect();
                let ends = [terms.first(), terms.get(len as usize / 2), terms.last()];
                let mut some: Vec<u32> = ends.into_iter().flatten().copied().collect();
                some.extend([first.saturating_sub(1), first + len * step]);
                some.sort_unstable();
                some.dedup();
                check_matches(&terms, &some);
                check_matches(&terms, &terms);
                check_matches(&terms, &[]);
            }
        }
    }
}
