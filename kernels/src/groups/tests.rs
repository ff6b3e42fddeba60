//! Lists of any codes, as bytes that a kernel reads: for the tests of all rooms that read lists.
#![allow(clippy::unwrap_used)]

use crate::{GROUP, GroupCodes, GroupList};

/// A list as its rows' codes, one byte per row of every group, with its multiplier.
#[derive(Debug, Clone)]
pub(crate) struct Codes {
    pub(crate) rows: Vec<u8>,
    pub(crate) multiplier: u16,
    pub(crate) is_dense: bool,
}

/// The bytes that a kernel reads of a list.
pub(crate) struct Encoded {
    pub(crate) heads: Vec<u8>,
    pub(crate) codes: Vec<u8>,
}

impl Codes {
    pub(crate) fn encode(&self) -> Encoded {
        if self.is_dense {
            return Encoded { heads: Vec::new(), codes: self.rows.clone() };
        }
        let (mut heads, mut codes) = (Vec::new(), Vec::new());
        for group in self.rows.chunks(GROUP) {
            let bits = group.iter().enumerate().filter(|row| *row.1 > 0);
            let mask = bits.fold(0u64, |mask, (row, _)| mask | 1 << row);
            heads.extend(mask.to_le_bytes());
            heads.extend((codes.len() as u16).to_le_bytes());
            codes.extend(group.iter().filter(|&&code| code > 0));
        }
        // What lies beyond the codes is another list's, and must not matter.
        codes.extend([0xa5; GROUP]);
        Encoded { heads, codes }
    }

    pub(crate) fn maxima(&self) -> Vec<u8> {
        self.rows.chunks(GROUP).map(|group| group.iter().copied().max().unwrap()).collect()
    }

    /// 256 times what row `row` gets.
    pub(crate) fn exact(&self, row: usize) -> u64 {
        u64::from(self.rows[row]) * u64::from(self.multiplier)
    }
}

impl Encoded {
    pub(crate) fn list(&self, of: &Codes) -> GroupList<'_> {
        let codes = match of.is_dense {
            true => GroupCodes::Dense { codes: &self.codes },
            false => GroupCodes::Bitmap { heads: &self.heads, codes: &self.codes },
        };
        GroupList { codes, multiplier: of.multiplier }
    }
}
