//! Where the sections of an impact file lie: constants, header, section table.
//!
//! `FORMAT.md` describes the same layout for people, and a test of this crate holds the two
//! together. What the sections mean is `view.rs`; the bytes inside them are `rows.rs` and `lists/`.

use super::terms::TermBits;
use crate::{
    bytes::{aligned, u32_at, u64_at},
    checks::{check_magic, check_padding, corrupt, same},
    error::FormatError,
    windows::{GROUP_ROWS, WINDOW_ROWS},
};

/// First eight bytes. As in PNG, the high bit, the line ends and the ^Z catch transfers that
/// treat the file as text.
pub(crate) const MAGIC: [u8; 8] = *b"\x89GLIMP\r\n";
/// Format version written and read.
pub const VERSION: u32 = 3;
/// Length of the header.
pub(crate) const HEADER_LEN_BYTES: usize = 64;
/// Length of one section table entry.
pub(crate) const SECTION_ENTRY_LEN_BYTES: usize = 24;
/// Zeros at the end of the columns section: kernels load whole groups of codes.
pub const COLUMNS_TAIL_BYTES: usize = GROUP_ROWS;

/// Byte offsets of the header's fields.
pub(crate) mod header_at {
    pub(crate) const MAGIC: usize = 0;
    pub(crate) const VERSION: usize = 8;
    pub(crate) const SECTIONS: usize = 12;
    pub(crate) const ROWS: usize = 16;
    pub(crate) const WINDOW_ROWS: usize = 20;
    pub(crate) const GROUP_ROWS: usize = 24;
    pub(crate) const TERMS: usize = 28;
    pub(crate) const POSTINGS: usize = 32;
    pub(crate) const FILE_LEN: usize = 40;
    pub(crate) const RESERVED: usize = 48;
    pub(crate) const TABLE_CRC: usize = 56;
    pub(crate) const HEADER_CRC: usize = 60;
}

/// The sections, in file order. The discriminant is the id in the section table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Byte offset of every row.
    RowStarts = 1,
    /// Term ids and codes, row by row: the truth.
    Rows = 2,
    /// Document number of every row, or empty when they are equal.
    RowDocs = 3,
    /// Distinct term ids, ascending.
    Terms = 4,
    /// First list of every term.
    TermLists = 5,
    /// One entry per (term, window): form, bound, place.
    Lists = 6,
    /// The columns' bytes and their group maxima.
    Columns = 7,
}

impl Section {
    /// All sections in file order.
    pub const ALL: [Section; 7] = [
        Section::RowStarts,
        Section::Rows,
        Section::RowDocs,
        Section::Terms,
        Section::TermLists,
        Section::Lists,
        Section::Columns,
    ];

    /// The name used in errors and in `FORMAT.md`.
    pub fn name(self) -> &'static str {
        match self {
            Section::RowStarts => "row_starts",
            Section::Rows => "rows",
            Section::RowDocs => "row_docs",
            Section::Terms => "terms",
            Section::TermLists => "term_lists",
            Section::Lists => "lists",
            Section::Columns => "columns",
        }
    }
}

/// What the header says, and where the sections lie: validated, without borrowing the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImpactLayout {
    pub(crate) rows: usize,
    pub(crate) terms: usize,
    pub(crate) postings: u64,
    pub(crate) sections: [(usize, usize); Section::ALL.len()],
    /// Derived by opening.
    pub(crate) term_bits: Option<TermBits>,
}

impl ImpactLayout {
    /// The bytes of `section`.
    pub(crate) fn slice<'a>(&self, section: Section, bytes: &'a [u8]) -> &'a [u8] {
        let (offset, len) = self.sections[section as usize - 1];
        &bytes[offset..offset + len]
    }
}

/// Makes header and section table, and says where each section is to be written (offset, length).
pub(crate) fn assemble(
    layout: &ImpactLayout,
    sections: &[&[u8]; Section::ALL.len()],
) -> (Vec<u8>, Vec<(usize, usize)>) {
    let table_len = sections.len() * SECTION_ENTRY_LEN_BYTES;
    let mut offset = aligned(HEADER_LEN_BYTES + table_len);
    let mut table = Vec::with_capacity(table_len);
    let mut places = Vec::with_capacity(sections.len());
    for (section, bytes) in Section::ALL.iter().zip(sections) {
        table.extend((*section as u32).to_le_bytes());
        table.extend(crc32fast::hash(bytes).to_le_bytes());
        table.extend((offset as u64).to_le_bytes());
        table.extend((bytes.len() as u64).to_le_bytes());
        places.push((offset, bytes.len()));
        offset = aligned(offset + bytes.len());
    }
    let mut head = vec![0; HEADER_LEN_BYTES];
    let mut put = |at: usize, value: &[u8]| head[at..at + value.len()].copy_from_slice(value);
    put(header_at::MAGIC, &MAGIC);
    put(header_at::VERSION, &VERSION.to_le_bytes());
    put(header_at::SECTIONS, &(sections.len() as u32).to_le_bytes());
    put(header_at::ROWS, &(layout.rows as u32).to_le_bytes());
    put(header_at::WINDOW_ROWS, &(WINDOW_ROWS as u32).to_le_bytes());
    put(header_at::GROUP_ROWS, &(GROUP_ROWS as u32).to_le_bytes());
    put(header_at::TERMS, &(layout.terms as u32).to_le_bytes());
    put(header_at::POSTINGS, &layout.postings.to_le_bytes());
    put(header_at::FILE_LEN, &(offset as u64).to_le_bytes());
    put(header_at::TABLE_CRC, &crc32fast::hash(&table).to_le_bytes());
    let crc = crc32fast::hash(&head[..header_at::HEADER_CRC]);
    head[header_at::HEADER_CRC..].copy_from_slice(&crc.to_le_bytes());
    head.extend(table);
    (head, places)
}

/// Reads and checks header and section table: magic, version, checksums, lengths, order.
pub(crate) fn parse(bytes: &[u8]) -> Result<ImpactLayout, FormatError> {
    check_magic(bytes, &MAGIC, "impact")?;
    let head = bytes.get(..HEADER_LEN_BYTES).ok_or_else(|| {
        corrupt("header", "length in bytes", HEADER_LEN_BYTES as u64, bytes.len() as u64)
    })?;
    let version = u32_at(head, header_at::VERSION);
    if version != VERSION {
        return Err(FormatError::Version { found: version, supported: VERSION });
    }
    let crc = crc32fast::hash(&head[..header_at::HEADER_CRC]);
    same("header", "checksum", u64::from(u32_at(head, header_at::HEADER_CRC)), u64::from(crc))?;
    let header = |at| u64::from(u32_at(head, at));
    same("header", "rows per window", WINDOW_ROWS as u64, header(header_at::WINDOW_ROWS))?;
    same("header", "rows per group", GROUP_ROWS as u64, header(header_at::GROUP_ROWS))?;
    same("header", "sections", Section::ALL.len() as u64, header(header_at::SECTIONS))?;
    same("header", "reserved bytes", 0, u64_at(head, header_at::RESERVED))?;
    same("header", "file length", u64_at(head, header_at::FILE_LEN), bytes.len() as u64)?;
    let sections = parse_table(bytes, u32_at(head, header_at::TABLE_CRC))?;
    Ok(ImpactLayout {
        rows: u32_at(head, header_at::ROWS) as usize,
        terms: u32_at(head, header_at::TERMS) as usize,
        postings: u64_at(head, header_at::POSTINGS),
        sections,
        term_bits: None,
    })
}

type Places = [(usize, usize); Section::ALL.len()];

fn parse_table(bytes: &[u8], table_crc: u32) -> Result<Places, FormatError> {
    let end = HEADER_LEN_BYTES + Section::ALL.len() * SECTION_ENTRY_LEN_BYTES;
    let table = bytes
        .get(HEADER_LEN_BYTES..end)
        .ok_or_else(|| corrupt("table", "length in bytes", end as u64, bytes.len() as u64))?;
    same("table", "checksum", u64::from(table_crc), u64::from(crc32fast::hash(table)))?;
    let mut places = [(0, 0); Section::ALL.len()];
    let mut expected_offset = aligned(end);
    check_padding(bytes, end, expected_offset)?;
    for (place, section) in places.iter_mut().zip(Section::ALL) {
        let entry = &table[(section as usize - 1) * SECTION_ENTRY_LEN_BYTES..];
        let name = section.name();
        same(name, "section id", section as u64, u64::from(u32_at(entry, 0)))?;
        same(name, "offset", expected_offset as u64, u64_at(entry, 8))?;
        let len = u64_at(entry, 16);
        let rest = (bytes.len() - expected_offset) as u64;
        if len > rest {
            return Err(corrupt(name, "length in bytes", rest, len));
        }
        *place = (expected_offset, len as usize);
        let section_end = expected_offset + len as usize;
        let crc = crc32fast::hash(&bytes[expected_offset..section_end]);
        same(name, "checksum", u64::from(u32_at(entry, 4)), u64::from(crc))?;
        expected_offset = aligned(section_end);
        check_padding(bytes, section_end, expected_offset)?;
    }
    same("table", "file length", expected_offset as u64, bytes.len() as u64)?;
    Ok(places)
}
