//! One commit of an index, ready to be searched by any number of threads.
//!
//! A request reads one snapshot from start to end. Finding the newest one is `index`'s, making vectors of
//! texts `encode`'s.

use std::sync::Arc;

use gleaner_catalog::Manifest;
use gleaner_format::SparseVector;
use gleaner_searcher::{
    Boost, DenseQuery, Rank, SearchRequest, SearchResponse, Stop, StoredDocument,
};

use crate::{
    error::Error,
    search::hybrid::left_out,
    search::prepare::{Prepared, QueryVector},
};

/// Terms that a note names, at most.
const TERMS_NAMED: usize = 8;
/// Said where the other legs of an index were left out.
const SPARSE_ALONE: &str =
    "ranked by sparse alone; hybrid, the default, ranks by the words of the text, too";

/// One commit of an index. A cheap handle.
///
/// ```
/// # use gleaner::{Document, SparseVector};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("my.index");
/// # let mut index = gleaner::Index::create(&path).open()?;
/// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
/// # index.upsert([Document::bare("a").vector(vector.clone())])?;
/// # index.commit()?;
/// let before = index.snapshot();
/// index.upsert([Document::bare("b").vector(vector)])?;
/// let after = index.commit()?;
/// // What was opened stays as it was.
/// assert_eq!((before.documents(), after.documents()), (1, 2));
/// assert!(after.generation() > before.generation());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) commit: Arc<gleaner_searcher::Snapshot>,
}

impl Snapshot {
    /// What the commit says of the index: its models, its settings, how far its files were read.
    pub fn manifest(&self) -> &Manifest {
        self.commit.manifest()
    }

    /// Number of the commit; a later one has a larger number.
    pub fn generation(&self) -> u64 {
        self.commit.generation()
    }

    /// Living documents.
    pub fn documents(&self) -> u64 {
        self.commit.live_docs()
    }

    /// Living rows: those of a document are several in an index of passages.
    pub fn rows(&self) -> u64 {
        self.commit.live_rows()
    }

    /// Whether a living document has this `_id`.
    ///
    /// # Errors
    /// `Search` for storage that fails.
    pub fn has_document(&self, id: &str) -> Result<bool, Error> {
        Ok(self.commit.has_document(id)?)
    }

    /// The living document with this `_id`: what was given, and its vectors as they are stored.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// index.upsert([Document::bare("a").field("year", 2026).vector(vector.clone())])?;
    /// let document = index.commit()?.document("a")?.expect("it is there");
    /// assert_eq!(document.source["year"], 2026);
    /// assert_eq!(document.rows[0].vector, vector);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Catalog` for a damaged index; `Search` for storage that fails.
    pub fn document(&self, id: &str) -> Result<Option<StoredDocument>, Error> {
        Ok(self.commit.document(id)?)
    }

    /// Whether just this document is there, as far as its line says: text and keys.
    ///
    /// Errors: `Catalog`, `Search`.
    pub(crate) fn is_stored(&self, document: &gleaner_indexer::Document) -> Result<bool, Error> {
        let stored = self.commit.stored_line(&document.id)?;
        Ok(stored.is_some_and(|line| line == document.source))
    }

    /// The `_id`s of all living documents that a filter admits, in no order, and what there is to say of the
    /// filter.
    ///
    /// # Errors
    /// `Search` for a filter that cannot be read, and for storage that fails.
    pub fn matching(&self, filter: &str) -> Result<(Vec<String>, Vec<String>), Error> {
        Ok(self.commit.matching(filter, Stop::default())?)
    }

    /// Answers a search whose vectors are all there.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// use gleaner::{Prepared, Query, Search};
    ///
    /// let snapshot = index.snapshot();
    /// let search = Search::new(Query::vector(vector));
    /// let prepared = Prepared::new(search, &snapshot, index.models())?;
    /// assert_eq!(snapshot.search(&prepared)?.hits.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Search` for what the request lacks or asks beyond the limits, for filters that cannot be read,
    /// and for storage that fails. A vector that is still to be encoded counts as missing.
    pub fn search(&self, search: &Prepared) -> Result<SearchResponse, Error> {
        let Prepared { search: asked, rank, sparse, dense, boosts, vocabulary, given_up } = search;
        let vector = sparse.as_ref().and_then(|vector| match vector {
            QueryVector::Given(vector) => Some(vector),
            QueryVector::Encode(_) => None,
        });
        let dense: Vec<DenseQuery<'_>> = dense
            .iter()
            .filter_map(|(field, vector)| match vector {
                QueryVector::Given(vector) => Some(DenseQuery { field, vector }),
                QueryVector::Encode(_) => None,
            })
            .collect();
        let request = SearchRequest {
            vector,
            text: asked.query.text.as_deref(),
            dense: &dense,
            like: asked.query.like.as_deref(),
            boosts,
            feedback: &asked.feedback,
            offset: asked.offset,
            min_score: asked.min_score,
            until_knee: asked.until_knee,
            filter: asked.filter.as_deref(),
            fields: &asked.fields,
            effort: asked.effort,
            deadline: asked.limit.moment(),
            given_up: given_up.as_deref(),
            threads: asked.threads,
            explain: asked.explain,
            profile: asked.profile,
            ..SearchRequest::exact(rank, asked.k)
        };
        let token = |term| Some(vocabulary.as_ref()?.token(term)?.to_owned());
        let mut answer = self.commit.search(&request, &token)?;
        let is_sparse_alone = asked.ranking.rank().is_some_and(|rank| *rank == Rank::SPARSE);
        if is_sparse_alone && asked.query.text.is_some() && self.has_text() {
            answer.notes.push(SPARSE_ALONE.to_owned());
        }
        // Who gives vectors chooses the legs; who gives a text expects all.
        if asked.ranking.rank().is_none() && asked.query.text.is_some() {
            answer.notes.extend(left_out(rank, self));
        }
        if let Some(vector) = vector {
            answer.notes.extend(idle_boosts(vector, boosts, &token));
        }
        if let (Some(vector), Some(_)) = (vector, &asked.query.sparse) {
            answer.notes.extend(self.unmet_terms(vector, &token));
        }
        Ok(answer)
    }

    /// Says which terms of a vector that was given no document has. Those that a model makes of a text
    /// need no word: it knows more terms than documents use.
    fn unmet_terms(
        &self,
        vector: &SparseVector,
        token: &dyn Fn(u32) -> Option<String>,
    ) -> Option<String> {
        let segments = self.commit.segments();
        let is_met = |term: u32| segments.iter().any(|it| it.impacts().find_term(term).is_some());
        let unmet: Vec<u32> =
            vector.terms().iter().copied().filter(|&term| !is_met(term)).collect();
        let name = |&term: &u32| token(term).unwrap_or_else(|| term.to_string());
        let named: Vec<String> = unmet.iter().take(TERMS_NAMED).map(name).collect();
        let more = if unmet.len() > TERMS_NAMED { ", …" } else { "" };
        let (count, of) = (unmet.len(), vector.len());
        let terms = format!("{count} of the query's {of} terms: {}{more}", named.join(", "));
        (count > 0).then(|| format!("no document has {terms}"))
    }

    /// Whether a living document has words, so that BM25 can rank.
    pub fn has_text(&self) -> bool {
        self.commit.has_text()
    }

    /// Whether documents have sparse vectors, or will have them by the index's model.
    pub fn has_sparse(&self) -> bool {
        self.commit.has_sparse()
    }
}

/// Says which boosts and mutes are of terms that the query does not have.
fn idle_boosts(
    vector: &SparseVector,
    boosts: &[Boost],
    token: &dyn Fn(u32) -> Option<String>,
) -> Option<String> {
    let is_idle = |boost: &&Boost| vector.terms().binary_search(&boost.term).is_err();
    let name = |boost: &Boost| token(boost.term).unwrap_or_else(|| boost.term.to_string());
    let idle: Vec<String> = boosts.iter().filter(is_idle).map(name).take(TERMS_NAMED).collect();
    (!idle.is_empty()).then(|| {
        format!("the query has no term {}: a boost of it changes nothing", idle.join(", "))
    })
}
