//! Seals: what a commit knows of the bytes of each of its files, so that no other file passes for one of them.
//!
//! A checksum inside a file proves that its bytes belong together. It does not prove that the file is
//! this one: that of another index has a right checksum, too. So the manifest names every file of the
//! commit with its length and checksum. The writer makes seals while it writes; opening compares them.

use serde::{Deserialize, Serialize};
use tantivy::index::SegmentId;

/// Length and checksum of a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeal {
    /// Length of the file.
    pub len_bytes: u64,
    /// CRC-32 of all its bytes.
    pub crc32: u32,
}

/// Makes a seal of bytes that come piece by piece.
#[derive(Default)]
pub struct Sealer {
    len_bytes: u64,
    crc32: crc32fast::Hasher,
}

impl Sealer {
    /// The next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.len_bytes += bytes.len() as u64;
        self.crc32.update(bytes);
    }

    /// The seal of all bytes so far.
    pub fn finish(self) -> FileSeal {
        FileSeal { len_bytes: self.len_bytes, crc32: self.crc32.finalize() }
    }
}

impl FileSeal {
    /// The seal of a file of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut sealer = Sealer::default();
        sealer.update(bytes);
        sealer.finish()
    }
}

/// A new id, which no other index and no other commit has.
pub fn new_id() -> String {
    // The storage layer's own source of random ids.
    SegmentId::generate_random().uuid_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_does_not_depend_on_the_pieces() {
        let bytes = b"every byte of a file counts";
        for cut in 0..=bytes.len() {
            let mut sealer = Sealer::default();
            sealer.update(&bytes[..cut]);
            sealer.update(&bytes[cut..]);
            assert_eq!(sealer.finish(), FileSeal::of(bytes));
        }
        assert_ne!(FileSeal::of(b""), FileSeal::of(&[0]));
        assert_ne!(FileSeal::of(b"ab"), FileSeal::of(b"ba"));
        assert_ne!(new_id(), new_id());
    }
}
