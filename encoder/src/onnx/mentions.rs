//! Whether a name stands in a graph's file, without taking the file apart.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::files::regular;

/// Bytes of a file that are looked through at once.
const LOOK_BYTES: usize = 1 << 20;

/// Whether a name, of an operator say, stands anywhere in a graph's file. It may stand there as
/// something else, so this is for choices that are safe either way.
///
/// Cost: one pass over the file, with a buffer of a mebibyte.
pub(crate) fn mentions(path: &Path, name: &str) -> std::io::Result<bool> {
    regular(path)?;
    let mut file = File::open(path)?;
    let (mut buffer, mut kept) = (vec![0; LOOK_BYTES + name.len()], 0);
    loop {
        let read = file.read(&mut buffer[kept..])?;
        let end = kept + read;
        if buffer[..end].windows(name.len()).any(|bytes| bytes == name.as_bytes()) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // The name may go on in what is read next.
        kept = end.min(name.len().saturating_sub(1));
        buffer.copy_within(end - kept..end, 0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_name_is_found_where_two_looks_meet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("graph");
        for start in [0, LOOK_BYTES - 3, LOOK_BYTES, LOOK_BYTES + 2, 2 * LOOK_BYTES + 4] {
            let mut bytes = vec![0; 2 * LOOK_BYTES + 10];
            bytes[start..start + 6].copy_from_slice(b"MatMul");
            std::fs::write(&path, bytes).unwrap();
            assert!(mentions(&path, "MatMul").unwrap(), "{start}");
            assert!(!mentions(&path, "MatMulInteger").unwrap(), "{start}");
        }
        std::fs::write(&path, b"Mat").unwrap();
        assert!(!mentions(&path, "MatMul").unwrap());
    }
}
