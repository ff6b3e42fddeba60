//! The file's promises: rows survive, bounds bound, damage is found, the document is true.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use crate::{layout::header_at, *};

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

fn example() -> Vec<SparseVector> {
    vec![
        SparseVector::from_pairs([(7, 1.5), (40, 0.25)]).unwrap(),
        SparseVector::from_pairs([(7, 3.0)]).unwrap(),
    ]
}

/// Enough rows for two windows, sparse and dense lists, an empty row and a wide term id.
fn varied() -> Vec<SparseVector> {
    (0..WINDOW_ROWS as u32 + 500)
        .map(|row| {
            let mut pairs = vec![(row % 3, 1.0 + (row % 7) as f32), (50 + row % 997, 0.5)];
            if row % 4 == 0 {
                pairs.push((70_000, 0.001 * (row % 11 + 1) as f32));
            }
            if row % 1000 == 17 {
                pairs.clear();
            }
            SparseVector::from_pairs(pairs).unwrap()
        })
        .collect()
}

fn vectors(max_rows: usize) -> impl Strategy<Value = Vec<SparseVector>> {
    let weight = prop_oneof![1e-6f32..4.0, (1u8..=3).prop_map(f32::from), Just(65_535.0)];
    let row = prop::collection::btree_map(0u32..60, weight, 0..20);
    prop::collection::vec(row, 0..max_rows).prop_map(|rows| {
        rows.into_iter().map(|row| SparseVector::from_pairs(row).unwrap()).collect()
    })
}

fn check_bounds(view: ImpactView<'_>) {
    let mut from_lists = vec![0usize; view.rows()];
    for ordinal in 0..view.terms() {
        for list in view.lists(ordinal) {
            let (mut max, first) = (0, view.window_rows(list.window).start);
            let mut check = |local: usize, code: u8| {
                let weight = view.row(first + local).iter();
                let weight = weight.into_iter().find(|w| w.0 == view.term_id(ordinal)).unwrap().1;
                let bound = f64::from(code) * f64::from(list.step);
                assert!(bound >= weight && bound - weight <= f64::from(list.slack));
                max = max.max(code);
                from_lists[first + local] += 1;
            };
            match list.column {
                Column::Sparse { locals, codes } => {
                    for (local, &code) in locals.chunks_exact(2).zip(codes) {
                        check(u16::from_le_bytes([local[0], local[1]]).into(), code);
                    }
                }
                Column::Dense { codes, block_max } => {
                    for (local, &code) in codes.iter().enumerate().filter(|code| *code.1 > 0) {
                        check(local, code);
                    }
                    for (group, max) in codes.chunks(GROUP_ROWS).zip(block_max) {
                        assert_eq!(group.iter().max(), Some(max));
                    }
                }
            }
            assert_eq!(max, list.max_code);
        }
    }
    for (row, lists) in from_lists.into_iter().enumerate() {
        assert_eq!(lists, view.row(row).len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_survive_and_columns_bound_them(vectors in vectors(200)) {
        let file = ImpactFile::open(build(&vectors, None)).unwrap();
        let view = file.view();
        prop_assert_eq!(view.rows(), vectors.len());
        for (row, vector) in vectors.iter().enumerate() {
            let stored: Vec<(u32, f64)> = view.row(row).iter().collect();
            prop_assert_eq!(stored.len(), vector.len());
            let max = vector.weights().iter().copied().fold(0f32, f32::max);
            for ((term, weight), (term_in, weight_in)) in stored.into_iter().zip(vector.iter()) {
                prop_assert_eq!(term, term_in);
                prop_assert!((weight - f64::from(weight_in)).abs() <= f64::from(max) / 32_768.0);
            }
        }
        check_bounds(view);
        view.verify().unwrap();
    }

    #[test]
    fn copied_rows_give_the_same_bytes(vectors in vectors(100)) {
        let bytes = build(&vectors, None);
        let file = ImpactFile::open(&bytes).unwrap();
        let mut copy = ImpactBuilder::new();
        (0..vectors.len()).for_each(|row| copy.push_row(file.view().row(row)).unwrap());
        let mut again = Vec::new();
        copy.write(&mut again).unwrap();
        prop_assert_eq!(bytes, again);
    }

    #[test]
    fn an_order_moves_rows_and_names_their_documents(vectors in vectors(80), seed in any::<u64>()) {
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
}

#[test]
fn windows_lists_and_wide_ids_hold_together() {
    let file = ImpactFile::open(build(&varied(), None)).unwrap();
    let view = file.view();
    assert_eq!(view.windows(), 2);
    assert_eq!(view.row(0).terms_u16(), None);
    let ordinal = view.find_term(70_000).unwrap();
    assert_eq!(view.lists(ordinal).len(), 2);
    assert_eq!(view.find_term(69_999), None);
    check_bounds(view);
    let audit = view.verify().unwrap();
    assert_eq!(audit.rows, WINDOW_ROWS + 500);
}

#[test]
fn the_documented_example_is_the_file() {
    let bytes = build(&example(), None);
    let file = ImpactFile::open(&bytes).unwrap();
    let view = file.view();
    let rows = view.section(Section::Rows);
    assert_eq!(rows, [7, 0, 0x28, 0, 0, 0xc0, 0, 0x20, 7, 0, 0, 0xc0]);
    let list = view.lists(view.find_term(7).unwrap()).next().unwrap();
    let Column::Dense { codes, block_max } = list.column else { panic!("dense") };
    assert_eq!((&codes[..3], block_max), (&[0x80, 0xff, 0][..], &[0xff][..]));
}

#[test]
fn an_empty_file_opens() {
    let file = ImpactFile::open(build(&[], None)).unwrap();
    assert_eq!((file.view().rows(), file.view().terms(), file.view().windows()), (0, 0, 0));
}

#[test]
fn every_flipped_byte_is_an_error() {
    let vectors: Vec<SparseVector> = varied().into_iter().take(90).collect();
    let bytes = build(&vectors, Some((0..90).rev().collect()));
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(ImpactFile::open(damaged).is_err(), "byte {at} of {}", bytes.len());
    }
}

#[test]
fn damage_names_its_section() {
    let vectors: Vec<SparseVector> = varied().into_iter().take(90).collect();
    let bytes = build(&vectors, Some((0..90).rev().collect()));
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
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(ImpactFile::open(longer), Err(FormatError::Corrupt { .. })));
    assert!(matches!(ImpactFile::open(b"PK\x03\x04 zip"), Err(FormatError::Foreign { .. })));
    let mut newer = bytes;
    newer[header_at::VERSION] = 9;
    assert!(matches!(
        ImpactFile::open(newer),
        Err(FormatError::Version { found: 9, supported: VERSION })
    ));
}

/// A file whose checksums are right but whose directories lie must be refused, not searched.
#[test]
fn lying_directories_with_true_checksums_are_errors() {
    let bytes = build(&example(), None);
    let places = ImpactFile::open(&bytes[..]).unwrap().view().layout.sections;
    let lists = places[Section::Lists as usize - 1].0;
    let lies = [
        (places[Section::RowStarts as usize - 1].0 + 8, 200),
        (places[Section::RowExponents as usize - 1].0 + 1, 0x7f),
        (places[Section::Terms as usize - 1].0, 99),
        (places[Section::TermLists as usize - 1].0 + 4, 7),
        (lists + layout::list_at::WINDOW, 5),
        (lists + layout::list_at::POSTINGS, 200),
        (lists + layout::list_at::OFFSET + 2, 1),
        (lists + layout::list_at::STEP + 3, 0xff),
        (lists + layout::list_at::FORM, 7),
        (lists + layout::list_at::FORM, 0),
        (lists + layout::list_at::MAX_CODE, 254),
        (places[Section::Rows as usize - 1].0, 200),
        (places[Section::Columns as usize - 1].0, 0),
        (places[Section::Columns as usize - 1].0 + 1, 254),
        (places[Section::Columns as usize - 1].0 + 5, 1),
        (places[Section::Columns as usize - 1].0 + 64, 254),
    ];
    for (at, value) in lies {
        let mut lying = bytes.clone();
        lying[at] = value;
        reseal(&mut lying, &places);
        assert!(
            matches!(ImpactFile::open(&lying), Err(FormatError::Corrupt { .. })),
            "byte {at} set to {value}"
        );
    }
}

/// Sparse lists whose rows leave the window, or descend, would write outside the accumulators.
#[test]
fn lying_sparse_lists_are_errors() {
    let vectors: Vec<SparseVector> = (0..40u32)
        .map(|row| SparseVector::from_pairs((row % 20 == 3).then_some((9, 1.0))).unwrap())
        .collect();
    let bytes = build(&vectors, None);
    let places = ImpactFile::open(&bytes[..]).unwrap().view().layout.sections;
    let columns = places[Section::Columns as usize - 1].0;
    assert_eq!(bytes[columns..columns + 6], [3, 0, 23, 0, 255, 255]);
    for (at, value) in [(2, 60), (2, 3), (3, 200), (4, 0), (5, 254)] {
        let mut lying = bytes.clone();
        lying[columns + at] = value;
        reseal(&mut lying, &places);
        let opened = ImpactFile::open(&lying);
        // A lower code is no lie about structure: the audit finds it.
        let found = opened.and_then(|file| file.view().verify());
        assert!(matches!(found, Err(FormatError::Corrupt { .. })), "byte {at} set to {value}");
    }
}

/// A bound below the truth, consistent in itself, passes every check of opening: only the audit,
/// which derives columns from rows, finds it.
#[test]
fn a_lowered_bound_fails_the_audit() {
    let bytes = build(&example(), None);
    let places = ImpactFile::open(&bytes[..]).unwrap().view().layout.sections;
    let mut lying = bytes;
    let at = places[Section::Columns as usize - 1].0;
    assert_eq!((lying[at], lying[at + 1]), (128, 255));
    lying[at] = 127;
    reseal(&mut lying, &places);
    let file = ImpactFile::open(lying).unwrap();
    match file.view().verify() {
        Err(FormatError::Corrupt { section: "columns", expected: 128, found: 127, .. }) => {}
        other => panic!("{other:?}"),
    }
}

/// Recomputes every checksum after a test has changed bytes.
fn reseal(bytes: &mut [u8], places: &[(usize, usize); 8]) {
    for (position, &(offset, len)) in places.iter().enumerate() {
        let crc = crc32fast::hash(&bytes[offset..offset + len]);
        let at = layout::HEADER_LEN_BYTES + position * layout::SECTION_ENTRY_LEN_BYTES + 4;
        bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
    }
    let table = layout::HEADER_LEN_BYTES..layout::HEADER_LEN_BYTES + 8 * 24;
    let crc = crc32fast::hash(&bytes[table]);
    bytes[header_at::TABLE_CRC..header_at::TABLE_CRC + 4].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..header_at::HEADER_CRC]);
    bytes[header_at::HEADER_CRC..header_at::HEADER_CRC + 4].copy_from_slice(&crc.to_le_bytes());
}

/// FORMAT.md's tables are the constants.
#[test]
fn the_document_agrees_with_the_constants() {
    let document = include_str!("../FORMAT.md");
    let header = [
        ("MAGIC", header_at::MAGIC, 8),
        ("VERSION", header_at::VERSION, 4),
        ("SECTIONS", header_at::SECTIONS, 4),
        ("ROWS", header_at::ROWS, 4),
        ("WINDOW_ROWS", header_at::WINDOW_ROWS, 4),
        ("GROUP_ROWS", header_at::GROUP_ROWS, 4),
        ("TERMS", header_at::TERMS, 4),
        ("POSTINGS", header_at::POSTINGS, 8),
        ("FILE_LEN", header_at::FILE_LEN, 8),
        ("TERM_ID_BYTES", header_at::TERM_ID_BYTES, 4),
        ("RESERVED", header_at::RESERVED, 4),
        ("TABLE_CRC", header_at::TABLE_CRC, 4),
        ("HEADER_CRC", header_at::HEADER_CRC, 4),
    ];
    let list = [
        ("WINDOW", layout::list_at::WINDOW, 4),
        ("POSTINGS", layout::list_at::POSTINGS, 4),
        ("OFFSET", layout::list_at::OFFSET, 8),
        ("STEP", layout::list_at::STEP, 4),
        ("SLACK", layout::list_at::SLACK, 4),
        ("FORM", layout::list_at::FORM, 1),
        ("MAX_CODE", layout::list_at::MAX_CODE, 1),
        ("RESERVED", layout::list_at::RESERVED, 2),
    ];
    let tables = document.split("## ").collect::<Vec<_>>();
    let rows_of = |title: &str| -> Vec<Vec<String>> {
        let table = tables.iter().find(|table| table.starts_with(title)).unwrap();
        let rows = table.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
        rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
    };
    for (title, fields) in [("Header", &header[..]), ("List entry", &list[..])] {
        let rows = rows_of(title);
        for (name, offset, len) in fields {
            let row = rows.iter().find(|row| row[3] == *name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((&row[1], &row[2]), (&offset.to_string(), &len.to_string()), "{name}");
        }
    }
    for (row, section) in rows_of("Section table").iter().skip(1).zip(Section::ALL) {
        assert_eq!((&row[1][..], &row[2][..]), (&(section as u32).to_string()[..], section.name()));
    }
    assert!(document.contains(&format!("version {VERSION}\n")));
    assert!(document.contains("one row of the window in 8") && columns::DENSE_ONE_ROW_IN == 8);
    assert!(document.contains("| 20 | 4 | WINDOW_ROWS | rows | 32768") && WINDOW_ROWS == 32_768);
    assert!(document.contains("| 24 | 4 | GROUP_ROWS | rows | 64") && GROUP_ROWS == 64);
}

/// The committed file is rebuilt byte for byte and read back: version 1 stays readable.
#[test]
fn the_golden_file_is_rebuilt_and_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/golden/v1.imp");
    let built = build(&golden_vectors(), None);
    if std::env::var_os("GLEANER_WRITE_GOLDEN").is_some() {
        std::fs::write(path, &built).unwrap();
    }
    let file = ImpactFile::open(map_file(path.as_ref()).unwrap()).unwrap();
    assert!(file.view().bytes == built, "data/golden/v1.imp differs from what version 1 writes");
    assert_eq!(file.view().row(3).iter().next(), Some((0, 0.5)));
    file.view().verify().unwrap();
}

fn golden_vectors() -> Vec<SparseVector> {
    (0..40u32)
        .map(|row| {
            let pairs = (0..row % 6).map(|i| (i * i * row % 101 + i, 0.5 + (row * i % 9) as f32));
            let distinct: std::collections::BTreeMap<u32, f32> = pairs.collect();
            SparseVector::from_pairs(distinct).unwrap()
        })
        .collect()
}
