//! One entry of the list directory: which form a list has, how large it is and where its bytes are.
//!
//! Reading, writing and checking of an entry are together here. A list's own bytes are `form.rs`.

use super::form::Form;
use crate::{
    bytes::{f32_at, u16_at, u32_at, u64_at},
    checks::{corrupt, same},
    error::FormatError,
    windows::WINDOW_ROWS,
};

/// Length of one list entry.
pub(crate) const LIST_ENTRY_LEN_BYTES: usize = 24;

/// Byte offsets of a list entry's fields.
pub(crate) mod list_at {
    pub(crate) const OFFSET: usize = 0;
    pub(crate) const WINDOW: usize = 8;
    pub(crate) const STEP: usize = 12;
    pub(crate) const POSTINGS: usize = 16;
    pub(crate) const ENTRIES: usize = 18;
    pub(crate) const FORM: usize = 20;
    pub(crate) const MAX_CODE: usize = 21;
    pub(crate) const RESERVED: usize = 22;
}

const _: () = assert!(WINDOW_ROWS <= u16::MAX as usize + 1, "counts less one fit 16 bits");

/// One decoded entry of the list directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListEntry {
    pub(crate) window: usize,
    pub(crate) postings: usize,
    pub(crate) entries: usize,
    pub(crate) offset: usize,
    pub(crate) step: f32,
    pub(crate) form: Form,
    pub(crate) max_code: u8,
}

impl ListEntry {
    /// Reads entry `list`; an unknown form reads as sparse ([`ListEntry::check`] refuses it).
    #[inline]
    pub(crate) fn read(lists: &[u8], list: usize) -> ListEntry {
        let entry = &lists[list * LIST_ENTRY_LEN_BYTES..][..LIST_ENTRY_LEN_BYTES];
        ListEntry {
            window: u32_at(entry, list_at::WINDOW) as usize,
            postings: usize::from(u16_at(entry, list_at::POSTINGS)) + 1,
            entries: usize::from(u16_at(entry, list_at::ENTRIES)) + 1,
            offset: u64_at(entry, list_at::OFFSET) as usize,
            step: f32_at(entry, list_at::STEP),
            form: Form::from_byte(entry[list_at::FORM]).unwrap_or(Form::Sparse),
            max_code: entry[list_at::MAX_CODE],
        }
    }

    /// The entry as it is stored.
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; LIST_ENTRY_LEN_BYTES] {
        let mut entry = [0u8; LIST_ENTRY_LEN_BYTES];
        entry[list_at::OFFSET..][..8].copy_from_slice(&(self.offset as u64).to_le_bytes());
        entry[list_at::WINDOW..][..4].copy_from_slice(&(self.window as u32).to_le_bytes());
        entry[list_at::STEP..][..4].copy_from_slice(&self.step.to_le_bytes());
        let counts =
            [self.postings - 1, self.entries - 1].map(|count| (count as u16).to_le_bytes());
        entry[list_at::POSTINGS..][..2].copy_from_slice(&counts[0]);
        entry[list_at::ENTRIES..][..2].copy_from_slice(&counts[1]);
        entry[list_at::FORM] = self.form as u8;
        entry[list_at::MAX_CODE] = self.max_code;
        entry
    }

    /// Checks the fields that need no context. Shapes: `bytes` start with those of the entry.
    #[inline]
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<(), FormatError> {
        let form = bytes[list_at::FORM];
        if Form::from_byte(form).is_none() {
            return Err(corrupt("lists", "form", Form::ALL.len() as u64 - 1, form.into()));
        }
        same("lists", "reserved bytes", 0, u16_at(bytes, list_at::RESERVED).into())?;
        if !self.step.is_finite() || self.step <= 0.0 || self.max_code == 0 {
            return Err(corrupt("lists", "bits of the step", 1, self.step.to_bits().into()));
        }
        Ok(())
    }

    /// Checks that the list lies inside its section, in the form that its counts demand.
    #[inline]
    pub(crate) fn check_place(&self, rows: usize, columns_len: usize) -> Result<(), FormatError> {
        if self.postings > rows || self.entries > rows {
            return Err(corrupt("lists", "postings", rows as u64, self.postings as u64));
        }
        self.form.check_counts(self.postings, self.entries, rows)?;
        let len = self.form.len_bytes(self.postings, self.entries, rows);
        if self.offset.checked_add(len).is_none_or(|end| end > columns_len) {
            return Err(corrupt("lists", "offset", columns_len as u64, self.offset as u64));
        }
        let misaligned = self.offset % self.form.align_bytes();
        same("lists", "misalignment of a dense list", 0, misaligned as u64)
    }
}
