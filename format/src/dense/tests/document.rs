//! `DENSE.md` is the constants and the bytes.

use super::*;
use crate::dense::{
    layout::{
        FIELD_ENTRY_LEN_BYTES, GROUP_ROWS, HEADER_LEN_BYTES, SECTION_ENTRY_LEN_BYTES, VERSION,
        field_at, section_at,
    },
    spec::NAME_LIMIT_BYTES,
};

const DOCUMENT: &str = include_str!("../../../DENSE.md");

/// The example that the document spells out.
fn example() -> Vec<u8> {
    let specs = [spec("v", 3, Metric::Dot, DenseStorage::Int8WithF32)];
    let vectors = [Some(vec![254.0, -3.0, 0.0]), None, Some(vec![0.0, 0.0, 1.0])];
    build(&specs, &vectors.map(|vector| vec![vector]))
}

/// The hex bytes of the document's example that follow `label`; words in brackets are left out.
fn documented(label: &str) -> Vec<u8> {
    let line = DOCUMENT.lines().find(|line| line.starts_with(label));
    let line = line.unwrap_or_else(|| panic!("the example has no line {label}"));
    let outside = line[label.len()..].split(['(', ')']).step_by(2);
    let words = outside.flat_map(str::split_whitespace);
    words.map(|word| u8::from_str_radix(word, 16).unwrap()).collect()
}

#[test]
fn the_documented_example_is_the_file() {
    let bytes = example();
    let mut entry = bytes[HEADER_LEN_BYTES..][..FIELD_ENTRY_LEN_BYTES].to_vec();
    let zeros: Vec<u8> = entry.drain(1..NAME_LIMIT_BYTES).collect();
    assert_eq!((entry, zeros), (documented("entry of v:"), vec![0; 63]));
    let file = DenseFile::open(&bytes).unwrap();
    let field = file.view().field("v").unwrap();
    for part in Part::of_field(DenseStorage::Int8WithF32) {
        let label = format!("{}:", part.name());
        assert_eq!(field.part(part), documented(&label), "{label} {:02x?}", field.part(part));
    }
}

fn rows_of(title: &str) -> Vec<Vec<String>> {
    let part = DOCUMENT.split("## ").find(|part| part.starts_with(title)).unwrap();
    let rows = part.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
    rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Every part, in the order of its id.
fn every_part() -> Vec<Part> {
    let mut parts: Vec<Part> = DenseStorage::ALL.into_iter().flat_map(Part::of_field).collect();
    parts.sort_by_key(|part| part.index());
    parts.dedup();
    assert_eq!(parts.len(), Part::COUNT);
    parts
}

#[test]
fn the_document_agrees_with_the_constants() {
    let header = [
        ("MAGIC", header_at::MAGIC, 8),
        ("VERSION", header_at::VERSION, 4),
        ("ROWS", header_at::ROWS, 4),
        ("FIELDS", header_at::FIELDS, 4),
        ("SECTIONS", header_at::SECTIONS, 4),
        ("FILE_LEN", header_at::FILE_LEN, 8),
        ("RESERVED", header_at::RESERVED, 24),
        ("TABLES_CRC", header_at::TABLES_CRC, 4),
        ("HEADER_CRC", header_at::HEADER_CRC, 4),
    ];
    let field = [
        ("NAME", field_at::NAME, NAME_LIMIT_BYTES),
        ("DIMS", field_at::DIMS, 4),
        ("VECTORS", field_at::VECTORS, 4),
        ("METRIC", field_at::METRIC, 1),
        ("STORAGE", field_at::STORAGE, 1),
        ("RESERVED", field_at::RESERVED, 6),
    ];
    let section = [
        ("PART", section_at::PART, 4),
        ("CRC", section_at::CRC, 4),
        ("OFFSET", section_at::OFFSET, 8),
        ("LEN", section_at::LEN, 8),
    ];
    let tables = [
        ("Header", &header[..], HEADER_LEN_BYTES),
        ("Field entry", &field[..], FIELD_ENTRY_LEN_BYTES),
        ("Section entry", &section[..], SECTION_ENTRY_LEN_BYTES),
    ];
    for (title, fields, len_bytes) in tables {
        let rows = rows_of(title);
        let mut end = 0;
        for (name, offset, len) in fields {
            let row = rows.iter().find(|row| row[3] == *name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((&row[1], &row[2]), (&offset.to_string(), &len.to_string()), "{name}");
            assert_eq!(*offset, end, "{name} follows the field before it");
            end += len;
        }
        assert_eq!((end, rows.len()), (len_bytes, fields.len() + 1), "{title}");
    }
    let (rows, parts) = (rows_of("Parts"), every_part());
    assert_eq!(rows.len(), parts.len() + 1);
    for (row, part) in rows.iter().skip(1).zip(parts) {
        assert_eq!((&row[1][..], &row[2][..]), (&(part as u32).to_string()[..], part.name()));
    }
}

#[test]
fn the_document_names_the_numbers() {
    let listed = |names: Vec<&str>| {
        let named = names.iter().enumerate().map(|(byte, name)| format!("{byte} {name}"));
        named.collect::<Vec<_>>().join(", ")
    };
    let mut sentences = vec![
        format!("version {VERSION}\n"),
        format!("{DENSE_DIMS_LIMIT} dimensions a field"),
        format!("(16-bit ones: {F16_LIMIT})"),
        format!("{FIELD_ENTRY_LEN_BYTES} bytes a field"),
        format!("{SECTION_ENTRY_LEN_BYTES} bytes a section"),
        format!("1 to {NAME_LIMIT_BYTES} letters"),
        format!("| dimensions | 1 to {DENSE_DIMS_LIMIT}"),
        format!("rows ÷ {GROUP_ROWS}, rounded up"),
        listed(Metric::ALL.map(Metric::name).to_vec()),
        listed(DenseStorage::ALL.map(DenseStorage::name).to_vec()),
    ];
    assert_eq!(f64::from(MAX_WEIGHT), f64::exp2(40.0));
    sentences.push("values up to 2^40".to_owned());
    for storage in DenseStorage::ALL {
        let parts: Vec<&str> = Part::of_field(storage).map(Part::name).collect();
        sentences.push(format!("{:<8} := {}\n", storage.name(), parts.join(" ")));
    }
    for sentence in sentences {
        assert!(DOCUMENT.contains(&sentence), "DENSE.md does not say: {sentence}");
    }
}
