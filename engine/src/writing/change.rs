//! What is asked of an index, and what became of it.

use std::{fmt, str::FromStr};

use crate::document::Document;

/// One change of an index.
///
/// ```
/// use gleaner::{Change, Document};
///
/// let changes = [
///     Change::Upsert(Document::new("a", "a new text")),
///     Change::Line(r#"{"_id": "b", "text": "a line of JSONL", "year": 2026}"#.to_owned()),
///     Change::Delete("c".to_owned()),
///     Change::DeleteWhere("year:<2000".to_owned()),
/// ];
/// assert_eq!(changes.len(), 4);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// This document, in place of the one with its `_id`.
    Upsert(Document),
    /// A line of JSON: a document with a text or a sparse vector, or `{"_id": …, "_deleted": true}`.
    Line(String),
    /// No document with this `_id`.
    Delete(String),
    /// No document that this filter admits, of those that are committed by then.
    DeleteWhere(String),
}

/// When a change is durable and searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CommitMode {
    /// Within a second after it was acknowledged. A crash until then loses it.
    #[default]
    Auto,
    /// When it is acknowledged. One commit serves all that wait.
    WaitFor,
    /// When it is acknowledged. The commit waits for no other change.
    Force,
}

impl CommitMode {
    /// All of them, with their names.
    pub const NAMES: [(&'static str, Self); 3] =
        [("auto", Self::Auto), ("wait_for", Self::WaitFor), ("force", Self::Force)];
}

impl fmt::Display for CommitMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.into_iter().find(|(_, mode)| mode == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl FromStr for CommitMode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::NAMES.into_iter().find(|(known, _)| *known == name);
        found.map(|(_, mode)| mode).ok_or_else(|| "give auto, wait_for or force".to_owned())
    }
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The document's `_id`, where the change has one.
    pub id: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// No document had the `_id`.
    Added,
    /// Another document had the `_id`.
    Replaced,
    /// The document is there already, text and keys the same: nothing was encoded.
    Unchanged,
    /// So many documents were deleted.
    Deleted(u64),
    /// There was no document to delete.
    Missing,
    /// The change was not made.
    Rejected {
        /// What is wrong with it.
        reason: String,
    },
}

/// What became of changes that were asked for together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WriteReport {
    /// One entry a change, in their order.
    pub outcomes: Vec<Outcome>,
    /// What there is to say of filters.
    pub notes: Vec<String>,
    /// The commit that has them; nothing where they were acknowledged before it.
    pub generation: Option<u64>,
}

impl WriteReport {
    /// Documents that are new.
    ///
    /// ```
    /// let report = gleaner::WriteReport::default();
    /// assert_eq!((report.added(), report.rejected()), (0, 0));
    /// ```
    pub fn added(&self) -> u64 {
        self.count(|verdict| *verdict == Verdict::Added)
    }

    /// Documents that replaced others.
    pub fn replaced(&self) -> u64 {
        self.count(|verdict| *verdict == Verdict::Replaced)
    }

    /// Documents that were there already.
    pub fn unchanged(&self) -> u64 {
        self.count(|verdict| *verdict == Verdict::Unchanged)
    }

    /// Changes that would have deleted a document, and there was none.
    pub fn missing(&self) -> u64 {
        self.count(|verdict| *verdict == Verdict::Missing)
    }

    /// Changes that were not made.
    pub fn rejected(&self) -> u64 {
        self.count(|verdict| matches!(verdict, Verdict::Rejected { .. }))
    }

    /// Documents that were deleted.
    pub fn deleted(&self) -> u64 {
        let deleted = self.outcomes.iter().map(|outcome| match outcome.verdict {
            Verdict::Deleted(documents) => documents,
            _ => 0,
        });
        deleted.sum()
    }

    fn count(&self, is_meant: impl Fn(&Verdict) -> bool) -> u64 {
        self.outcomes.iter().filter(|outcome| is_meant(&outcome.verdict)).count() as u64
    }
}
