//! The storage layer's error, closed: which library stores an index is no business of whoever reads this.
//!
//! It shows what a caller can act on: the message, its causes, and whether stored bytes are damaged.

use tantivy::TantivyError;

/// Why the storage layer failed.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StorageError(TantivyError);

impl StorageError {
    /// Whether this says that stored bytes are not what was written.
    pub fn is_damage(&self) -> bool {
        matches!(self.0, TantivyError::DataCorruption(_))
    }
}

/// Closes an error of the storage layer. A function, so that the type itself has no public conversion from that
/// layer's error.
pub fn storage_error(error: TantivyError) -> StorageError {
    StorageError(error)
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use tantivy::error::DataCorruption;

    use super::*;

    #[test]
    fn only_corrupt_bytes_are_damage() {
        let corrupt = DataCorruption::comment_only("short".to_owned());
        let damage = storage_error(TantivyError::DataCorruption(corrupt.clone()));
        assert!(damage.is_damage());
        assert_eq!(damage.to_string(), TantivyError::DataCorruption(corrupt).to_string());
        let others = [
            TantivyError::from(std::io::Error::other("disk")),
            TantivyError::SchemaError("x".to_owned()),
            TantivyError::InternalError("x".to_owned()),
        ];
        for error in others {
            let (message, cause) = (error.to_string(), error.source().map(ToString::to_string));
            let error = storage_error(error);
            assert!(!error.is_damage(), "{error}");
            assert_eq!(error.to_string(), message);
            assert_eq!(error.source().map(ToString::to_string), cause);
        }
    }
}
