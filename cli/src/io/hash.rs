//! SHA-256 in hexadecimal digits, of files and of what was read so far.

use std::{fs::File, io::Read, path::Path};

use sha2::{Digest, Sha256};

const BUFFER_BYTES: usize = 1 << 16;

/// The digits of a hash.
pub(crate) fn digits(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of a file in hexadecimal digits.
pub(crate) fn hash_of(path: &Path) -> std::io::Result<String> {
    let (mut file, mut hash) = (File::open(path)?, Sha256::new());
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            bytes => hash.update(&buffer[..bytes]),
        }
    }
    Ok(digits(hash))
}
