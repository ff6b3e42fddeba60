//! The mapping of a file into memory: the only `unsafe` of this crate.

use std::{fs::File, path::Path};

use crate::error::FormatError;

/// Maps a bare impact file (one outside a tantivy index) for reading.
///
/// Files are immutable once written. If another process truncates one while it is mapped, reading
/// past its new end raises SIGBUS: replace files by renaming, never in place.
///
/// Errors: `Io` with the path.
#[allow(unsafe_code)]
pub fn map_file(path: &Path) -> Result<memmap2::Mmap, FormatError> {
    let io = |source| FormatError::Io { path: path.to_path_buf(), source };
    let file = File::open(path).map_err(io)?;
    // SAFETY: the mapping is read-only and private to this process, and `ImpactFile::open` checks
    // every offset against its length. What no check here can exclude is another process that
    // changes the file underneath; the doc above forbids it.
    unsafe { memmap2::Mmap::map(&file) }.map_err(io)
}
