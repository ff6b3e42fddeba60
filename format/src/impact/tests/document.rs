//! `FORMAT.md` is the constants and the bytes.

use super::*;
use crate::{
    document::Document,
    impact::{
        layout::{COLUMNS_TAIL_BYTES, HEADER_LEN_BYTES, SECTION_ENTRY_LEN_BYTES},
        lists::{
            GROUP_HEAD_BYTES, LIST_ENTRY_LEN_BYTES, bitmap::BITMAP_ONE_ROW_IN,
            dense::DENSE_ONE_ROW_IN, entry::list_at, gaps::GAP_MAX,
        },
        rows::ROW_HEAD_LEN_BYTES,
    },
};

const DOCUMENT: Document = Document { name: "FORMAT.md", text: include_str!("../../../FORMAT.md") };

#[test]
fn the_documented_example_is_the_file() {
    let bytes = build(&example(), None);
    let file = ImpactFile::open(&bytes).unwrap();
    let view = file.view();
    for (row, label) in [(0, "row 0:"), (1, "row 1:")] {
        assert_eq!(view.row(row).as_bytes(), DOCUMENT.hex(label), "{label}");
    }
    assert_eq!(view.section(Section::Lists)[..24], DOCUMENT.hex("entry of 7:"));
    assert_eq!(view.section(Section::Lists)[24..], DOCUMENT.hex("entry of 300:"));
    let columns = view.section(Section::Columns);
    let (lists, tail) = columns.split_at(columns.len() - COLUMNS_TAIL_BYTES);
    assert_eq!(lists, DOCUMENT.hex("columns:"));
    assert_eq!(tail, [0; COLUMNS_TAIL_BYTES]);
}

/// FORMAT.md's tables are the constants.
#[test]
fn the_document_agrees_with_the_constants() {
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
        ("RESERVED", header_at::RESERVED, 8),
        ("TABLE_CRC", header_at::TABLE_CRC, 4),
        ("HEADER_CRC", header_at::HEADER_CRC, 4),
    ];
    let list = [
        ("OFFSET", list_at::OFFSET, 8),
        ("WINDOW", list_at::WINDOW, 4),
        ("STEP", list_at::STEP, 4),
        ("POSTINGS", list_at::POSTINGS, 2),
        ("ENTRIES", list_at::ENTRIES, 2),
        ("FORM", list_at::FORM, 1),
        ("MAX_CODE", list_at::MAX_CODE, 1),
        ("RESERVED", list_at::RESERVED, 2),
    ];
    let row = [("POSTINGS", 0, 4), ("EXPONENT", 4, 2), ("LOW_BYTES", 6, 1), ("CODE_BITS", 7, 1)];
    DOCUMENT.check_fields("Header", &header, HEADER_LEN_BYTES);
    DOCUMENT.check_fields("List entry", &list, LIST_ENTRY_LEN_BYTES);
    DOCUMENT.check_fields("Row", &row, ROW_HEAD_LEN_BYTES);
    let sections = Section::ALL.map(|section| (section as u32, section.name()));
    DOCUMENT.check_ids("Section table", sections);
}

/// So are the numbers in its sentences.
#[test]
fn the_document_names_the_numbers() {
    let numbers = [
        format!("version {VERSION}\n"),
        format!("| SECTIONS | sections | {} ", Section::ALL.len()),
        format!("| WINDOW_ROWS | rows | {WINDOW_ROWS}"),
        format!("| GROUP_ROWS | rows | {GROUP_ROWS}"),
        format!("{SECTION_ENTRY_LEN_BYTES} bytes each"),
        format!("{LIST_ENTRY_LEN_BYTES} bytes per (term, window)"),
        format!("head of {ROW_HEAD_LEN_BYTES} bytes"),
        format!("{GROUP_HEAD_BYTES} bytes per group"),
        format!("one row of the window in {DENSE_ONE_ROW_IN} "),
        format!("one row of the window in {BITMAP_ONE_ROW_IN} "),
        format!("{GROUPED_BYTES_PER_POSTING} bytes a posting"),
        format!("distances above {GAP_MAX}"),
        format!("{COLUMNS_TAIL_BYTES} zeros"),
    ];
    let names = Form::ALL.map(|form| match form {
        Form::Sparse => "sparse",
        Form::Gaps => "gaps",
        Form::Bitmap => "bitmap",
        Form::Dense => "dense",
    });
    let named = Form::ALL.into_iter().zip(names);
    let named = named.map(|(form, name)| format!("{} {name}", form as u8));
    DOCUMENT.check_says(numbers.into_iter().chain(named));
}
