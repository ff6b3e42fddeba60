//! One commit as it is searched: its segments, and memory that its searches share.
//!
//! A snapshot is immutable and cheap to share. Segments are immutable too, so those already laid
//! out are carried over to the next snapshot. What a search does with them is left to `query/` and
//! `ranking/`.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use gleaner_catalog::{Analyzer, CatalogError, Commit, Fields, Manifest, OpenIndex};
use serde_json::{Map, Value};
use tantivy::{
    DocAddress, Searcher, TantivyDocument,
    schema::{Field, Value as _},
};

use crate::{
    error::{SearchError, storage},
    filter::cache::{FilterCache, LIMIT_BYTES},
    query::response::Passage,
    snapshot::{passages::Passages, segment::Segment},
    sparse::scratch::Scratch,
};

/// One commit.
pub struct Snapshot {
    path: PathBuf,
    fields: Fields,
    commit: Arc<Commit>,
    segments: Vec<Arc<Segment>>,
    /// Ordinals of the segments, the one with the most rows first: it sets the threshold for the
    /// others.
    visits: Vec<usize>,
    filters: Arc<FilterCache>,
    scratch: Mutex<Vec<Scratch>>,
}

/// Takes the lock even if a thread panicked with it: what it guards is replaced whole.
pub(crate) fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A word of a text that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct TextWord {
    /// Its number in the text; words of one place begin with the same letter.
    pub(crate) place: usize,
    /// What it was made of.
    pub(crate) bytes: Range<usize>,
    /// As the index has it.
    pub(crate) word: String,
}

impl Snapshot {
    /// A commit as it is searched; segments of `previous` are laid out already.
    pub(crate) fn of(
        opened: &OpenIndex,
        commit: Arc<Commit>,
        previous: Option<&Self>,
    ) -> Result<Self, SearchError> {
        let (path, fields) = (opened.path(), opened.fields());
        let known = previous.map_or(&[][..], |previous| &previous.segments);
        let known: BTreeMap<_, _> = known.iter().map(|segment| (segment.key(), segment)).collect();
        let readers = commit.searcher().segment_readers().iter();
        let segments = commit.segments().iter().zip(readers).map(|(files, reader)| {
            match known.get(&(reader.segment_id(), reader.delete_opstamp())) {
                Some(segment) => Ok(Arc::clone(segment)),
                None => {
                    Segment::open(files, reader, (path, fields, commit.manifest())).map(Arc::new)
                }
            }
        });
        let segments = segments.collect::<Result<Vec<_>, SearchError>>()?;
        let mut visits: Vec<usize> = (0..segments.len()).collect();
        visits.sort_by_key(|&ordinal| Reverse(segments[ordinal].impacts().rows()));
        let filters = match previous {
            Some(previous) => Arc::clone(&previous.filters),
            None => Arc::new(FilterCache::new(LIMIT_BYTES)),
        };
        let (path, scratch) = (path.to_path_buf(), Mutex::new(Vec::new()));
        Ok(Self { path, fields, commit, segments, visits, filters, scratch })
    }

    /// Whether it is a snapshot of this very commit.
    pub(crate) fn is_of(&self, commit: &Arc<Commit>) -> bool {
        Arc::ptr_eq(commit, &self.commit)
    }

    /// The index folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The index's fields.
    pub(crate) fn fields(&self) -> Fields {
        self.fields
    }

    /// How the index's text becomes words.
    pub fn analyzer(&self) -> Analyzer {
        self.fields.analyzer
    }

    /// What the commit says about itself.
    pub fn manifest(&self) -> &Manifest {
        self.commit.manifest()
    }

    /// Number of the commit; grows with every commit.
    pub fn generation(&self) -> u64 {
        self.commit.generation()
    }

    /// The segments, in tantivy's order.
    pub fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// Ordinals of the segments in the order of searching.
    pub(crate) fn visits(&self) -> &[usize] {
        &self.visits
    }

    /// Filters evaluated lately.
    pub(crate) fn filters(&self) -> &FilterCache {
        &self.filters
    }

    /// tantivy's view of the same commit.
    pub(crate) fn searcher(&self) -> &Searcher {
        self.commit.searcher()
    }

    /// Documents that are not deleted.
    pub fn live_docs(&self) -> u64 {
        let documents = |segment: &Arc<Segment>| segment.passages().map(Passages::documents);
        let documents: Option<u64> = self.segments.iter().map(documents).sum();
        documents.unwrap_or_else(|| self.live_rows())
    }

    /// The words that a field's analyser makes of a text.
    ///
    /// Errors: those of the storage layer.
    pub(crate) fn words_of(&self, text: &str, field: Field) -> Result<Vec<TextWord>, SearchError> {
        let mut analyzer = self.searcher().index().tokenizer_for_field(field).map_err(storage)?;
        let (mut stream, mut words) = (analyzer.token_stream(text), Vec::new());
        stream.process(&mut |token| {
            let bytes = token.offset_from..token.offset_to;
            words.push(TextWord { place: token.position, bytes, word: token.text.clone() });
        });
        Ok(words)
    }

    /// Whether a living document has words.
    pub fn has_text(&self) -> bool {
        self.segments.iter().any(|segment| segment.living_tokens() > 0)
    }

    /// Whether a document has a sparse vector, or a model will give it one.
    pub fn has_sparse(&self) -> bool {
        let has_postings = || self.segments.iter().any(|it| it.impacts().postings() > 0);
        self.manifest().model.is_some() || has_postings()
    }

    /// Their rows: in an index of passages, a document has one for each.
    pub fn live_rows(&self) -> u64 {
        self.searcher().num_docs()
    }

    /// The passage that a row is; nothing where rows are whole documents.
    ///
    /// Errors: `Damaged` if what is stored is none.
    pub(crate) fn passage(&self, segment: usize, doc: u32) -> Result<Option<Passage>, SearchError> {
        if self.segments[segment].passages().is_none() {
            return Ok(None);
        }
        let document: TantivyDocument =
            self.searcher().doc(DocAddress::new(segment as u32, doc)).map_err(storage)?;
        let Some(stored) = document.get_all(self.fields.source).nth(1) else { return Ok(None) };
        let passage = stored.as_str().and_then(Passage::parse);
        passage.map(Some).ok_or_else(|| {
            let reason = format!("row {doc} does not say which passage it is");
            self.damaged_store(segment, reason)
        })
    }

    /// A document as it was given, a JSON object, of any of its rows; of one that was given as a
    /// bare vector, its `_id`.
    ///
    /// Errors: `Damaged` if what is stored is not one.
    pub fn stored(&self, segment: usize, doc: u32) -> Result<Map<String, Value>, SearchError> {
        let Some(source) = self.source_of(segment, doc)? else {
            let id = self.segments[segment].id(doc).to_owned();
            return Ok(Map::from_iter([("_id".to_owned(), Value::String(id))]));
        };
        serde_json::from_str(&source).map_err(|_| {
            self.damaged_store(segment, "a stored document is no JSON object".to_owned())
        })
    }

    /// The line of a document, without vectors; nothing where there was no more than an `_id`.
    ///
    /// Errors: the storage layer's.
    pub(crate) fn source_of(
        &self,
        segment: usize,
        doc: u32,
    ) -> Result<Option<String>, SearchError> {
        let doc = self.segments[segment].first_row(doc);
        let address = DocAddress::new(segment as u32, doc);
        let document: TantivyDocument = self.searcher().doc(address).map_err(storage)?;
        let source = document.get_first(self.fields.source).and_then(|value| value.as_str());
        Ok(source.map(str::to_owned))
    }

    /// The error for stored documents of a segment that are not what was written.
    fn damaged_store(&self, segment: usize, reason: String) -> SearchError {
        let file = self.path.join(format!("{}.store", self.segments[segment].name()));
        CatalogError::Damaged { file, reason }.into()
    }

    /// Runs `search` with `count` pieces of scratch memory from the snapshot's pool.
    pub(crate) fn with_scratch<T>(
        &self,
        count: usize,
        search: impl FnOnce(&mut [Scratch]) -> T,
    ) -> T {
        let mut pool = unpoisoned(&self.scratch);
        let kept = pool.len().saturating_sub(count);
        let mut scratches = pool.split_off(kept);
        drop(pool);
        scratches.resize_with(count, Scratch::default);
        let result = search(&mut scratches);
        unpoisoned(&self.scratch).append(&mut scratches);
        result
    }
}
