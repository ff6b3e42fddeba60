//! The file's promises: rows survive, bounds bound, damage is found, the document is true.
#![allow(clippy::unwrap_used)]

mod document;
mod lies;

use proptest::prelude::*;

use super::{
    layout::header_at,
    lists::{form::Form, groups::GROUPED_BYTES_PER_POSTING},
};
use crate::{bytes::u64_at, *};

fn build(vectors: &[SparseVector], order: Option<Vec<u32>>) -> Vec<u8> {
    let mut builder = ImpactBuilder::new();
    for vector in vectors {
        builder.push(vector).unwrap();
    }
    if let Some(order) = order {
        builder.reorder(order);
    }
    let mut bytes = Vec::new();
    let written = builder.write(&mut bytes).unwrap();
    assert_eq!(written, bytes.len() as u64);
    bytes
}

fn vector(pairs: &[(u32, f32)]) -> SparseVector {
    SparseVector::from_pairs(pairs.iter().copied()).unwrap()
}

/// The example that `FORMAT.md` spells out.
fn example() -> Vec<SparseVector> {
    vec![vector(&[(7, 1.5), (300, 0.25)]), vector(&[(7, 3.0)])]
}

/// Rows with every form of list and every width of ids, an empty row and a short last group.
fn every_form() -> Vec<SparseVector> {
    (0..700u32)
        .map(|row| {
            let weight = 0.5 + (row % 9) as f32;
            let has = [
                (0, row % 5 != 0),
                (7, row % 4 == 1),
                (300, row % 20 == 3),
                (2_000, row == 100 || row == 650),
                (30_000, row == 200 || row == 499),
                (900_000, row % 50 == 7),
                (4_000_000_000, row % 100 == 99),
            ];
            let terms = has.into_iter().filter(|has| has.1 && row % 50 != 17);
            SparseVector::from_pairs(terms.map(|(term, _)| (term, weight))).unwrap()
        })
        .collect()
}

/// Enough rows for two windows, all forms of lists, an empty row and a wide term id.
fn two_windows() -> Vec<SparseVector> {
    (0..WINDOW_ROWS as u32 + 500)
        .map(|row| {
            let mut pairs = vec![(row % 3, 1.0 + (row % 7) as f32), (50 + row % 997, 0.5)];
            pairs.extend((row % 4 != 1).then_some((1_049, 0.25)));
            pairs.extend((row % 9 == 0).then_some((1_050, 2.0)));
            pairs.extend((row % 4 == 0).then(|| (70_000, 0.001 * (row % 11 + 1) as f32)));
            if row % 1000 == 17 {
                pairs.clear();
            }
            SparseVector::from_pairs(pairs).unwrap()
        })
        .collect()
}

/// Rows in which each of `terms` occurs with its own density, in thousandths.
fn scattered(rows: usize, terms: &[(u32, u64)], weights: &[f32], seed: u64) -> Vec<SparseVector> {
    let mut state = seed | 1;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 20) % below
    };
    (0..rows)
        .map(|_| {
            let mut of_row = std::collections::BTreeMap::new();
            for &(term, density) in terms {
                if random(1000) < density {
                    of_row.insert(term, weights[random(weights.len() as u64) as usize]);
                }
            }
            SparseVector::from_pairs(of_row).unwrap()
        })
        .collect()
}

fn vectors(max_rows: usize) -> impl Strategy<Value = Vec<SparseVector>> {
    let weight = prop_oneof![
        4 => 1e-6f32..4.0,
        2 => (1u8..=3).prop_map(f32::from),
        1 => Just(65_535.0),
        1 => Just(f32::from_bits(1)),
        1 => Just(MAX_WEIGHT),
    ];
    let id = prop_oneof![6 => 0u32..2_000, 2 => 0u32..1 << 23, 1 => any::<u32>()];
    let density = prop_oneof![1u64..8, 8u64..70, 70u64..500, 500u64..=1000];
    let terms = prop::collection::vec((id, density), 0..12);
    let weights = prop::collection::vec(weight, 1..20);
    (0..max_rows, terms, weights, any::<u64>())
        .prop_map(|(rows, terms, weights, seed)| scattered(rows, &terms, &weights, seed))
}

/// `(local row, code)` of every posting of a list, by the grammar of its form.
fn decode(list: &ListView<'_>) -> Vec<(usize, u8)> {
    match list.column {
        Column::Sparse { locals, codes } => {
            let locals = locals.chunks_exact(2).map(|l| u16::from_le_bytes([l[0], l[1]]).into());
            locals.zip(codes.iter().copied()).collect()
        }
        Column::Gaps { gaps, codes } => {
            let rows = gaps.iter().scan(0usize, |next, &gap| {
                *next += usize::from(gap);
                Some(*next - 1)
            });
            rows.zip(codes.iter().copied()).filter(|posting| posting.1 > 0).collect()
        }
        Column::Bitmap { heads, codes, .. } => {
            let masks = heads.chunks_exact(10).map(|head| u64_at(head, 0));
            let rows = masks.enumerate().flat_map(|(group, mask)| {
                (0..64).filter(move |bit| mask >> bit & 1 == 1).map(move |bit| group * 64 + bit)
            });
            rows.zip(codes[..list.postings].iter().copied()).collect()
        }
        Column::Dense { codes, .. } => {
            codes.iter().copied().enumerate().filter(|posting| posting.1 > 0).collect()
        }
    }
}

/// Lists hold the postings of the rows, each code is the least that bounds its weight in the least
/// step, and maxima are those of the codes. Returns how many lists of each form there are.
fn check_lists(view: ImpactView<'_>) -> [usize; 4] {
    let mut forms = [0; 4];
    let mut from_lists = vec![0usize; view.rows()];
    for ordinal in 0..view.terms() {
        let term = view.term_id(ordinal);
        for list in view.lists(ordinal) {
            let first = view.window_rows(list.window).start;
            let step = f64::from(list.step);
            let postings = decode(&list);
            assert_eq!(postings.len(), list.postings);
            let mut largest = 0f64;
            for &(local, code) in &postings {
                let weight = view.row(first + local).iter().find(|w| w.0 == term).unwrap().1;
                let code = f64::from(code);
                assert!(code * step >= weight, "a bound");
                assert!(code == 1.0 || (code - 1.0) * step < weight, "the least bound");
                largest = largest.max(weight);
                from_lists[first + local] += 1;
            }
            assert!(f64::from(list.step.next_down()) * 255.0 < largest, "the least step");
            assert_eq!(postings.iter().map(|p| p.1).max(), Some(list.max_code));
            if let Some(maxima) = list.column.block_max() {
                let mut of_groups = vec![0u8; maxima.len()];
                for &(local, code) in &postings {
                    let max = &mut of_groups[local / GROUP_ROWS];
                    *max = code.max(*max);
                }
                assert_eq!(maxima, of_groups);
            }
            forms[match list.column {
                Column::Sparse { .. } => 0,
                Column::Gaps { .. } => 1,
                Column::Bitmap { .. } => 2,
                Column::Dense { .. } => 3,
            }] += 1;
        }
    }
    for (row, lists) in from_lists.into_iter().enumerate() {
        assert_eq!(lists, view.row(row).len());
    }
    forms
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn rows_survive_and_columns_bound_them(vectors in vectors(1500)) {
        let file = ImpactFile::open(build(&vectors, None)).unwrap();
        let view = file.view();
        prop_assert_eq!(view.rows(), vectors.len());
        for (row, vector) in vectors.iter().enumerate() {
            let stored: Vec<(u32, f64)> = view.row(row).iter().collect();
            prop_assert_eq!(stored.len(), vector.len());
            for ((term, weight), (term_in, weight_in)) in stored.into_iter().zip(vector.iter()) {
                prop_assert_eq!(term, term_in);
                let given = f64::from(weight_in);
                prop_assert!((weight - given).abs() <= given / 131_072.0);
            }
        }
        check_lists(view);
        view.verify().unwrap();
    }

    #[test]
    fn copied_rows_give_the_same_bytes(vectors in vectors(300)) {
        let bytes = build(&vectors, None);
        let file = ImpactFile::open(&bytes).unwrap();
        let mut copy = ImpactBuilder::new();
        (0..vectors.len()).for_each(|row| copy.push_row(file.view().row(row)).unwrap());
        let mut again = Vec::new();
        copy.write(&mut again).unwrap();
        prop_assert_eq!(bytes, again);
    }

    #[test]
    fn an_order_moves_rows_and_names_their_documents(
        vectors in vectors(200), seed in any::<u64>()
    ) {
        let mut order: Vec<u32> = (0..vectors.len() as u32).collect();
        order.sort_by_key(|&doc| (u64::from(doc) + 1).wrapping_mul(seed | 1));
        let plain = ImpactFile::open(build(&vectors, None)).unwrap();
        let moved = ImpactFile::open(build(&vectors, Some(order.clone()))).unwrap();
        for (row, &doc) in order.iter().enumerate() {
            prop_assert_eq!(moved.view().doc(row), doc);
            let same = moved.view().row(row).iter().eq(plain.view().row(doc as usize).iter());
            prop_assert!(same);
        }
        moved.view().verify().unwrap();
    }

    #[test]
    fn a_form_bounds_the_bytes_of_a_posting(
        rows in 1usize..=WINDOW_ROWS, share in 0.0f64..=1.0, bridges in 0usize..130
    ) {
        let postings = ((rows as f64 * share * share * share) as usize).clamp(1, rows);
        let entries = (postings + bridges).min(rows);
        let form = Form::of(postings, entries, rows);
        let len = form.len_bytes(postings, entries, rows);
        prop_assert!(len <= postings * GROUPED_BYTES_PER_POSTING, "{form:?} takes {len}");
        if matches!(form, Form::Sparse | Form::Gaps) {
            prop_assert!(len <= postings * 3);
        }
    }
}

#[test]
fn all_forms_and_widths_of_ids_occur() {
    let file = ImpactFile::open(build(&every_form(), None)).unwrap();
    let view = file.view();
    assert_eq!(check_lists(view), [1, 4, 1, 1]);
    let widths: std::collections::BTreeSet<u8> =
        (0..view.rows()).map(|row| view.row(row).as_bytes()[6]).collect();
    assert_eq!(widths.into_iter().collect::<Vec<_>>(), [1, 2, 4]);
}

#[test]
fn windows_lists_and_wide_ids_hold_together() {
    let file = ImpactFile::open(build(&two_windows(), None)).unwrap();
    let view = file.view();
    assert_eq!(view.windows(), 2);
    let ordinal = view.find_term(70_000).unwrap();
    assert_eq!(view.lists(ordinal).len(), 2);
    assert_eq!(view.find_term(69_999), None);
    let forms = check_lists(view);
    assert!(forms.into_iter().all(|lists| lists > 0), "{forms:?}");
    let audit = view.verify().unwrap();
    assert_eq!(audit.rows, WINDOW_ROWS + 500);
}

#[test]
fn every_term_is_found_and_no_other() {
    let ids = [0, 1, 2, 3, 500, 501, 70_000, 1 << 24, u32::MAX - 1, u32::MAX];
    let pairs: Vec<(u32, f32)> = ids.map(|id| (id, 1.0)).to_vec();
    let file = ImpactFile::open(build(&[vector(&pairs)], None)).unwrap();
    for id in ids.into_iter().flat_map(|id| [id.saturating_sub(1), id, id.saturating_add(1)]) {
        assert_eq!(file.view().find_term(id), ids.iter().position(|&other| other == id), "{id}");
    }
}

#[test]
fn an_empty_file_opens() {
    let file = ImpactFile::open(build(&[], None)).unwrap();
    assert_eq!((file.view().rows(), file.view().terms(), file.view().windows()), (0, 0, 0));
    file.view().verify().unwrap();
    let file = ImpactFile::open(build(&[vector(&[]), vector(&[])], None)).unwrap();
    assert_eq!((file.view().rows(), file.view().postings()), (2, 0));
}

fn ninety_rows() -> Vec<u8> {
    let vectors: Vec<SparseVector> = two_windows().into_iter().take(90).collect();
    build(&vectors, Some((0..90).rev().collect()))
}

#[test]
fn every_flipped_byte_is_an_error() {
    let bytes = ninety_rows();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(ImpactFile::open(damaged).is_err(), "byte {at} of {}", bytes.len());
    }
}

#[test]
fn damage_names_its_section() {
    let bytes = ninety_rows();
    let file = ImpactFile::open(&bytes[..]).unwrap();
    let places = file.view().layout.sections;
    for (section, (offset, len)) in Section::ALL.iter().zip(places) {
        assert!(len > 0, "{} is empty in the example", section.name());
        let mut damaged = bytes.clone();
        damaged[offset + len / 2] ^= 0x40;
        match ImpactFile::open(damaged) {
            Err(FormatError::Corrupt { section: named, fact: "checksum", .. }) => {
                assert_eq!(named, section.name());
            }
            other => panic!("{}: {:?}", section.name(), other.map(|_| ())),
        }
    }
}

#[test]
fn truncated_extended_and_foreign_files_are_errors() {
    let bytes = build(&example(), None);
    for cut in 0..bytes.len() {
        assert!(ImpactFile::open(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let mut longer = bytes;
    longer.push(0);
    assert!(matches!(ImpactFile::open(longer), Err(FormatError::Corrupt { .. })));
    assert!(matches!(ImpactFile::open(b"PK\x03\x04 zip"), Err(FormatError::Foreign { .. })));
}

#[test]
fn other_versions_are_refused_by_number() {
    for other in [0, 1, 2, 9] {
        let mut bytes = build(&example(), None);
        bytes[header_at::VERSION] = other;
        match ImpactFile::open(bytes) {
            Err(FormatError::Version { found, supported: 3 }) => {
                assert_eq!(found, u32::from(other))
            }
            found => panic!("version {other}: {:?}", found.map(|_| ())),
        }
    }
}

/// The committed file is rebuilt byte for byte and read back: version 3 stays readable.
#[test]
fn the_golden_file_is_rebuilt_and_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/golden/v3.imp");
    let built = build(&every_form(), Some((0..700).rev().collect()));
    if std::env::var_os("GLEANER_WRITE_GOLDEN").is_some() {
        std::fs::write(path, &built).unwrap();
    }
    let file = ImpactFile::open(map_file(path.as_ref()).unwrap()).unwrap();
    let view = file.view();
    assert!(view.bytes == built, "data/golden/v3.imp differs from what version 3 writes");
    assert_eq!(view.doc(696), 3);
    assert_eq!(view.row(696).iter().collect::<Vec<_>>(), [(0, 3.5), (300, 3.5)]);
    assert_eq!(check_lists(view), [1, 4, 1, 1]);
    view.verify().unwrap();
}
