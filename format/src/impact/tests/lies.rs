//! Files whose checksums are right but whose contents contradict each other: refused by opening,
//! because a search relies on them without looking again, or by the audit.

use super::*;
use crate::{
    bytes::{aligned, u16_at},
    impact::{
        layout::{HEADER_LEN_BYTES, SECTION_ENTRY_LEN_BYTES},
        lists::{LIST_ENTRY_LEN_BYTES, entry::list_at},
    },
};

type Places = [(usize, usize); Section::ALL.len()];

/// Recomputes every checksum after a test has changed bytes.
fn reseal(bytes: &mut [u8], places: &Places) {
    for (position, &(offset, len)) in places.iter().enumerate() {
        let crc = crc32fast::hash(&bytes[offset..offset + len]);
        let at = HEADER_LEN_BYTES + position * SECTION_ENTRY_LEN_BYTES + 4;
        bytes[at..at + 4].copy_from_slice(&crc.to_le_bytes());
    }
    let table_len = Section::ALL.len() * SECTION_ENTRY_LEN_BYTES;
    let crc = crc32fast::hash(&bytes[HEADER_LEN_BYTES..][..table_len]);
    bytes[header_at::TABLE_CRC..header_at::TABLE_CRC + 4].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..header_at::HEADER_CRC]);
    bytes[header_at::HEADER_CRC..header_at::HEADER_CRC + 4].copy_from_slice(&crc.to_le_bytes());
}

fn places(bytes: &[u8]) -> Places {
    ImpactFile::open(bytes).unwrap().view().layout.sections
}

/// A true file, and where its parts are.
struct Truth {
    bytes: Vec<u8>,
    places: Places,
}

impl Truth {
    fn new() -> Self {
        let bytes = build(&every_form(), Some((0..700).rev().collect()));
        let places = places(&bytes);
        Self { bytes, places }
    }

    fn at(&self, section: Section) -> usize {
        self.places[section as usize - 1].0
    }

    /// Where the only list of `term` has its entry.
    fn entry(&self, term: u32) -> usize {
        let file = ImpactFile::open(&self.bytes).unwrap();
        let list = file.view().list_numbers(file.view().find_term(term).unwrap()).start;
        self.at(Section::Lists) + list * LIST_ENTRY_LEN_BYTES
    }

    /// Where the only list of `term` has its bytes.
    fn column(&self, term: u32) -> usize {
        self.at(Section::Columns) + u64_at(&self.bytes, self.entry(term) + list_at::OFFSET) as usize
    }

    fn row(&self, row: usize) -> usize {
        let start = u64_at(&self.bytes, self.at(Section::RowStarts) + row * 8);
        self.at(Section::Rows) + start as usize
    }

    /// What opening says after `new` was put at `at` and the checksums made true.
    fn with(&self, at: usize, new: &[u8]) -> Result<ImpactFile<Vec<u8>>, FormatError> {
        let mut lying = self.bytes.clone();
        assert_ne!(&lying[at..at + new.len()], new, "no lie");
        lying[at..at + new.len()].copy_from_slice(new);
        reseal(&mut lying, &self.places);
        ImpactFile::open(lying)
    }

    fn refuses(&self, at: usize, new: &[u8], fact: &str) {
        match self.with(at, new) {
            Err(FormatError::Corrupt { fact: found, .. }) => assert_eq!(found, fact),
            other => panic!("{fact}: {:?}", other.map(|_| "opened")),
        }
    }
}

/// Terms of [`every_form`] by the form of their list.
const DENSE: u32 = 0;
const BITMAP: u32 = 7;
const GAPS: u32 = 300;
const BRIDGED: u32 = 30_000;
const SPARSE: u32 = 2_000;

#[test]
fn headers_that_lie_are_errors() {
    let truth = Truth::new();
    let odd = 9u32.to_le_bytes();
    truth.refuses(header_at::SECTIONS, &odd, "sections");
    truth.refuses(header_at::WINDOW_ROWS, &odd, "rows per window");
    truth.refuses(header_at::GROUP_ROWS, &odd, "rows per group");
    truth.refuses(header_at::ROWS, &odd, "length in bytes");
    truth.refuses(header_at::TERMS, &odd, "length in bytes");
    truth.refuses(header_at::POSTINGS, &odd, "postings in all rows");
    truth.refuses(header_at::FILE_LEN, &odd, "file length");
    truth.refuses(header_at::RESERVED + 7, &[1], "reserved bytes");
    for section in 0..Section::ALL.len() {
        let at = HEADER_LEN_BYTES + section * SECTION_ENTRY_LEN_BYTES;
        truth.refuses(at, &odd, "section id");
        truth.refuses(at + 8, &odd, "offset");
        let len = u64::MAX.to_le_bytes();
        truth.refuses(at + 16, &len, "length in bytes");
    }
}

#[test]
fn rows_that_lie_are_errors() {
    let truth = Truth::new();
    let starts = truth.at(Section::RowStarts);
    truth.refuses(starts, &[1], "first row");
    truth.refuses(starts + 8, &u64::MAX.to_le_bytes(), "ascending order");
    truth.refuses(starts + 700 * 8, &u64::MAX.to_le_bytes(), "end of the last row");
    truth.refuses(starts + 8, &[truth.bytes[starts + 8] + 1], "bytes of a row");
    // Terms 0 and 300, one low byte each, and high parts 0 and 1.
    let row = truth.row(696);
    let expected = [2, 0, 0, 0, 0xf2, 0xff, 1, 16, 0, 0xe0, 0, 0xe0, 0, 44, 0b101];
    assert_eq!(truth.bytes[row..row + 15], expected);
    for (at, value) in
        [(0, 1), (0, 3), (3, 1), (6, 0), (6, 2), (6, 3), (6, 4), (7, 0), (7, 17), (7, 20), (7, 24)]
    {
        truth.refuses(row + at, &[value], "bytes of a row");
    }
    truth.refuses(row + 4, &41i16.to_le_bytes(), "exponent of two");
    truth.refuses(row + 4, &(-179i16).to_le_bytes(), "exponent of two");
    for highs in [0, 0b1, 0b111] {
        truth.refuses(row + 14, &[highs], "bytes of a row");
    }
    truth.refuses(row + 12, &[44, 44, 0b11], "ascending order");
    truth.refuses(row + 12, &[45, 44, 0b11], "ascending order");
    let docs = truth.at(Section::RowDocs);
    truth.refuses(docs, &700u32.to_le_bytes(), "document");
    truth.refuses(docs, &698u32.to_le_bytes(), "document");
}

/// High parts beyond 32 bits would wrap into other ids.
#[test]
fn ids_beyond_32_bits_are_no_rows() {
    for (low_bytes, last) in [(1u8, (1usize << 24) - 1), (2, (1 << 16) - 1)] {
        for (high, is_row) in [(last, true), (last + 1, false)] {
            let mut row = vec![1, 0, 0, 0, 0, 0, low_bytes, 16, 1, 0];
            row.extend(vec![9; usize::from(low_bytes)]);
            row.extend(vec![0; high / 8]);
            row.push(1 << (high % 8));
            assert_eq!(RowView::is_well_formed(&row), is_row, "{low_bytes} {high}");
        }
    }
}

#[test]
fn terms_that_lie_are_errors() {
    let truth = Truth::new();
    let terms = truth.at(Section::Terms);
    truth.refuses(terms, &8u32.to_le_bytes(), "ascending order");
    truth.refuses(terms + 4, &0u32.to_le_bytes(), "ascending order");
    let firsts = truth.at(Section::TermLists);
    truth.refuses(firsts + 4, &0u32.to_le_bytes(), "ascending order");
    truth.refuses(firsts + 4, &3u32.to_le_bytes(), "ascending order");
    truth.refuses(firsts + 28, &8u32.to_le_bytes(), "last list");
    let mut lying = truth.bytes.clone();
    for (at, list) in (0..=7).map(|ordinal| (firsts + ordinal * 4, ordinal as u32 + 1)) {
        lying[at..at + 4].copy_from_slice(&list.to_le_bytes());
    }
    reseal(&mut lying, &truth.places);
    let opened = ImpactFile::open(lying);
    assert!(matches!(opened, Err(FormatError::Corrupt { fact: "first list", .. })));
}

#[test]
fn list_entries_that_lie_are_errors() {
    let truth = Truth::new();
    for (form, term) in [SPARSE, GAPS, BITMAP, DENSE].into_iter().enumerate() {
        let entry = truth.entry(term);
        assert_eq!(usize::from(truth.bytes[entry + list_at::FORM]), form);
        truth.refuses(entry + list_at::OFFSET, &u64::MAX.to_le_bytes(), "offset");
        let tail = truth.places[Section::Columns as usize - 1].1 - 64;
        truth.refuses(entry + list_at::OFFSET, &(tail as u64).to_le_bytes(), "offset");
        truth.refuses(entry + list_at::WINDOW, &[1], "window");
        for step in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            truth.refuses(entry + list_at::STEP, &step.to_le_bytes(), "bits of the step");
        }
        truth.refuses(entry + list_at::POSTINGS, &u16::MAX.to_le_bytes(), "postings");
        truth.refuses(entry + list_at::POSTINGS, &700u16.to_le_bytes(), "postings");
        truth.refuses(entry + list_at::ENTRIES, &700u16.to_le_bytes(), "postings");
        truth.refuses(entry + list_at::MAX_CODE, &[0], "bits of the step");
        truth.refuses(entry + list_at::MAX_CODE, &[254], "largest code");
        truth.refuses(entry + list_at::FORM, &[4], "form");
        truth.refuses(entry + list_at::RESERVED + 1, &[1], "reserved bytes");
        for other in (0..4).filter(|&other| other != form) {
            let lie = truth.with(entry + list_at::FORM, &[other as u8]);
            assert!(matches!(lie, Err(FormatError::Corrupt { .. })), "{form} as {other}");
        }
        for field in [list_at::POSTINGS, list_at::ENTRIES] {
            let count = u16_at(&truth.bytes, entry + field);
            for lie in [count - 1, count + 1] {
                let lie = truth.with(entry + field, &lie.to_le_bytes());
                assert!(matches!(lie, Err(FormatError::Corrupt { .. })), "form {form}");
            }
        }
    }
    let dense = truth.entry(DENSE);
    let offset = u64_at(&truth.bytes, dense + list_at::OFFSET);
    assert_eq!(offset % 64, 0);
    let lie = (offset + 1).to_le_bytes();
    truth.refuses(dense + list_at::OFFSET, &lie, "misalignment of a dense list");
}

#[test]
fn thin_lists_that_lie_are_errors() {
    let truth = Truth::new();
    // Rows 49 and 599 of the reversed order, weights 2.5 and 1.5: two locals, two codes.
    let sparse = truth.column(SPARSE);
    assert_eq!(truth.bytes[sparse..sparse + 6], [49, 0, 0x57, 2, 255, 153]);
    truth.refuses(sparse + 2, &[49, 0], "ascending order");
    truth.refuses(sparse + 2, &[48, 0], "ascending order");
    truth.refuses(sparse + 2, &700u16.to_le_bytes(), "local row");
    truth.refuses(sparse + 2, &u16::MAX.to_le_bytes(), "local row");
    truth.refuses(sparse + 4, &[254], "largest code");
    truth.refuses(sparse + 5, &[0], "codes of a list");
    // Rows 200 and 499: 201 rows, 255 bridged, 44 more.
    let bridged = truth.column(BRIDGED);
    assert_eq!(truth.bytes[bridged..bridged + 3], [201, 255, 44]);
    truth.refuses(bridged + 1, &[254], "distance bridged");
    let gaps = truth.column(GAPS);
    let entries = usize::from(u16_at(&truth.bytes, truth.entry(GAPS) + list_at::ENTRIES)) + 1;
    truth.refuses(gaps, &[0], "distance");
    truth.refuses(gaps + entries - 1, &[0], "distance");
    truth.refuses(gaps + entries - 1, &[255], "local row");
    truth.refuses(gaps + entries, &[0], "distance bridged");
    truth.refuses(gaps, &[255], "local row");
}

#[test]
fn bitmaps_that_lie_are_errors() {
    let truth = Truth::new();
    let (bitmap, groups) = (truth.column(BITMAP), 11);
    let byte = |at: usize| truth.bytes[bitmap + at];
    truth.refuses(bitmap + 8, &[1], "rank of a group");
    truth.refuses(bitmap + 18, &[byte(18) + 1], "rank of a group");
    truth.refuses(bitmap + 18, &u16::MAX.to_le_bytes(), "rank of a group");
    let last = (groups - 1) * 10;
    // 700 rows end with bit 59 of the last group.
    truth.refuses(bitmap + last + 7, &[byte(last + 7) | 0x10], "bits beyond the last row");
    truth.refuses(bitmap + last + 7, &[byte(last + 7) | 0x80], "bits beyond the last row");
    truth.refuses(bitmap + last, &[0xff], "bits of a list");
    truth.refuses(bitmap + last, &[0x40], "bits of a list");
    truth.refuses(bitmap, &[0xff], "rank of a group");
    let (maxima, codes) = (groups * 10, groups * 11);
    truth.refuses(bitmap + maxima, &[254], "block maximum");
    truth.refuses(bitmap + maxima + groups - 1, &[0], "block maximum");
    assert!(byte(codes) < 255, "not the largest of its group");
    truth.refuses(bitmap + codes, &[0], "codes of a list");
}

#[test]
fn dense_lists_that_lie_are_errors() {
    let truth = Truth::new();
    let (dense, groups) = (truth.column(DENSE), 11);
    let byte = |at: usize| truth.bytes[dense + at];
    truth.refuses(dense + groups * 64, &[254], "block maximum");
    truth.refuses(dense + groups * 64 + 10, &[0], "block maximum");
    truth.refuses(dense + 700, &[1], "code beyond the last row");
    truth.refuses(dense + 703, &[1], "code beyond the last row");
    let (absent, present) = (4, 5);
    assert!(byte(absent) == 0 && byte(present) > 0 && byte(present) < 255);
    truth.refuses(dense + absent, &[1], "codes of a list");
    truth.refuses(dense + present, &[0], "codes of a list");
}

/// Kernels load whole groups of codes: without its tail the section is refused.
#[test]
fn columns_without_their_tail_are_errors() {
    for (vectors, fact) in [(vec![], "length"), (every_form(), "offset")] {
        let mut bytes = build(&vectors, None);
        let mut places = places(&bytes);
        let (offset, len) = places[Section::Columns as usize - 1];
        places[Section::Columns as usize - 1].1 = len - 64;
        let at = HEADER_LEN_BYTES + 6 * SECTION_ENTRY_LEN_BYTES + 16;
        bytes[at..at + 8].copy_from_slice(&(len as u64 - 64).to_le_bytes());
        bytes.truncate(aligned(offset + len - 64));
        bytes[offset + len - 64..].fill(0);
        let file_len = (bytes.len() as u64).to_le_bytes();
        bytes[header_at::FILE_LEN..header_at::FILE_LEN + 8].copy_from_slice(&file_len);
        reseal(&mut bytes, &places);
        match ImpactFile::open(bytes) {
            Err(FormatError::Corrupt { fact: found, .. }) => assert_eq!(found, fact),
            other => panic!("{:?}", other.map(|_| "opened")),
        }
    }
}

/// A bound below the truth, consistent in itself, passes every check of opening: only the audit,
/// which derives columns from rows, finds it.
#[test]
fn a_lowered_bound_fails_the_audit() {
    let truth = Truth::new();
    let entries = usize::from(u16_at(&truth.bytes, truth.entry(GAPS) + list_at::ENTRIES)) + 1;
    let gap_codes = truth.column(GAPS) + entries;
    let below = truth.bytes[gap_codes..].iter().position(|&code| code < 255).unwrap();
    let codes = [
        (truth.column(SPARSE) + 5, "sparse"),
        (gap_codes + below, "gaps"),
        (truth.column(BITMAP) + 11 * 11, "bitmap"),
        (truth.column(DENSE) + 5, "dense"),
    ];
    for (at, form) in codes {
        let code = truth.bytes[at];
        assert!(code < 255, "not the largest of its list: {form}");
        let file = truth.with(at, &[code - 1]).unwrap_or_else(|error| panic!("{form}: {error}"));
        match file.view().verify() {
            Err(FormatError::Corrupt { section: "columns", expected, found, .. }) => {
                assert_eq!((expected, found), (u64::from(code), u64::from(code) - 1));
            }
            other => panic!("{form}: {other:?}"),
        }
    }
    let step = truth.entry(SPARSE) + list_at::STEP;
    let lower = f32::from_le_bytes(truth.bytes[step..step + 4].try_into().unwrap()).next_down();
    let file = truth.with(step, &lower.to_le_bytes()).unwrap();
    let audit = file.view().verify();
    assert!(matches!(audit, Err(FormatError::Corrupt { section: "lists", .. })), "{audit:?}");
}
