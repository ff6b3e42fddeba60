//! Files whose checksums are right but whose contents contradict each other or could not be searched:
//! refused by opening, or by the audit.

use super::*;
use crate::{
    DenseError,
    bytes::{f32_at, u32_at, u64_at},
    dense::layout::{
        FIELD_ENTRY_LEN_BYTES, HEADER_LEN_BYTES, SECTION_ENTRY_LEN_BYTES, field_at, section_at,
    },
};

/// Recomputes every checksum after a test has changed bytes, where the tables still make sense.
fn reseal(bytes: &mut [u8], fields: usize, sections: usize) {
    let first = HEADER_LEN_BYTES + fields * FIELD_ENTRY_LEN_BYTES;
    for at in (0..sections).map(|section| first + section * SECTION_ENTRY_LEN_BYTES) {
        let place = |field: usize| u64_at(bytes, at + field) as usize;
        let (start, len) = (place(section_at::OFFSET), place(section_at::LEN));
        let Some(section) = bytes.get(start..start.saturating_add(len)) else { continue };
        let crc = crc32fast::hash(section);
        bytes[at + section_at::CRC..][..4].copy_from_slice(&crc.to_le_bytes());
    }
    let tables_len = fields * FIELD_ENTRY_LEN_BYTES + sections * SECTION_ENTRY_LEN_BYTES;
    let crc = crc32fast::hash(&bytes[HEADER_LEN_BYTES..][..tables_len]);
    bytes[header_at::TABLES_CRC..][..4].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..header_at::HEADER_CRC]);
    bytes[header_at::HEADER_CRC..][..4].copy_from_slice(&crc.to_le_bytes());
}

/// A true file, and where its parts are.
struct Truth {
    bytes: Vec<u8>,
    specs: Vec<DenseSpec>,
}

impl Truth {
    /// 70 rows of a field of every storage, 5 dimensions each.
    fn new() -> Self {
        let (specs, rows) = every_kind();
        Self { bytes: build(&specs, &rows), specs }
    }

    /// Where the entry of a field is.
    fn entry(&self, field: usize) -> usize {
        HEADER_LEN_BYTES + field * FIELD_ENTRY_LEN_BYTES
    }

    /// Where the section table's entry of a part is.
    fn section(&self, field: usize, part: Part) -> usize {
        let parts = |spec: &DenseSpec| Part::of_field(spec.storage).count();
        let before = self.specs[..field].iter().map(parts).sum::<usize>();
        let at = Part::of_field(self.specs[field].storage).position(|other| other == part).unwrap();
        self.entry(self.specs.len()) + (before + at) * SECTION_ENTRY_LEN_BYTES
    }

    /// Where a part's bytes are.
    fn part(&self, field: usize, part: Part) -> usize {
        u64_at(&self.bytes, self.section(field, part) + section_at::OFFSET) as usize
    }

    /// What opening says after `new` was put at `at` and the checksums made true.
    fn with(&self, at: usize, new: &[u8]) -> Result<DenseFile<Vec<u8>>, FormatError> {
        let mut lying = self.bytes.clone();
        assert_ne!(&lying[at..at + new.len()], new, "no lie");
        lying[at..at + new.len()].copy_from_slice(new);
        let sections = self.specs.iter().map(|spec| Part::of_field(spec.storage).count()).sum();
        reseal(&mut lying, self.specs.len(), sections);
        DenseFile::open(lying)
    }

    fn refuses(&self, at: usize, new: &[u8], fact: &str) {
        match self.with(at, new) {
            Err(FormatError::Corrupt { fact: found, .. }) => assert_eq!(found, fact),
            other => panic!("{fact}: {:?}", other.map(|_| "opened")),
        }
    }
}

#[test]
fn headers_that_lie_are_errors() {
    let truth = Truth::new();
    let odd = 9u32.to_le_bytes();
    truth.refuses(header_at::ROWS, &odd, "vectors");
    truth.refuses(header_at::ROWS, &71u32.to_le_bytes(), "length in bytes");
    truth.refuses(header_at::ROWS, &64u32.to_le_bytes(), "vectors");
    // Every row of the first field has a vector, and all bits would have to go.
    truth.refuses(header_at::ROWS, &1000u32.to_le_bytes(), "length in bytes");
    truth.refuses(header_at::FIELDS, &odd, "checksum");
    truth.refuses(header_at::FIELDS, &u32::MAX.to_le_bytes(), "length in bytes");
    truth.refuses(header_at::SECTIONS, &odd, "checksum");
    truth.refuses(header_at::SECTIONS, &u32::MAX.to_le_bytes(), "length in bytes");
    truth.refuses(header_at::FILE_LEN, &odd, "file length");
    for at in [header_at::RESERVED, header_at::TABLES_CRC - 1] {
        truth.refuses(at, &[1], "reserved bytes");
    }
}

/// A table that ends early, or goes on into what should be padding.
#[test]
fn sections_that_are_missing_or_too_many_are_errors() {
    let truth = Truth::new();
    let sections = u32_at(&truth.bytes, header_at::SECTIONS);
    for lie in [sections - 1, sections + 1, 0] {
        let mut lying = truth.bytes.clone();
        lying[header_at::SECTIONS..][..4].copy_from_slice(&lie.to_le_bytes());
        reseal(&mut lying, truth.specs.len(), lie as usize);
        let opened = DenseFile::open(lying).map(|_| "opened");
        assert!(matches!(opened, Err(FormatError::Corrupt { fact: "sections", .. })), "{opened:?}");
    }
}

#[test]
fn fields_that_lie_are_errors() {
    let truth = Truth::new();
    for field in 0..truth.specs.len() {
        let entry = truth.entry(field);
        for name in [&b" "[..], b"\0", b"a\0b", b"\xff", b"a\xc3\xa4"] {
            let lie = truth.with(entry + field_at::NAME, name).map(|_| "opened");
            assert!(
                matches!(lie, Err(FormatError::Dense(DenseError::Name { .. }))),
                "{name:?}: {lie:?}"
            );
        }
        for dims in [0, DENSE_DIMS_LIMIT as u32 + 1, u32::MAX] {
            let lie = truth.with(entry + field_at::DIMS, &dims.to_le_bytes());
            assert!(matches!(lie, Err(FormatError::Dense(DenseError::DimsLimit { .. }))));
        }
        truth.refuses(entry + field_at::DIMS, &6u32.to_le_bytes(), "length in bytes");
        let vectors = u32_at(&truth.bytes, entry + field_at::VECTORS);
        truth.refuses(entry + field_at::VECTORS, &71u32.to_le_bytes(), "vectors");
        let fewer = (vectors - 1).to_le_bytes();
        truth.refuses(entry + field_at::VECTORS, &fewer, "length in bytes");
        truth.refuses(entry + field_at::METRIC, &[2], "metric");
        truth.refuses(entry + field_at::STORAGE, &[4], "storage");
        for other in (0..4).filter(|&other| other != field) {
            let lie = truth.with(entry + field_at::STORAGE, &[other as u8]);
            assert!(matches!(lie, Err(FormatError::Corrupt { .. })), "{field} as {other}");
        }
        for at in [field_at::RESERVED, FIELD_ENTRY_LEN_BYTES - 1] {
            truth.refuses(entry + at, &[1], "reserved bytes");
        }
    }
    // `f32` becomes `f16`.
    truth.refuses(truth.entry(0) + field_at::NAME + 1, b"16", "field of the same name");
}

#[test]
fn places_that_lie_are_errors() {
    let truth = Truth::new();
    for (field, spec) in truth.specs.iter().enumerate() {
        for part in Part::of_field(spec.storage) {
            let entry = truth.section(field, part);
            truth.refuses(entry + section_at::PART, &9u32.to_le_bytes(), "section id");
            let offset = u64_at(&truth.bytes, entry + section_at::OFFSET);
            for lie in [offset + 64, offset + 1, offset - 64, 0, u64::MAX] {
                truth.refuses(entry + section_at::OFFSET, &lie.to_le_bytes(), "offset");
            }
            let len = u64_at(&truth.bytes, entry + section_at::LEN);
            for lie in [len + 1, len.wrapping_sub(1), len + 8, u64::MAX] {
                truth.refuses(entry + section_at::LEN, &lie.to_le_bytes(), "length in bytes");
            }
            let end = truth.part(field, part) + len as usize;
            if !end.is_multiple_of(64) {
                truth.refuses(end, &[1], "byte");
                truth.refuses(end.next_multiple_of(64) - 1, &[1], "byte");
            }
        }
    }
}

#[test]
fn presence_that_lies_is_an_error() {
    let truth = Truth::new();
    for field in 1..truth.specs.len() {
        let present = truth.part(field, Part::Present);
        let byte = |at: usize| truth.bytes[present + at];
        truth.refuses(present, &[byte(0) ^ 1], "rows with a vector");
        truth.refuses(present + 8, &[byte(8) ^ 0x20], "rows with a vector");
        // 70 rows end with bit 5 of the second word.
        truth.refuses(present + 8, &[byte(8) | 0x40], "bits beyond the last row");
        truth.refuses(present + 15, &[0x80], "bits beyond the last row");
        // A bit moved is as good a file, but another.
        let moved = truth.with(present, &[byte(0) ^ 0b11]);
        assert_eq!(moved.is_ok(), (byte(0) & 0b11).count_ones() == 1);
    }
}

#[test]
fn values_that_cannot_be_searched_are_errors() {
    let truth = Truth::new();
    for value in [f32::NAN, f32::INFINITY, -f32::INFINITY, MAX_WEIGHT.next_up(), -f32::MAX] {
        for field in [0, 3] {
            let floats = truth.part(field, Part::Floats);
            truth.refuses(floats, &value.to_le_bytes(), "bits of a value");
            truth.refuses(floats + 4 * 5 * 60, &value.to_le_bytes(), "bits of a value");
        }
    }
    for half in [0x7c00u16, 0xfc00, 0x7e00, 0xffff] {
        let halves = truth.part(1, Part::Halves);
        truth.refuses(halves + 2 * 5 * 40, &half.to_le_bytes(), "bits of a value");
    }
    for field in [2, 3] {
        truth.refuses(truth.part(field, Part::Codes) + 7, &[0x80], "bits of a value");
        for part in [Part::Scales, Part::Norms, Part::Errors] {
            let at = truth.part(field, part) + 4 * 9;
            for value in [f32::NAN, f32::INFINITY, -f32::INFINITY, -1.0, -0.0, -f32::NAN] {
                truth.refuses(at, &value.to_le_bytes(), "bits of a value");
            }
        }
        let scales = truth.part(field, Part::Scales);
        truth.refuses(scales, &MAX_WEIGHT.next_up().to_le_bytes(), "bits of a value");
    }
    let tiny = f32::from_bits(1).to_le_bytes();
    truth.refuses(truth.part(2, Part::Errors), &tiny, "bits of a value");
    truth.with(truth.part(3, Part::Errors), &tiny).unwrap();
}

/// A bound below the truth passes every check of opening: only the audit finds it.
#[test]
fn a_lowered_bound_fails_the_audit() {
    let truth = Truth::new();
    let whole = DenseFile::open(&truth.bytes).unwrap();
    assert_eq!(whole.view().verify().unwrap(), 40 + 65);
    for (field, part) in [
        (2, Part::Norms),
        (2, Part::Scales),
        (3, Part::Norms),
        (3, Part::Errors),
        (3, Part::Scales),
        (3, Part::Floats),
    ] {
        let at = truth.part(field, part);
        let lower = f32_at(&truth.bytes, at).next_down();
        let file = truth.with(at, &lower.to_le_bytes()).unwrap();
        let audit = file.view().verify();
        assert!(matches!(audit, Err(FormatError::Corrupt { .. })), "{field} {part:?}: {audit:?}");
    }
    for field in [2, 3] {
        // The code 127 or −127 of the largest value.
        let codes = truth.part(field, Part::Codes);
        let at = (codes..codes + 5).find(|&at| truth.bytes[at].cast_signed().abs() == 127).unwrap();
        let lower = truth.bytes[at].cast_signed() / 127 * 126;
        let file = truth.with(at, &[lower.cast_unsigned()]).unwrap();
        assert!(file.view().verify().is_err());
    }
}
