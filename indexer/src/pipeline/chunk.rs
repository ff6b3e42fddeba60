//! A piece of the input on its way through the pipeline, with how far the inputs are read behind it.

use std::path::PathBuf;

use gleaner_catalog::InputProgress;
use gleaner_format::SparseVector;

use crate::{
    document::Document,
    encoder::{Cause, EncodedText},
    error::{IndexError, Rejection},
};

/// Lines of one input on their way to the encoders.
pub(crate) struct Chunk {
    pub(crate) sequence: u64,
    pub(crate) file: PathBuf,
    pub(crate) first_line: u64,
    pub(crate) documents: Vec<Document>,
    /// Sparse vectors of the documents where the input gives them; its inputs do all or none.
    pub(crate) given: Option<Vec<SparseVector>>,
    /// Dense vectors that the documents bring, by document: one entry per dense field, or none.
    pub(crate) dense: Vec<Vec<Option<Vec<f32>>>>,
    pub(crate) rejections: Vec<Rejection>,
    /// Documents that are committed already, just as they are given.
    pub(crate) unchanged: u64,
    /// Lines that are blank.
    pub(crate) blank: u64,
    /// Progress of all inputs once this chunk is indexed.
    pub(crate) inputs: Vec<InputProgress>,
    pub(crate) read_bytes: u64,
}

/// A chunk and what became of its documents.
pub(crate) type Encoded = (Chunk, Result<Vec<EncodedText>, IndexError>);

impl Chunk {
    /// No documents, and no file that they are from.
    pub(super) fn of_program() -> Self {
        Self {
            sequence: 0,
            file: PathBuf::new(),
            first_line: 0,
            documents: Vec::new(),
            given: None,
            dense: Vec::new(),
            rejections: Vec::new(),
            unchanged: 0,
            blank: 0,
            inputs: Vec::new(),
            read_bytes: 0,
        }
    }

    /// The encoder's error, with the lines it had.
    pub(super) fn failed(&self, source: Cause) -> IndexError {
        IndexError::Encode {
            file: self.file.clone(),
            first_line: self.first_line,
            last_line: self.first_line + (self.documents.len() as u64).saturating_sub(1),
            source,
        }
    }
}
