//! The sweep of every level against the plain definition, and that against exact arithmetic.
#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;

use crate::{
    groups::tests::{Codes, Encoded},
    *,
};

/// What one sweep works on.
#[derive(Debug, Clone)]
struct Case {
    /// One per row of the groups.
    sums: Vec<u16>,
    lists: Vec<Codes>,
    admitted: Option<Vec<u64>>,
    least: u16,
    /// Room for survivors.
    capacity: usize,
}

impl Case {
    fn groups(&self) -> usize {
        self.sums.len() / GROUP
    }

    fn tails(&self, kernels: Kernels) -> Vec<u16> {
        let mut tails = vec![0; self.groups()];
        for list in &self.lists {
            kernels.add_maxima(&mut tails, &list.maxima(), list.multiplier);
        }
        tails
    }

    fn is_admitted(&self, row: usize) -> bool {
        self.admitted
            .as_ref()
            .is_none_or(|admitted| admitted[row / GROUP] >> (row % GROUP) & 1 == 1)
    }

    /// 256 times the sum of a row, exactly.
    fn exact(&self, row: usize) -> u64 {
        let lists = self.lists.iter().map(|list| list.exact(row));
        u64::from(self.sums[row]) * 256 + lists.sum::<u64>()
    }

    /// Sweeps all groups, as often as the survivors' buffer asks for it.
    fn sweep(&self, kernels: Kernels) -> (Vec<u32>, u16, usize) {
        let encoded: Vec<Encoded> = self.lists.iter().map(Codes::encode).collect();
        let lists: Vec<GroupList<'_>> =
            encoded.iter().zip(&self.lists).map(|(bytes, list)| bytes.list(list)).collect();
        let tails = self.tails(kernels);
        let admitted = self.admitted.as_deref();
        let sweep = Sweep { lists: &lists, tails: &tails, admitted, least: self.least };
        let mut sums = Sums::new();
        sums.0[..self.sums.len()].copy_from_slice(&self.sums);
        sums.0[self.sums.len()..].fill(7);
        let (mut next, mut highest_dropped, mut summed) = (0, 0, 0);
        let (mut survivors, mut all) = (Vec::with_capacity(self.capacity), Vec::new());
        while next < self.groups() {
            let swept = kernels.sweep(&mut sums, next..self.groups(), &sweep, &mut survivors);
            assert!(swept.next_group > next, "a sweep with room makes progress");
            next = swept.next_group;
            highest_dropped = highest_dropped.max(swept.highest_dropped);
            summed += swept.groups_summed;
            all.append(&mut survivors);
            survivors.reserve_exact(self.capacity);
        }
        assert_eq!(next, self.groups());
        assert!(sums.0[..self.sums.len()].iter().all(|&sum| sum == 0), "zeros are left behind");
        assert!(sums.0[self.sums.len()..].iter().all(|&sum| sum == 7), "and nothing else changed");
        (all, highest_dropped, summed)
    }

    /// Survivors never understate and hardly overstate; nothing dropped reached `least`.
    fn check(&self, survivors: &[u32], highest_dropped: u16) {
        let lists = self.lists.len() as u64;
        assert!(survivors.windows(2).all(|pair| pair[0] & 0xffff < pair[1] & 0xffff), "ascending");
        let mut sums = vec![None; self.sums.len()];
        survivors.iter().for_each(|s| sums[(s & 0xffff) as usize] = Some(u64::from(s >> 16)));
        for (row, sum) in sums.into_iter().enumerate() {
            let exact = self.exact(row);
            match sum {
                Some(sum) => {
                    assert!(self.is_admitted(row) && sum >= self.least.into());
                    assert!(sum * 256 >= exact, "row {row} understated: {sum} for {exact}");
                    assert!(sum <= exact / 256 + lists, "row {row} overstated: {sum} for {exact}");
                }
                None if self.is_admitted(row) => {
                    assert!(exact < u64::from(self.least) * 256, "row {row} is lost");
                    assert!(exact <= u64::from(highest_dropped) * 256, "row {row}: {exact}");
                }
                None => {}
            }
        }
        assert!(highest_dropped < self.least);
    }
}

/// Codes at several densities, among them none at all and all rows.
fn codes(groups: usize, lists: usize) -> impl Strategy<Value = Codes> {
    let code = prop_oneof![
        Just(prop_oneof![1 => 0u8..=255, 9 => Just(0)].boxed()),
        Just(any::<u8>().boxed()),
        Just((1u8..=255).boxed()),
        Just(Just(255).boxed()),
    ];
    // Even the sum of all largest parts, made good for rounding, stays inside 16 bits.
    let most = (60_000 / lists.max(1)) as u16;
    let multiplier = prop_oneof![3 => 1..=most, 1 => 1u16..300.min(most + 1), 1 => Just(most)];
    code.prop_flat_map(move |code| {
        let rows = prop::collection::vec(code, groups * GROUP);
        (rows, multiplier.clone(), any::<bool>()).prop_map(|(rows, multiplier, is_dense)| Codes {
            rows,
            multiplier,
            is_dense,
        })
    })
}

fn case() -> impl Strategy<Value = Case> {
    (1usize..8, 0usize..9).prop_flat_map(|(groups, lists)| {
        let sum = prop_oneof![4 => Just(0u16), 2 => 0u16..50, 1 => 0u16..5000];
        let word = prop_oneof![any::<u64>(), Just(0), Just(1 << 63), Just(u64::MAX)];
        let near = lists as u16;
        let least = prop_oneof![
            3 => 1u16..=near + 3,
            2 => 1u16..3000,
            3 => 3000u16..=u16::MAX,
            1 => Just(u16::MAX)
        ];
        (
            prop::collection::vec(sum, groups * GROUP),
            prop::collection::vec(codes(groups, lists), lists),
            prop::option::of(prop::collection::vec(word, groups)),
            least,
            prop_oneof![2 * GROUP..4 * GROUP, Just(WINDOW)],
        )
            .prop_map(|(sums, lists, admitted, least, capacity)| Case {
                sums,
                lists,
                admitted,
                least,
                capacity,
            })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn every_sweep_is_true_and_the_same(case in case()) {
        let scalar = case.sweep(Kernels::SCALAR);
        for kernels in Kernels::available() {
            let found = case.sweep(kernels);
            case.check(&found.0, found.1);
            prop_assert!(found == scalar, "{} differs: {:?}", kernels.name(), found);
        }
    }

    /// The threshold at the very sum of a row, where an error of one loses it.
    #[test]
    fn no_row_at_the_threshold_is_lost(case in case(), pick in any::<prop::sample::Index>()) {
        let row = pick.index(case.sums.len());
        let exact = case.exact(row);
        prop_assume!(exact > 0);
        for least in [exact / 256, exact.div_ceil(256), exact / 256 + 1] {
            let case = Case { least: (least as u16).max(1), ..case.clone() };
            for kernels in Kernels::available() {
                let found = case.sweep(kernels);
                case.check(&found.0, found.1);
            }
        }
    }

    #[test]
    fn maxima_are_added_rounded_up(
        block_max in prop::collection::vec(any::<u8>(), 0..200),
        tails in prop::collection::vec(0u16..300, 0..200),
        multiplier in prop_oneof![1u16..600, 1u16..=65_000],
    ) {
        for kernels in Kernels::available() {
            let mut found = tails.clone();
            kernels.add_maxima(&mut found, &block_max, multiplier);
            for (group, (&tail, &found)) in tails.iter().zip(&found).enumerate() {
                let max = block_max.get(group).map_or(0, |&max| u64::from(max));
                let expected = u64::from(tail) + (max * u64::from(multiplier)).div_ceil(256);
                prop_assert_eq!(u64::from(found), expected);
            }
        }
    }

    #[test]
    fn scattered_codes_are_added_rounded_up(
        list in prop::collection::btree_map(0usize..WINDOW, 1u8..=255, 0..200),
        last in prop::option::of(1u8..=255),
        multiplier in prop_oneof![1u16..600, 1u16..=65_000],
    ) {
        let mut list = list;
        list.extend(last.map(|code| (WINDOW - 1, code)));
        let locals: Vec<u8> = list.keys().flat_map(|&row| (row as u16).to_le_bytes()).collect();
        let codes: Vec<u8> = list.values().copied().collect();
        let (mut gaps, mut gap_codes, mut next) = (Vec::new(), Vec::new(), 0);
        for (&row, &code) in &list {
            while row - next >= 255 {
                gaps.push(255);
                gap_codes.push(0);
                next += 255;
            }
            gaps.push((row - next + 1) as u8);
            gap_codes.push(code);
            next = row + 1;
        }
        let mut expected = vec![3u64; WINDOW];
        for (&row, &code) in &list {
            expected[row] += (u64::from(code) * u64::from(multiplier)).div_ceil(256);
        }
        let mut by_locals = Sums::new();
        by_locals.0.fill(3);
        let mut by_gaps = by_locals.clone();
        scatter_locals(&mut by_locals, &locals, &codes, multiplier);
        scatter_gaps(&mut by_gaps, &gaps, &gap_codes, multiplier);
        prop_assert!(by_locals.0.iter().zip(&expected).all(|(&a, &b)| u64::from(a) == b));
        prop_assert!(by_gaps.0 == by_locals.0);
    }
}

/// The sweep of one bitmap of three groups whose heads and codes are as given.
fn sweep_bitmap(kernels: Kernels, least: u16, heads: &[u8], codes: &[u8]) -> bool {
    let lists = [GroupList { codes: GroupCodes::Bitmap { heads, codes }, multiplier: 256 }];
    let sweep = Sweep { lists: &lists, tails: &[255; 3], admitted: None, least };
    let mut survivors = Vec::with_capacity(WINDOW);
    let run = || kernels.sweep(&mut Sums::new(), 0..3, &sweep, &mut survivors);
    catch_unwind(AssertUnwindSafe(run)).is_ok()
}

#[test]
fn ranks_outside_the_codes_panic() {
    let list = Codes { rows: vec![9; 3 * GROUP], multiplier: 256, is_dense: false };
    let Encoded { heads, codes } = list.encode();
    for kernels in Kernels::available() {
        for least in [1, 2, 9] {
            assert!(sweep_bitmap(kernels, least, &heads, &codes), "{}", kernels.name());
            for group in 0..3 {
                for rank in [codes.len() as u16 + 1, u16::MAX] {
                    let mut lying = heads.clone();
                    lying[group * HEAD_BYTES + 8..][..2].copy_from_slice(&rank.to_le_bytes());
                    assert!(!sweep_bitmap(kernels, least, &lying, &codes), "{}", kernels.name());
                }
            }
            assert!(!sweep_bitmap(kernels, least, &heads, &codes[..GROUP]), "{}", kernels.name());
        }
    }
}

/// What a sweep is asked to leave undone is refused before anything is read.
#[test]
fn slices_that_do_not_cover_the_groups_panic() {
    let (heads, codes) = ([0; 3 * HEAD_BYTES], [0; 3 * GROUP]);
    let (tails, admitted) = ([0; 3], [0; 3]);
    let dense = |len: usize| GroupCodes::Dense { codes: &codes[..len] };
    let bitmap = |len: usize| GroupCodes::Bitmap { heads: &heads[..len], codes: &codes };
    for kernels in Kernels::available() {
        let sweeps = |list, tails_len: usize, admitted_len: usize, least, groups| {
            let lists = [GroupList { codes: list, multiplier: 1 }];
            let admitted = Some(&admitted[..admitted_len]);
            let sweep = Sweep { lists: &lists, tails: &tails[..tails_len], admitted, least };
            let mut survivors = Vec::with_capacity(WINDOW);
            let run = || kernels.sweep(&mut Sums::new(), 0..groups, &sweep, &mut survivors);
            catch_unwind(AssertUnwindSafe(run)).is_ok()
        };
        assert!(sweeps(dense(192), 3, 3, 5, 3) && sweeps(bitmap(30), 3, 3, 5, 3));
        assert!(!sweeps(dense(191), 3, 3, 5, 3) && !sweeps(bitmap(29), 3, 3, 5, 3));
        assert!(!sweeps(dense(192), 2, 3, 5, 3) && !sweeps(dense(192), 3, 2, 5, 3));
        assert!(!sweeps(dense(192), 3, 3, 0, 3) && !sweeps(dense(192), 3, 3, 5, 4));
    }
}
