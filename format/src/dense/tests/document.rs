//! `DENSE.md` is the constants and the bytes.

use super::*;
use crate::{
    dense::{
        layout::{
            FIELD_ENTRY_LEN_BYTES, HEADER_LEN_BYTES, SECTION_ENTRY_LEN_BYTES, VERSION, field_at,
            section_at,
        },
        spec::NAME_LIMIT_BYTES,
    },
    document::Document,
    windows::GROUP_ROWS,
};

const DOCUMENT: Document = Document { name: "DENSE.md", text: include_str!("../../../DENSE.md") };

/// The example that the document spells out.
fn example() -> Vec<u8> {
    let specs = [spec("v", 3, Metric::Dot, DenseStorage::Int8WithF32)];
    let vectors = [Some(vec![254.0, -3.0, 0.0]), None, Some(vec![0.0, 0.0, 1.0])];
    build(&specs, &vectors.map(|vector| vec![vector]))
}

#[test]
fn the_documented_example_is_the_file() {
    let bytes = example();
    let mut entry = bytes[HEADER_LEN_BYTES..][..FIELD_ENTRY_LEN_BYTES].to_vec();
    let zeros: Vec<u8> = entry.drain(1..NAME_LIMIT_BYTES).collect();
    assert_eq!((entry, zeros), (DOCUMENT.hex("entry of v:"), vec![0; 63]));
    let file = DenseFile::open(&bytes).unwrap();
    let field = file.view().field("v").unwrap();
    for part in Part::of_field(DenseStorage::Int8WithF32) {
        let label = format!("{}:", part.name());
        assert_eq!(field.part(part), DOCUMENT.hex(&label), "{label} {:02x?}", field.part(part));
    }
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
    DOCUMENT.check_fields("Header", &header, HEADER_LEN_BYTES);
    DOCUMENT.check_fields("Field entry", &field, FIELD_ENTRY_LEN_BYTES);
    DOCUMENT.check_fields("Section entry", &section, SECTION_ENTRY_LEN_BYTES);
    DOCUMENT.check_ids("Parts", every_part().into_iter().map(|part| (part as u32, part.name())));
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
    DOCUMENT.check_says(sentences);
}
