//! `FORMAT.md` is the constants and the bytes.

use super::*;
use crate::{
    layout::{
        COLUMNS_TAIL_BYTES, HEADER_LEN_BYTES, LIST_ENTRY_LEN_BYTES, SECTION_ENTRY_LEN_BYTES,
        list_at,
    },
    lists::{BITMAP_ONE_ROW_IN, DENSE_ONE_ROW_IN, GAP_MAX, GROUP_HEAD_BYTES},
    rows::ROW_HEAD_LEN_BYTES,
};

const DOCUMENT: &str = include_str!("../../FORMAT.md");

/// The hex bytes of the document's example that follow `label`.
fn documented(label: &str) -> Vec<u8> {
    let line = DOCUMENT.lines().find(|line| line.starts_with(label)).unwrap_or_else(|| {
        panic!("the example has no line {label}");
    });
    let words = line[label.len()..].split_whitespace();
    words.map_while(|word| u8::from_str_radix(word, 16).ok()).collect()
}

#[test]
fn the_documented_example_is_the_file() {
    let bytes = build(&example(), None);
    let file = ImpactFile::open(&bytes).unwrap();
    let view = file.view();
    for (row, label) in [(0, "row 0:"), (1, "row 1:")] {
        assert_eq!(view.row(row).as_bytes(), documented(label), "{label}");
    }
    assert_eq!(view.section(Section::Lists)[..24], documented("entry of 7:"));
    assert_eq!(view.section(Section::Lists)[24..], documented("entry of 300:"));
    let columns = view.section(Section::Columns);
    let (lists, tail) = columns.split_at(columns.len() - COLUMNS_TAIL_BYTES);
    assert_eq!(lists, documented("columns:"));
    assert_eq!(tail, [0; COLUMNS_TAIL_BYTES]);
}

fn rows_of(title: &str) -> Vec<Vec<String>> {
    let part = DOCUMENT.split("## ").find(|part| part.starts_with(title)).unwrap();
    let rows = part.lines().filter(|line| line.starts_with("| ") && !line.contains("---"));
    rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
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
    let row = [("POSTINGS", 0, 4), ("EXPONENT", 4, 2), ("LOW_BYTES", 6, 1), ("RESERVED", 7, 1)];
    let tables = [
        ("Header", &header[..], HEADER_LEN_BYTES),
        ("List entry", &list[..], LIST_ENTRY_LEN_BYTES),
        ("Row", &row[..], ROW_HEAD_LEN_BYTES),
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
    let sections = rows_of("Section table");
    assert_eq!(sections.len(), Section::ALL.len() + 1);
    for (row, section) in sections.iter().skip(1).zip(Section::ALL) {
        assert_eq!((&row[1][..], &row[2][..]), (&(section as u32).to_string()[..], section.name()));
    }
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
    for (form, name) in [
        (Form::Sparse, "sparse"),
        (Form::Gaps, "gaps"),
        (Form::Bitmap, "bitmap"),
        (Form::Dense, "dense"),
    ] {
        assert!(DOCUMENT.contains(&format!("{} {name}", form as u8)), "{name}");
    }
    for number in numbers {
        assert!(DOCUMENT.contains(&number), "FORMAT.md does not say: {number}");
    }
}
