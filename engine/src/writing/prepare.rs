//! Changes that are ready to be written: lines read, documents checked, texts encoded.
//!
//! This runs on the thread of whoever asks, so that models work beside the writer and a mistake costs the
//! writer nothing. A document that is there already is not encoded again; the writer looks once more.

use std::sync::Arc;

use gleaner_catalog::Manifest;
use gleaner_indexer::{self as indexer, EncodedText, InputDocument, RefusedLine, Vocabulary};

use super::change::Change;
use crate::{error::Error, index::Index, search::vocabulary::vocabulary_of, snapshot::Snapshot};

/// Bytes that a change counts besides what it holds.
const CHANGE_BYTES: usize = 256;
/// Bytes of a term and its weight, or of a number of a dense vector.
const NUMBER_BYTES: usize = 8;

/// A change that is ready to be written.
pub(super) enum Ready {
    Upsert(Box<indexer::Document>, EncodedText),
    /// The same was committed when it was made ready.
    Unchanged(Box<indexer::Document>),
    Delete(String),
    DeleteWhere(String),
    Rejected(RefusedLine),
}

impl Ready {
    /// Memory that it holds.
    pub(super) fn len_bytes(&self) -> usize {
        CHANGE_BYTES
            + match self {
                Self::Upsert(document, text) => {
                    let row = |row: &indexer::EncodedRow| {
                        let dense = row.dense.iter().flatten().map(Vec::len).sum::<usize>();
                        (row.vector.len() + dense) * NUMBER_BYTES
                    };
                    let rows = text.rows.iter().map(row).sum::<usize>();
                    document.text.len() + 2 * document.source.len() + rows
                }
                Self::Unchanged(document) => document.text.len() + 2 * document.source.len(),
                Self::Delete(text) | Self::DeleteWhere(text) => text.len(),
                Self::Rejected(refused) => refused.reason.len(),
            }
    }

    /// The `_id` of the document that it writes or deletes.
    pub(super) fn id(&self) -> Option<&str> {
        match self {
            Self::Upsert(document, _) | Self::Unchanged(document) => Some(&document.id),
            Self::Delete(id) => Some(id),
            Self::DeleteWhere(_) => None,
            Self::Rejected(refused) => refused.id.as_deref(),
        }
    }
}

/// Reads, checks and encodes.
///
/// Errors: those of [`Models::sparse_of`](crate::Models::sparse_of) and encoding; `Search` for a filter that
/// cannot be read. A document that cannot be taken is a change that is rejected.
pub(super) fn prepare(index: &Index, changes: Vec<Change>) -> Result<Vec<Ready>, Error> {
    let snapshot = index.snapshot();
    let reading = Reading::new(index, &snapshot, &changes)?;
    let mut ready = Vec::with_capacity(changes.len());
    let mut to_encode = Vec::new();
    for change in changes {
        match reading.read(change)? {
            Read::Ready(change) => ready.push(Some(change)),
            Read::Document(document) if is_unchanged(&snapshot, &document)? => {
                ready.push(Some(Ready::Unchanged(Box::new(document.document))));
            }
            Read::Document(document) => {
                to_encode.push((ready.len(), document));
                ready.push(None);
            }
        }
    }
    let (places, documents): (Vec<usize>, Vec<InputDocument>) = to_encode.into_iter().unzip();
    let encoded = index.encode_documents(snapshot.manifest(), documents)?;
    for (place, (document, text)) in places.into_iter().zip(encoded) {
        ready[place] = Some(Ready::Upsert(Box::new(document), text));
    }
    Ok(ready.into_iter().flatten().collect())
}

/// Whether just this document is committed: only of a text can that be said from what is stored.
fn is_unchanged(snapshot: &Snapshot, given: &InputDocument) -> Result<bool, Error> {
    let brings_vectors = given.vector.is_some() || given.dense.iter().any(Option::is_some);
    Ok(!brings_vectors && snapshot.is_stored(&given.document)?)
}

/// A change that was read.
enum Read {
    Ready(Ready),
    Document(InputDocument),
}

/// What lines are read with.
struct Reading<'a> {
    snapshot: &'a Snapshot,
    vocabulary: Option<Arc<dyn Vocabulary>>,
}

impl<'a> Reading<'a> {
    fn new(index: &Index, snapshot: &'a Snapshot, changes: &[Change]) -> Result<Self, Error> {
        let names_tokens = |change: &Change| match change {
            Change::Line(line) => line.contains("\"vector\""),
            _ => false,
        };
        let manifest = snapshot.manifest();
        let is_asked = manifest.model.is_some() && changes.iter().any(names_tokens);
        let model = is_asked.then(|| index.models().sparse_of(manifest)).transpose()?;
        let vocabulary = model.as_ref().map(vocabulary_of);
        Ok(Self { snapshot, vocabulary })
    }

    fn read(&self, change: Change) -> Result<Read, Error> {
        let manifest = self.snapshot.manifest();
        let refused = |id, reason| Ok(Read::Ready(Ready::Rejected(RefusedLine { id, reason })));
        Ok(match change {
            Change::Delete(id) => Read::Ready(Ready::Delete(id)),
            Change::DeleteWhere(filter) => {
                gleaner_searcher::Filter::parse(&self.snapshot.commit, &filter)?;
                Read::Ready(Ready::DeleteWhere(filter))
            }
            Change::Line(line) => {
                let parsed = indexer::Change::parse(
                    line.as_bytes(),
                    self.vocabulary.as_deref(),
                    &manifest.dense,
                );
                match parsed {
                    Ok(indexer::Change::Delete(id)) => Read::Ready(Ready::Delete(id)),
                    Ok(indexer::Change::Upsert(document)) => return of_index(document, manifest),
                    Err(RefusedLine { id, reason }) => return refused(id, reason),
                }
            }
            Change::Upsert(document) => {
                let id = document.id().to_owned();
                match document.into_given(&manifest.dense) {
                    Ok(document) => return of_index(document, manifest),
                    Err(Error::Document { reason, .. }) => return refused(Some(id), reason),
                    Err(other) => return Err(other),
                }
            }
        })
    }
}

/// Refuses a text where nothing makes a vector of it.
fn of_index(document: InputDocument, manifest: &Manifest) -> Result<Read, Error> {
    let has_vector = document.vector.is_some() || document.dense.iter().any(Option::is_some);
    let is_encoded =
        manifest.model.is_some() || manifest.dense.iter().any(|field| field.model.is_some());
    if has_vector || is_encoded {
        return Ok(Read::Document(document));
    }
    let reason = "it brings no vector, and the index has no model to make one of its text";
    let refused = RefusedLine { id: Some(document.document.id), reason: reason.to_owned() };
    Ok(Read::Ready(Ready::Rejected(refused)))
}
