//! A filter, read against one commit, and the rows that it admits.
//!
//! `syntax.rs` reads the language, `resolve.rs` looks keys and types up, `matching.rs` finds documents.
//! Which rows a search may return, and what is kept of them, is left to `admission.rs` and `cache.rs`.

use super::{
    matching::SegmentMatcher,
    resolve::{Resolved, Resolver},
    rows::{FilteredSegment, RowSet},
    syntax::Condition,
};
use crate::{
    error::SearchError,
    snapshot::{commit::Snapshot, segment::Segment},
    stop::Stop,
};

/// A filter that was read against a commit.
pub struct Filter {
    given: String,
    condition: Resolved,
    /// Every condition as it was written.
    written: Vec<String>,
}

impl Filter {
    /// Reads a filter against the keys of the index.
    ///
    /// Errors: `Filter` with the reason and the place, naming a key that no document has, or the types of
    /// a key where a value is of none of them.
    pub fn parse(snapshot: &Snapshot, filter: &str) -> Result<Self, SearchError> {
        let unreadable = |reason: String| SearchError::Filter { filter: filter.to_owned(), reason };
        let condition = Condition::parse(filter).map_err(unreadable)?;
        let mut resolver = Resolver::new(snapshot);
        let condition = resolver.resolve(condition).map_err(unreadable)?;
        Ok(Self { given: filter.to_owned(), condition, written: resolver.written })
    }

    /// The living documents of segment `ordinal` that match.
    ///
    /// Errors: `FilterTime` when the deadline passes first; those of the storage layer.
    pub(crate) fn rows(
        &self,
        snapshot: &Snapshot,
        ordinal: usize,
        segment: &Segment,
        stop: Stop<'_>,
    ) -> Result<FilteredSegment, SearchError> {
        let mut matcher = SegmentMatcher::new(snapshot, ordinal, self.written.len(), stop);
        let mut docs = matcher.matching(&self.condition)?.into_bitmap();
        if let Some(passages) = segment.passages() {
            docs = passages.whole(&docs);
        }
        let rows = RowSet::from_documents(segment.impacts(), &docs, segment.alive());
        Ok(FilteredSegment { rows, met: matcher.met })
    }

    /// What to say of conditions that no document of the commit meets. `met` says it segment by segment.
    pub(crate) fn notes<'a>(&self, met: impl Iterator<Item = &'a [bool]> + Clone) -> Vec<String> {
        let is_met = |number: usize| met.clone().any(|met| met.get(number).is_some_and(|it| *it));
        let unmet = self.written.iter().enumerate().filter(|(number, _)| !is_met(*number));
        let mut unmet = unmet.map(|(_, written)| written);
        let mut notes: Vec<String> = unmet.by_ref().take(NOTES).map(|it| unmet_note(it)).collect();
        match unmet.count() {
            0 => {}
            more => notes.push(format!("no document meets {more} more conditions of the filter")),
        }
        notes
    }

    /// As it was given.
    pub(crate) fn given(&self) -> &str {
        &self.given
    }
}

fn unmet_note(written: &str) -> String {
    let shown: String = written.chars().take(NOTE_CHARS).collect();
    let cut = if shown.len() < written.len() { "…" } else { "" };
    let advice = match written.contains('"') {
        true => "",
        false if written.contains(',') => "; several values are written key:IN [a b]",
        false if written.contains('|') => "; one of several conditions is written a OR b",
        false if written.contains('?') => "; ? is no wildcard, only * at the end is one",
        false => "",
    };
    format!("no document meets {shown}{cut} of the filter{advice}")
}

/// Conditions that have a note each; the others are counted.
const NOTES: usize = 10;
/// Characters of a condition that a note shows.
const NOTE_CHARS: usize = 120;
