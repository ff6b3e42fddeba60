//! Where every byte of a dense vector file lies: constants, header, tables.
//!
//! What a part of a field takes is `part.rs`; what the sections mean is `view.rs`.

use super::{
    part::Part,
    spec::{DenseSpec, DenseStorage, Metric, NAME_LIMIT_BYTES},
};
use crate::{
    bytes::{aligned, u32_at, u64_at},
    checks::{check_magic, check_padding, corrupt, same},
    error::FormatError,
    windows::GROUP_ROWS,
};

/// First eight bytes, as of the impact file.
pub(crate) const MAGIC: [u8; 8] = *b"\x89GLVEC\r\n";
/// Version written and read.
pub(crate) const VERSION: u32 = 2;
/// Length of the header.
pub(crate) const HEADER_LEN_BYTES: usize = 64;
/// Length of one entry of the field table.
pub(crate) const FIELD_ENTRY_LEN_BYTES: usize = 80;
/// Length of one entry of the section table.
pub(crate) const SECTION_ENTRY_LEN_BYTES: usize = 24;
/// Byte offsets of the header's fields.
pub(crate) mod header_at {
    pub(crate) const MAGIC: usize = 0;
    pub(crate) const VERSION: usize = 8;
    pub(crate) const ROWS: usize = 12;
    pub(crate) const FIELDS: usize = 16;
    pub(crate) const SECTIONS: usize = 20;
    pub(crate) const FILE_LEN: usize = 24;
    pub(crate) const RESERVED: usize = 32;
    pub(crate) const TABLES_CRC: usize = 56;
    pub(crate) const HEADER_CRC: usize = 60;
}

/// Byte offsets of a field entry's fields.
pub(crate) mod field_at {
    pub(crate) const NAME: usize = 0;
    pub(crate) const DIMS: usize = 64;
    pub(crate) const VECTORS: usize = 68;
    pub(crate) const METRIC: usize = 72;
    pub(crate) const STORAGE: usize = 73;
    pub(crate) const RESERVED: usize = 74;
}

/// Byte offsets of a section entry's fields.
pub(crate) mod section_at {
    pub(crate) const PART: usize = 0;
    pub(crate) const CRC: usize = 4;
    pub(crate) const OFFSET: usize = 8;
    pub(crate) const LEN: usize = 16;
}

/// A field of a file: validated, without borrowing the bytes.
#[derive(Debug, Clone)]
pub(crate) struct StoredField {
    pub(crate) spec: DenseSpec,
    pub(crate) vectors: usize,
    /// Offset and length of every part; of those it has not, 0 and 0.
    pub(crate) places: [(usize, usize); Part::COUNT],
    /// Vectors before each group, where not every row has one. Derived by opening.
    pub(crate) first_ordinals: Vec<u32>,
}

impl StoredField {
    /// The bytes of `part`.
    pub(crate) fn slice<'a>(&self, part: Part, bytes: &'a [u8]) -> &'a [u8] {
        let (offset, len) = self.places[part.index()];
        &bytes[offset..offset + len]
    }

    /// How long `part` is by the counts; `None` if no memory could hold it.
    fn len_bytes(&self, part: Part, rows: usize) -> Option<usize> {
        match part {
            Part::Present if self.vectors == rows => Some(0),
            Part::Present => Some(rows.div_ceil(GROUP_ROWS) * 8),
            Part::Floats
            | Part::Halves
            | Part::Codes
            | Part::Scales
            | Part::Norms
            | Part::Errors => self.vectors.checked_mul(part.stride_bytes(self.spec.dims)),
        }
    }
}

/// What header and tables say, and where the sections lie.
#[derive(Debug, Clone)]
pub(crate) struct DenseLayout {
    pub(crate) rows: usize,
    pub(crate) fields: Vec<StoredField>,
}

/// A field to be written: what it is, how many vectors it has, and its parts in file order.
pub(crate) struct FieldParts<'a> {
    pub(crate) spec: &'a DenseSpec,
    pub(crate) vectors: usize,
    pub(crate) parts: Vec<(Part, &'a [u8])>,
}

/// Makes header and tables, and says where each section is to be written (offset), and the length
/// of the file.
pub(crate) fn assemble(rows: usize, fields: &[FieldParts<'_>]) -> (Vec<u8>, Vec<usize>, usize) {
    let sections = fields.iter().map(|field| field.parts.len()).sum::<usize>();
    let mut tables = Vec::new();
    fields.iter().for_each(|field| put_field(field, &mut tables));
    let tables_len = tables.len() + sections * SECTION_ENTRY_LEN_BYTES;
    let mut offset = aligned(HEADER_LEN_BYTES + tables_len);
    let mut offsets = Vec::with_capacity(sections);
    for (part, bytes) in fields.iter().flat_map(|field| &field.parts) {
        tables.extend((*part as u32).to_le_bytes());
        tables.extend(crc32fast::hash(bytes).to_le_bytes());
        tables.extend((offset as u64).to_le_bytes());
        tables.extend((bytes.len() as u64).to_le_bytes());
        offsets.push(offset);
        offset = aligned(offset + bytes.len());
    }
    let mut head = vec![0; HEADER_LEN_BYTES];
    let mut put = |at: usize, value: &[u8]| head[at..at + value.len()].copy_from_slice(value);
    put(header_at::MAGIC, &MAGIC);
    put(header_at::VERSION, &VERSION.to_le_bytes());
    put(header_at::ROWS, &(rows as u32).to_le_bytes());
    put(header_at::FIELDS, &(fields.len() as u32).to_le_bytes());
    put(header_at::SECTIONS, &(sections as u32).to_le_bytes());
    put(header_at::FILE_LEN, &(offset as u64).to_le_bytes());
    put(header_at::TABLES_CRC, &crc32fast::hash(&tables).to_le_bytes());
    let crc = crc32fast::hash(&head[..header_at::HEADER_CRC]);
    head[header_at::HEADER_CRC..].copy_from_slice(&crc.to_le_bytes());
    head.extend(tables);
    (head, offsets, offset)
}

fn put_field(field: &FieldParts<'_>, tables: &mut Vec<u8>) {
    let spec = field.spec;
    let mut entry = [0; FIELD_ENTRY_LEN_BYTES];
    let mut put = |at: usize, value: &[u8]| entry[at..at + value.len()].copy_from_slice(value);
    put(field_at::NAME, spec.name.as_bytes());
    put(field_at::DIMS, &(spec.dims as u32).to_le_bytes());
    put(field_at::VECTORS, &(field.vectors as u32).to_le_bytes());
    put(field_at::METRIC, &[spec.metric as u8]);
    put(field_at::STORAGE, &[spec.storage as u8]);
    tables.extend(entry);
}

/// Reads and checks header, tables and padding: magic, version, checksums, lengths, order.
pub(crate) fn parse(bytes: &[u8]) -> Result<DenseLayout, FormatError> {
    check_magic(bytes, &MAGIC, "dense vector")?;
    // The version comes first: other versions may have other headers.
    let version = bytes.get(header_at::VERSION..header_at::VERSION + 4).map(|at| u32_at(at, 0));
    if let Some(found) = version.filter(|&found| found != VERSION) {
        return Err(FormatError::Version { found, supported: VERSION });
    }
    let head = bytes.get(..HEADER_LEN_BYTES).ok_or_else(|| {
        corrupt("header", "length in bytes", HEADER_LEN_BYTES as u64, bytes.len() as u64)
    })?;
    let crc = crc32fast::hash(&head[..header_at::HEADER_CRC]);
    same("header", "checksum", u32_at(head, header_at::HEADER_CRC).into(), crc.into())?;
    let reserved = &head[header_at::RESERVED..header_at::TABLES_CRC];
    let reserved = reserved.iter().copied().fold(0, u8::max);
    same("header", "reserved bytes", 0, reserved.into())?;
    same("header", "file length", u64_at(head, header_at::FILE_LEN), bytes.len() as u64)?;
    let rows = u32_at(head, header_at::ROWS) as usize;
    let (tables, fields_len) = tables(bytes)?;
    let (fields, sections) = tables.split_at(fields_len);
    let fields = parse_fields(fields, rows)?;
    place_sections(bytes, DenseLayout { rows, fields }, sections)
}

/// Both tables, and how long the first is.
fn tables(bytes: &[u8]) -> Result<(&[u8], usize), FormatError> {
    let count = |at| u64::from(u32_at(bytes, at));
    let fields_len = count(header_at::FIELDS) * FIELD_ENTRY_LEN_BYTES as u64;
    let len = fields_len + count(header_at::SECTIONS) * SECTION_ENTRY_LEN_BYTES as u64;
    let rest = &bytes[HEADER_LEN_BYTES..];
    if len > rest.len() as u64 {
        return Err(corrupt("tables", "length in bytes", rest.len() as u64, len));
    }
    let tables = &rest[..len as usize];
    let crc = crc32fast::hash(tables);
    same("tables", "checksum", u32_at(bytes, header_at::TABLES_CRC).into(), crc.into())?;
    Ok((tables, fields_len as usize))
}

fn parse_fields(table: &[u8], rows: usize) -> Result<Vec<StoredField>, FormatError> {
    let entries = table.chunks_exact(FIELD_ENTRY_LEN_BYTES);
    let fields: Vec<StoredField> =
        entries.map(|entry| parse_field(entry, rows)).collect::<Result<_, _>>()?;
    for (position, field) in fields.iter().enumerate() {
        let same_name = |other: &StoredField| other.spec.name == field.spec.name;
        if let Some(other) = fields[..position].iter().position(same_name) {
            return Err(corrupt("fields", "field of the same name", position as u64, other as u64));
        }
    }
    Ok(fields)
}

fn parse_field(entry: &[u8], rows: usize) -> Result<StoredField, FormatError> {
    let name = &entry[field_at::NAME..field_at::NAME + NAME_LIMIT_BYTES];
    let len = name.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let name = String::from_utf8_lossy(&name[..len]).into_owned();
    let dims = u32_at(entry, field_at::DIMS) as usize;
    let byte = |at: usize| usize::from(entry[at]);
    let metric = Metric::ALL.get(byte(field_at::METRIC)).copied();
    let metric =
        metric.ok_or_else(|| corrupt("fields", "metric", 1, entry[field_at::METRIC].into()))?;
    let storage = DenseStorage::ALL.get(byte(field_at::STORAGE)).copied();
    let storage =
        storage.ok_or_else(|| corrupt("fields", "storage", 3, entry[field_at::STORAGE].into()))?;
    let spec = DenseSpec { name, dims, metric, storage };
    spec.check()?;
    let reserved = &entry[field_at::RESERVED..];
    same("fields", "reserved bytes", 0, reserved.iter().copied().fold(0, u8::max).into())?;
    let vectors = u32_at(entry, field_at::VECTORS) as usize;
    if vectors > rows {
        return Err(corrupt("fields", "vectors", rows as u64, vectors as u64));
    }
    let (places, first_ordinals) = ([(0, 0); Part::COUNT], Vec::new());
    Ok(StoredField { spec, vectors, places, first_ordinals })
}

/// Checks that the sections follow each other, each as long as the counts say and as its checksum.
fn place_sections(
    bytes: &[u8],
    mut layout: DenseLayout,
    table: &[u8],
) -> Result<DenseLayout, FormatError> {
    let per_field = layout.fields.iter().map(|field| Part::of_field(field.spec.storage).count());
    let sections = table.len() / SECTION_ENTRY_LEN_BYTES;
    same("header", "sections", per_field.sum::<usize>() as u64, sections as u64)?;
    let mut entries = table.chunks_exact(SECTION_ENTRY_LEN_BYTES);
    let mut end = HEADER_LEN_BYTES + layout.fields.len() * FIELD_ENTRY_LEN_BYTES + table.len();
    for field in &mut layout.fields {
        for (part, entry) in Part::of_field(field.spec.storage).zip(&mut entries) {
            let (name, start) = (part.name(), aligned(end));
            check_padding(bytes, end, start)?;
            let id = u64::from(u32_at(entry, section_at::PART));
            same(name, "section id", part as u64, id)?;
            same(name, "offset", start as u64, u64_at(entry, section_at::OFFSET))?;
            let len = u64_at(entry, section_at::LEN);
            let expected = field.len_bytes(part, layout.rows).map_or(u64::MAX, |len| len as u64);
            same(name, "length in bytes", expected, len)?;
            let rest = (bytes.len() - start) as u64;
            if len > rest {
                return Err(corrupt(name, "length in bytes", rest, len));
            }
            end = start + len as usize;
            field.places[part.index()] = (start, len as usize);
            let crc = crc32fast::hash(&bytes[start..end]);
            same(name, "checksum", u32_at(entry, section_at::CRC).into(), crc.into())?;
        }
    }
    check_padding(bytes, end, aligned(end))?;
    same("tables", "file length", aligned(end) as u64, bytes.len() as u64)?;
    Ok(layout)
}
