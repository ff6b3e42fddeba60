//! Reading the files of a model folder, with errors that name the file.

use std::path::Path;

use gleaner_format::json::{plain_reason, reason_of};

use crate::error::{Cause, EncodeError};

/// Why a file is not the JSON that was expected.
pub(crate) fn json_cause(error: &serde_json::Error) -> Cause {
    reason_of(error).into()
}

/// Why a settings file, of which `text` is the content, is not the TOML that was expected.
pub(crate) fn toml_cause(error: &toml::de::Error, text: &str) -> Cause {
    let reason = plain_reason(error.message());
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => {
            let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
            format!("line {line}: {reason}").into()
        }
        None => reason.into(),
    }
}

/// Refuses what is no plain file: a pipe may never have an end, nor a device, and reading them would
/// wait, or fill the memory.
pub(crate) fn regular(path: &Path) -> std::io::Result<()> {
    match std::fs::metadata(path)?.is_file() {
        true => Ok(()),
        false => {
            let what = "it is a folder, a pipe or a device; a model folder needs a plain file";
            Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, what))
        }
    }
}

/// Reads a file of the folder that must be there; `what` says what the file would be.
///
/// Errors: `MissingFile`, `Read`.
pub(crate) fn read_file(what: &'static str, path: &Path) -> Result<Vec<u8>, EncodeError> {
    regular(path).and_then(|()| std::fs::read(path)).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => EncodeError::MissingFile { what, path: path.to_owned() },
        _ => EncodeError::Read { path: path.to_owned(), source },
    })
}

/// The text of a file, or nothing when there is no such file.
///
/// Errors: `Read`.
pub(crate) fn read_text(path: &Path) -> Result<Option<String>, EncodeError> {
    match regular(path).and_then(|()| std::fs::read_to_string(path)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(EncodeError::Read { path: path.to_owned(), source }),
    }
}
