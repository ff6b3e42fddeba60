//! `[golden]`: the file of golden vectors, and how far a vector may be from it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::EncodeError;

/// Largest allowed golden difference where nothing is stated: what fp32 graphs hold.
const DEFAULT_TOLERANCE: f32 = 1e-4;

/// The file of golden vectors and how far a weight may be from it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Golden {
    pub(crate) file: PathBuf,
    pub(crate) tolerance: f32,
}

/// The table as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileGolden {
    file: PathBuf,
    tolerance: Option<f32>,
}

impl FileGolden {
    /// `path` is the settings file's, for messages. Errors: `InvalidSetting`.
    pub(crate) fn settle(&self, folder: &Path, path: &Path) -> Result<Golden, EncodeError> {
        let tolerance = self.tolerance.unwrap_or(DEFAULT_TOLERANCE);
        if !(tolerance.is_finite() && tolerance >= 0.0) {
            let reason = format!("{tolerance} is not a tolerance");
            let (path, key) = (path.to_owned(), "golden.tolerance");
            return Err(EncodeError::InvalidSetting { path, key, reason });
        }
        Ok(Golden { file: folder.join(&self.file), tolerance })
    }
}
