//! A document of a result list with its score. Lists of them are `run`'s.

/// A document of a result list and its score.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoredDoc {
    /// The document's id.
    pub id: String,
    /// Its score; comparable within one query only.
    pub score: f32,
}

impl ScoredDoc {
    /// Joins an id and a score.
    pub fn new(id: impl Into<String>, score: f32) -> Self {
        Self { id: id.into(), score }
    }
}
