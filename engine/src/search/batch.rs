//! Many searches of one commit: encoded together, then searched on several threads.
//!
//! Each thread answers one query after the other. Threads that share a query, and queries that share a
//! pass over the index, were measured and are slower (ARCHITECTURE.md).

use std::{panic::resume_unwind, thread::ScopedJoinHandle};

use gleaner_eval::{Dataset, Run, ScoredDoc};
use gleaner_format::is_blank;
use gleaner_searcher::SearchResponse;

use crate::{
    error::Error,
    models::Models,
    search::encode::{QueryEncoder, threads_or_cores},
    search::prepare::Prepared,
    search::query::{Query, Search},
    snapshot::Snapshot,
};

/// Queries that are best encoded and searched together.
pub const QUERIES_AT_ONCE: usize = 1_024;

/// Stands for a text where only models are asked for.
const ANY_TEXT: &str = "text";

/// What a run keeps of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryHits {
    /// Best first.
    pub hits: Vec<ScoredDoc>,
    /// Whether the time was over before everything was looked at.
    pub is_cut_short: bool,
}

/// Many queries against one snapshot, the models opened once.
///
/// ```
/// use gleaner::{BatchSearch, Document, Index, Query, Search, SparseVector};
///
/// let folder = tempfile::tempdir()?;
/// let mut index = Index::create(folder.path().join("my.index")).open()?;
/// let vector = SparseVector::from_pairs([(7, 1.0)])?;
/// index.upsert([Document::bare("a").vector(vector.clone())])?;
/// index.commit()?;
///
/// let snapshot = index.snapshot();
/// let mut batch = BatchSearch::new(&snapshot, index.models(), Search::new(""));
/// let answers = batch.search(vec![Query::vector(vector); 3])?;
/// assert_eq!(answers.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct BatchSearch<'a> {
    snapshot: &'a Snapshot,
    models: &'a Models,
    search: Search,
    encoder: QueryEncoder,
    threads: usize,
}

impl<'a> BatchSearch<'a> {
    /// All queries are searched as `search` says, whose own query does not count; on all cores.
    pub fn new(snapshot: &'a Snapshot, models: &'a Models, search: Search) -> Self {
        let threads = threads_or_cores(None);
        Self { snapshot, models, search, encoder: QueryEncoder::new(0), threads }
    }

    /// Queries that are searched at the same time, at least 1.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Finds and opens the models that texts need. Searching does so too; this is for whoever wants to
    /// know before the first query.
    ///
    /// # Errors
    /// Those of [`Prepared::new`].
    pub fn open_models(&self) -> Result<(), Error> {
        let search = self.search.clone().with_query(ANY_TEXT);
        Prepared::new(search, self.snapshot, self.models).map(drop)
    }

    /// The answers, in the order of the queries.
    ///
    /// # Errors
    /// The first one met, those of [`Prepared::new`], [`QueryEncoder::encode_all`] and
    /// [`Snapshot::search`].
    pub fn search(&mut self, queries: Vec<Query>) -> Result<Vec<SearchResponse>, Error> {
        self.each(queries, |answer| answer)
    }

    /// What a run keeps of the answers, in the order of the queries. It takes a fraction of their
    /// memory. A query whose text is blank finds nothing.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// use gleaner::{BatchSearch, Query, Search};
    ///
    /// let snapshot = index.snapshot();
    /// let mut batch = BatchSearch::new(&snapshot, index.models(), Search::new(""));
    /// let kept = batch.hits(vec![Query::vector(vector), Query::text(" ")])?;
    /// assert_eq!((kept[0].hits.len(), kept[1].hits.len()), (1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`BatchSearch::search`].
    pub fn hits(&mut self, queries: Vec<Query>) -> Result<Vec<QueryHits>, Error> {
        let is_blank: Vec<bool> = queries.iter().map(has_blank_text).collect();
        let asked = queries.into_iter().zip(&is_blank).filter(|(_, is_blank)| !**is_blank);
        let asked = asked.map(|(query, _)| query).collect();
        let mut answers = self.each(asked, QueryHits::of)?.into_iter();
        let mut answer = |is_blank| if is_blank { None } else { answers.next() };
        Ok(is_blank.into_iter().map(|it| answer(it).unwrap_or_default()).collect())
    }

    /// What is made of every answer, on the thread that found it.
    fn each<T: Send>(
        &mut self,
        queries: Vec<Query>,
        make: fn(SearchResponse) -> T,
    ) -> Result<Vec<T>, Error> {
        let prepare = |query: Query| {
            let search = self.search.clone().with_query(query);
            Prepared::new(search, self.snapshot, self.models)
        };
        let mut prepared = queries.into_iter().map(prepare).collect::<Result<Vec<_>, Error>>()?;
        self.encoder.encode_all(&mut prepared)?;
        let share = prepared.len().div_ceil(self.threads).max(1);
        let snapshot = self.snapshot;
        let answers: Vec<_> = std::thread::scope(|scope| {
            let answer = |share: &[Prepared]| -> Vec<_> {
                share.iter().map(|search| snapshot.search(search).map(make)).collect()
            };
            let workers: Vec<_> =
                prepared.chunks(share).map(|share| scope.spawn(move || answer(share))).collect();
            let join = |worker: ScopedJoinHandle<'_, Vec<_>>| {
                worker.join().unwrap_or_else(|panic| resume_unwind(panic))
            };
            workers.into_iter().flat_map(join).collect()
        });
        answers.into_iter().collect()
    }

    /// The run of every query of a dataset that has a relevant judgement. A blank query finds nothing.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
    /// # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
    /// #     return Ok(()); // without the ONNX Runtime
    /// # }
    /// use gleaner::{BatchSearch, Document, Index, Search, eval::Dataset};
    ///
    /// # let beir = folder.path().join("beir");
    /// # std::fs::create_dir_all(beir.join("qrels"))?;
    /// # std::fs::write(beir.join("queries.jsonl"), "{\"_id\": \"q\", \"text\": \"kittens\"}\n")?;
    /// # std::fs::write(beir.join("qrels/test.tsv"), "query-id\tcorpus-id\tscore\nq\t1\t1\n")?;
    /// let mut index = Index::create(path).model(model).open()?;
    /// index.upsert([Document::new("1", "Kittens need a clean litter box.")])?;
    /// let snapshot = index.commit()?;
    /// let dataset = Dataset::open(&beir, "test")?;
    /// let run = BatchSearch::new(&snapshot, index.models(), Search::new("")).run(&dataset)?;
    /// assert_eq!(run.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`BatchSearch::search`]; `Eval`.
    pub fn run(&mut self, dataset: &Dataset) -> Result<Run, Error> {
        self.open_models()?;
        let texts = dataset.relevant_queries().map(|query| Query::text(&query.text[..]));
        let answers = self.hits(texts.collect())?;
        let mut run = Run::new();
        for (query, answer) in dataset.relevant_queries().zip(answers) {
            // Scores as they are, ties as trec_eval breaks them: on a collection with duplicates the
            // order that a search shows (ids ascending) would give other figures than trec_eval's.
            run.insert(&query.id, answer.hits)?;
        }
        Ok(run)
    }
}

impl QueryHits {
    fn of(answer: SearchResponse) -> Self {
        let hits = answer.hits.into_iter().map(|hit| ScoredDoc::new(hit.id, hit.score));
        Self { hits: hits.collect(), is_cut_short: !answer.certificate.complete }
    }
}

fn has_blank_text(query: &Query) -> bool {
    query.text.as_deref().is_some_and(is_blank)
}
