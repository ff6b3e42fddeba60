//! Reading the files of a model folder, with errors that name the file.

use std::path::Path;

use crate::error::EncodeError;

/// Reads a file of the folder that must be there; `what` says what the file would be.
///
/// Errors: `MissingFile`, `Read`.
pub(crate) fn read_file(what: &'static str, path: &Path) -> Result<Vec<u8>, EncodeError> {
    std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => EncodeError::MissingFile { what, path: path.to_owned() },
        _ => EncodeError::Read { path: path.to_owned(), source },
    })
}

/// The text of a file, or nothing when there is no such file.
///
/// Errors: `Read`.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>, EncodeError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EncodeError::Read { path: path.to_owned(), source }),
    }
}
