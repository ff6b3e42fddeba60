//! Rows found and looked up at every level, in every form of the same list.

use proptest::prelude::*;

use crate::{groups::tests::Codes, *};

/// A gap list's bytes: distances of up to 255, bridged by entries with code 0.
fn gap_list(rows: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut gaps, mut codes, mut next) = (Vec::new(), Vec::new(), 0);
    for (row, &code) in rows.iter().enumerate().filter(|row| *row.1 > 0) {
        while row - next >= 255 {
            gaps.push(255);
            codes.push(0);
            next += 255;
        }
        gaps.push((row - next + 1) as u8);
        codes.push(code);
        next = row + 1;
    }
    (gaps, codes)
}

proptest! {
    /// Every form of the same list yields the same rows and adds the same parts.
    #[test]
    fn rows_found_and_looked_up_are_those_of_the_list(
        kept in prop::collection::vec((0u8..=255, 0usize..40), 0..400),
        spread in 1usize..40, least in 1u8..=255, multiplier in 1u16..=256,
        is_dense in any::<bool>(), wanted in prop::collection::btree_set(0usize..8_000, 0..200),
    ) {
        let mut rows = Vec::new();
        kept.iter().for_each(|&(code, gap)| {
            rows.extend(std::iter::repeat_n(0, gap * spread / 4));
            rows.push(code);
        });
        rows.truncate(8_000);
        rows.resize(rows.len().next_multiple_of(GROUP), 0);
        let list = Codes { rows: rows.clone(), multiplier, is_dense };
        let (encoded, (gaps, codes)) = (list.encode(), gap_list(&rows));
        let set = || rows.iter().enumerate().filter(|row| *row.1 > 0);
        let locals: Vec<u8> = set().flat_map(|row| (row.0 as u16).to_le_bytes()).collect();
        let local_codes: Vec<u8> = set().map(|row| *row.1).collect();
        let expected: Vec<u32> = set().filter(|row| *row.1 >= least)
            .map(|(row, &code)| u32::from(code) << 16 | row as u32).collect();
        let start: Vec<u32> = wanted.iter().filter(|&&row| row < rows.len())
            .map(|&row| 7 << 16 | row as u32).collect();
        let added: Vec<u32> = start.iter().map(|&row| {
            let part = list.exact((row & 0xffff) as usize).div_ceil(256);
            row + ((part as u32) << 16)
        }).collect();
        for kernels in Kernels::available() {
            let of = |find: &dyn Fn(&mut Vec<u32>)| { let mut found = Vec::new(); find(&mut found); found };
            let group_list = encoded.list(&list).codes;
            prop_assert_eq!(&of(&|found| kernels.find_in_gaps(&gaps, &codes, least, found)), &expected);
            prop_assert_eq!(&of(&|found| find_in_locals(&locals, &local_codes, least, found)), &expected);
            let maxima = list.maxima();
            let read = kernels.find_in_groups(&group_list, &maxima, least, &mut Vec::new());
            prop_assert_eq!(read, maxima.iter().filter(|max| **max >= least).count());
            let found = of(&|found| { kernels.find_in_groups(&group_list, &maxima, least, found); });
            prop_assert_eq!(&found, &expected);
            prop_assert_eq!(kernels.count_reaching(&codes, least), expected.len());
            let at = |add: &dyn Fn(&mut [u32])| { let mut rows = start.clone(); add(&mut rows); rows };
            prop_assert_eq!(&at(&|rows| kernels.add_gaps_at(&gaps, &codes, multiplier, rows)), &added);
            prop_assert_eq!(&at(&|rows| add_locals_at(&locals, &local_codes, multiplier, rows)), &added);
            prop_assert_eq!(&at(&|rows| add_groups_at(&group_list, multiplier, rows)), &added);
        }
    }
}
