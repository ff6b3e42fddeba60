//! Which rows a search may return: those that live, and match the filter if there is one.
//!
//! What a filter admits in a segment is taken from the index's cache, or found and kept there. The
//! language of filters is `parse.rs`'s, the cache `cache.rs`.

use std::{ops::Range, sync::Arc};

use crate::{
    error::SearchError,
    filter::{cache::FilteredRows, parse::Filter, rows::RowSet},
    snapshot::commit::Snapshot,
    stop::Stop,
};

/// The living documents that may be found.
pub(crate) struct Admission<'a> {
    snapshot: &'a Snapshot,
    filtered: Option<Arc<FilteredRows>>,
    /// Whether the filter's rows were known already.
    pub(crate) is_cached: bool,
    /// A segment, and what is admitted of it instead.
    instead: Option<(usize, RowSet)>,
}

impl<'a> Admission<'a> {
    /// What a filter lets through; without one, what lives.
    ///
    /// Errors: those of the filter.
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        filter: Option<&str>,
        stop: Stop<'_>,
    ) -> Result<Self, SearchError> {
        let filtered = filter.map(|filter| admit(snapshot, filter, stop)).transpose()?;
        let (filtered, is_cached) = filtered.map_or((None, false), |(rows, is)| (Some(rows), is));
        Ok(Self { snapshot, filtered, is_cached, instead: None })
    }

    /// Leaves out the rows of one document.
    pub(crate) fn except(&mut self, segment: usize, rows: Range<usize>) {
        let view = self.snapshot.segments()[segment].impacts();
        let left = match self.of(segment) {
            Some(admitted) => admitted.without(rows),
            None => RowSet::from_docs(view, |_| true).without(rows),
        };
        self.instead = Some((segment, left));
    }

    /// What to say of the filter.
    pub(crate) fn notes(&self) -> &[String] {
        self.filtered.as_ref().map_or(&[], |filtered| &filtered.notes)
    }

    /// The rows of a segment that may be returned; `None` for all.
    pub(crate) fn of(&self, ordinal: usize) -> Option<&RowSet> {
        match (&self.instead, &self.filtered) {
            (Some((segment, rows)), _) if *segment == ordinal => Some(rows),
            (_, Some(rows)) => Some(rows.of(ordinal)),
            (_, None) => self.snapshot.segments()[ordinal].alive(),
        }
    }
}

/// Said where every condition has its documents.
const JOINTLY_UNMET: &str =
    "no document meets the whole filter; each of its conditions is met by some document";

/// The living documents that a filter admits, and whether all of that was known already.
///
/// Errors: as [`Filter::parse`].
fn admit(
    snapshot: &Snapshot,
    filter: &str,
    stop: Stop<'_>,
) -> Result<(Arc<FilteredRows>, bool), SearchError> {
    let known = snapshot.filters().get(filter);
    let segments = snapshot.segments();
    if let Some(known) = known.as_ref().filter(|k| k.covers(segments.iter().map(|s| s.key()))) {
        return Ok((Arc::clone(known), true));
    }
    let parsed = Filter::parse(snapshot, filter)?;
    let filtered = segments.iter().enumerate().map(|(ordinal, segment)| {
        let filtered = match known.as_ref().and_then(|known| known.find(segment.key())) {
            Some(filtered) => Arc::clone(filtered),
            None => Arc::new(parsed.rows(snapshot, ordinal, segment, stop)?),
        };
        Ok((segment.key(), filtered))
    });
    let segments = filtered.collect::<Result<Vec<_>, SearchError>>()?;
    let mut notes = parsed.notes(segments.iter().map(|(_, filtered)| &filtered.met[..]));
    if notes.is_empty()
        && !segments.is_empty()
        && segments.iter().all(|(_, filtered)| filtered.rows.count() == 0)
    {
        notes.push(JOINTLY_UNMET.to_owned());
    }
    let rows = Arc::new(FilteredRows { segments, notes });
    snapshot.filters().put(parsed.given(), Arc::clone(&rows));
    Ok((rows, false))
}
