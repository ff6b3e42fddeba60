//! What makes vectors of texts: the trait that a caller implements, and what comes out of it.
//!
//! No model is known here. Sharing texts among encoders is left to `pipeline`.

use std::ops::Range;

use gleaner_format::SparseVector;

/// Why an encoder failed, in its own words.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Makes vectors of texts; one per worker thread.
pub trait DocumentEncoder: Send {
    /// One vector per text, in order.
    ///
    /// # Errors
    /// The encoder's own.
    fn encode(&mut self, texts: &[&str]) -> Result<Vec<SparseVector>, Cause>;

    /// One entry per text, in order, of an encoder that knows which texts are too long for it. Rows
    /// come without dense vectors.
    ///
    /// # Errors
    /// As [`DocumentEncoder::encode`].
    fn encode_texts(&mut self, texts: &[&str]) -> Result<Vec<EncodedText>, Cause> {
        Ok(self.encode(texts)?.into_iter().map(EncodedText::from).collect())
    }

    /// By dense field that has a model, in the order of the index: one vector per text, in order.
    /// Asked only of an index with such fields, for texts that are not blank.
    ///
    /// # Errors
    /// As [`DocumentEncoder::encode`]; an encoder that makes none says so.
    fn encode_dense(&mut self, _: &[&str]) -> Result<Vec<Vec<Vec<f32>>>, Cause> {
        Err("this encoder makes no dense vectors".into())
    }
}

/// What an encoder makes of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedText {
    /// The document's rows: one, or one a passage for an index of passages.
    pub rows: Vec<EncodedRow>,
    /// Whether the text is longer than the model reads at once.
    pub is_longer: bool,
}

/// A text's vectors, or a passage's.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedRow {
    /// The sparse vector.
    pub vector: SparseVector,
    /// The dense vectors, prepared for their fields (`DenseSpec::prepare`), one entry per dense field
    /// of the index; empty for none.
    pub dense: Vec<Option<Vec<f32>>>,
    /// Where in the text the passage is, if the index keeps passages.
    pub bytes: Option<Range<usize>>,
}

impl From<SparseVector> for EncodedText {
    fn from(vector: SparseVector) -> Self {
        let row = EncodedRow { vector, dense: Vec::new(), bytes: None };
        Self { rows: vec![row], is_longer: false }
    }
}

/// Stands where nothing is to be encoded.
pub(crate) struct NoEncoder;

impl DocumentEncoder for NoEncoder {
    fn encode(&mut self, _: &[&str]) -> Result<Vec<SparseVector>, Cause> {
        Err("there is no encoder".into())
    }
}
