//! `gleaner batch-search`: a file of queries, texts or vectors, to a TREC run.

use std::{panic::resume_unwind, path::PathBuf, thread::ScopedJoinHandle, time::Instant};

use gleaner_encoder::{Side, SparseVector};
use gleaner_eval::{Query, RunWriter, ScoredDoc, read_queries};
use gleaner_indexer::{Input, InputFile, InputFormat, InputKind, find_inputs};
use gleaner_searcher::{Index, SearchRequest, Snapshot};

use crate::{
    args::{BatchSearchArgs, QueryFormatArg, QueryModelArgs},
    failure::Failure,
    model,
    output::Output,
    queries::{EncodedQuery, QueryEncoders, Ranking},
    search::{deadline, is_blank},
};

/// Queries encoded and searched together.
const QUERIES_AT_ONCE: usize = 1_024;

pub(crate) fn run(args: &BatchSearchArgs) -> anyhow::Result<()> {
    let ranking = Ranking::read(&args.ranking)?;
    let snapshot = Index::open(&args.index)?.snapshot();
    let queries = Queries::read(&args.queries, args.format, &args.model, &snapshot)?;
    queries.warn_of_blanks();
    let asked = Asked {
        ranking: &ranking,
        k: args.k,
        filter: args.filter.as_deref(),
        effort: args.effort,
        timeout_ms: args.timeout_ms,
        threads: threads(args.threads),
    };
    let mut searcher = match queries {
        Queries::Texts(_) => BatchSearcher::new(&snapshot, &args.model, asked)?,
        Queries::Vectors(_) => {
            BatchSearcher { snapshot: &snapshot, asked, encoders: None, cut_short: 0 }
        }
    };
    let mut writer = RunWriter::new(Output::create(&args.run)?, "gleaner")?;
    let start = Instant::now();
    for first in (0..queries.len()).step_by(QUERIES_AT_ONCE) {
        let batch = first..queries.len().min(first + QUERIES_AT_ONCE);
        let answers = match &queries {
            Queries::Texts(queries) => {
                let texts: Vec<&str> =
                    queries[batch.clone()].iter().map(|query| &query.text[..]).collect();
                searcher.search(&texts)?
            }
            Queries::Vectors(queries) => {
                let given = |query: &(String, SparseVector)| {
                    let vector = Some(query.1.clone());
                    (None, EncodedQuery { vector, dense: Vec::new() })
                };
                searcher.answer(&queries[batch.clone()].iter().map(given).collect::<Vec<_>>())?
            }
        };
        for (query, hits) in batch.clone().zip(answers) {
            writer.write_ranked(queries.id(query), &hits)?;
        }
        let rate = batch.end as f64 / start.elapsed().as_secs_f64().max(1e-3);
        eprintln!("{} queries, {rate:.0}/s", batch.end);
    }
    if searcher.cut_short > 0 {
        eprintln!("{} queries were cut short by --timeout-ms", searcher.cut_short);
    }
    writer.finish()?.finish()
}

/// Queries of one kind.
pub(crate) enum Queries {
    Texts(Vec<Query>),
    Vectors(Vec<(String, SparseVector)>),
}

impl Queries {
    /// Reads a file; `model` names tokens where vectors have them.
    pub(crate) fn read(
        path: &PathBuf,
        format: QueryFormatArg,
        model: &QueryModelArgs,
        snapshot: &Snapshot,
    ) -> anyhow::Result<Self> {
        let kind = match format {
            QueryFormatArg::Jsonl => InputKind::Texts,
            QueryFormatArg::Vectors => InputKind::Vectors,
            QueryFormatArg::VectorsJsonl => InputKind::VectorsJsonl,
            QueryFormatArg::Auto if !path.is_file() => InputKind::Texts,
            QueryFormatArg::Auto => {
                find_inputs(std::slice::from_ref(path), InputFormat::Auto)?[0].kind
            }
        };
        match kind {
            InputKind::Texts => Ok(Self::Texts(read_queries(path)?)),
            InputKind::Ciff => {
                let message = "queries are texts or vectors, not CIFF; see --format";
                Err(Failure::Usage(message.to_owned()).into())
            }
            _ => {
                let mut input = InputFile::new(path, kind);
                if model.model.is_none() && snapshot.manifest().model.is_some() {
                    eprintln!(
                        "note: the index is bound to a model; vectors must come from the same"
                    );
                }
                let model = model.model.is_some().then(|| model::open_for(snapshot, model));
                // A model is compared with the index's even where no token is to be named.
                if let Some(model) = model.transpose()?
                    && kind == InputKind::VectorsJsonl
                {
                    input.vocabulary = Some(model::terms(&model));
                }
                Ok(Self::Vectors(read_vectors(&input)?))
            }
        }
    }

    /// All vectors, those of texts by the index's model.
    pub(crate) fn into_vectors(
        self,
        model: &QueryModelArgs,
        snapshot: &Snapshot,
    ) -> anyhow::Result<Vec<SparseVector>> {
        match self {
            Self::Texts(queries) => {
                let texts: Vec<&str> = queries.iter().map(|query| &query.text[..]).collect();
                Ok(model::open_for(snapshot, model)?.encoder(0)?.encode(Side::Query, &texts)?)
            }
            Self::Vectors(queries) => Ok(queries.into_iter().map(|query| query.1).collect()),
        }
    }

    /// Names the first query without a text: a run has no line that could say it.
    fn warn_of_blanks(&self) {
        let Self::Texts(queries) = self else { return };
        let mut blank = queries.iter().filter(|query| is_blank(&query.text));
        if let Some(first) = blank.next() {
            let count = 1 + blank.count();
            eprintln!("warning: {count} queries are blank and find nothing, first {:?}", first.id);
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Texts(queries) => queries.len(),
            Self::Vectors(queries) => queries.len(),
        }
    }

    fn id(&self, query: usize) -> &str {
        match self {
            Self::Texts(queries) => &queries[query].id,
            Self::Vectors(queries) => &queries[query].0,
        }
    }
}

fn read_vectors(input: &InputFile) -> anyhow::Result<Vec<(String, SparseVector)>> {
    let mut input = Input::open(input)?;
    let mut queries = Vec::new();
    while let Some(query) = input.next_document()? {
        let query = query.map_err(Failure::Rejected)?;
        queries.push((query.document.id, query.vector.unwrap_or_default()));
    }
    Ok(queries)
}

/// What is asked for every query alike.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) ranking: &'a Ranking,
    pub(crate) k: usize,
    pub(crate) filter: Option<&'a str>,
    pub(crate) effort: f32,
    pub(crate) timeout_ms: Option<u64>,
    /// Queries searched at the same time, at least 1.
    pub(crate) threads: usize,
}

impl<'a> Asked<'a> {
    /// The exact `k` best of all documents, on all cores.
    pub(crate) fn exact(ranking: &'a Ranking, k: usize) -> Self {
        Self { ranking, k, filter: None, effort: 1.0, timeout_ms: None, threads: threads(None) }
    }
}

/// The threads asked for, or one for each core.
pub(crate) fn threads(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Many queries against one snapshot, the models opened once.
pub(crate) struct BatchSearcher<'a> {
    snapshot: &'a Snapshot,
    asked: Asked<'a>,
    encoders: Option<QueryEncoders>,
    /// Queries whose time was over before everything was looked at.
    cut_short: usize,
}

impl<'a> BatchSearcher<'a> {
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        args: &QueryModelArgs,
        asked: Asked<'a>,
    ) -> anyhow::Result<Self> {
        let (rank, given) = (&asked.ranking.rank, EncodedQuery::default());
        let encoders = Some(QueryEncoders::open(snapshot, args, rank, &given, 0)?);
        Ok(Self { snapshot, asked, encoders, cut_short: 0 })
    }

    /// Hits of every query, best first, at most `k` each; none of a blank one.
    pub(crate) fn search(&mut self, texts: &[&str]) -> anyhow::Result<Vec<Vec<ScoredDoc>>> {
        let asked: Vec<&str> = texts.iter().copied().filter(|text| !is_blank(text)).collect();
        let encoded = match &mut self.encoders {
            Some(encoders) if !asked.is_empty() => encoders.encode(&asked)?,
            _ => Vec::new(),
        };
        let queries: Vec<_> = asked.into_iter().map(Some).zip(encoded).collect();
        let mut answers = self.answer(&queries)?.into_iter();
        let answer = |text: &&str| match is_blank(text) {
            true => Vec::new(),
            false => answers.next().unwrap_or_default(),
        };
        Ok(texts.iter().map(answer).collect())
    }

    /// Hits of every query, given as its text and what it was encoded to.
    fn answer(
        &mut self,
        queries: &[(Option<&str>, EncodedQuery)],
    ) -> anyhow::Result<Vec<Vec<ScoredDoc>>> {
        // One query after the other on each thread: threads that share a query, and queries that
        // share a pass over the index, were measured and are slower.
        let share = queries.len().div_ceil(self.asked.threads).max(1);
        let (asked, snapshot) = (self.asked, self.snapshot);
        let search = |share: &[(Option<&str>, EncodedQuery)]| -> Vec<_> {
            share.iter().map(|(text, query)| asked.answer(snapshot, *text, query)).collect()
        };
        let answers: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> =
                queries.chunks(share).map(|share| scope.spawn(move || search(share))).collect();
            let join = |worker: ScopedJoinHandle<'_, Vec<_>>| {
                worker.join().unwrap_or_else(|panic| resume_unwind(panic))
            };
            workers.into_iter().flat_map(join).collect()
        });
        let answers = answers.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        self.cut_short += answers.iter().filter(|answer| !answer.is_complete).count();
        Ok(answers.into_iter().map(|answer| answer.hits).collect())
    }
}

/// What was found for one query.
struct Answer {
    hits: Vec<ScoredDoc>,
    is_complete: bool,
}

impl Asked<'_> {
    fn answer(
        &self,
        snapshot: &Snapshot,
        text: Option<&str>,
        query: &EncodedQuery,
    ) -> anyhow::Result<Answer> {
        let dense = query.dense_queries();
        let ranking = self.ranking;
        let request = SearchRequest {
            vector: query.vector.as_ref(),
            text,
            dense: &dense,
            feedback: &ranking.feedback,
            min_score: ranking.min_score,
            until_knee: ranking.until_knee,
            filter: self.filter,
            effort: self.effort,
            deadline: deadline(self.timeout_ms),
            ..SearchRequest::exact(&ranking.rank, self.k)
        };
        let response = snapshot.search(&request, &|_| None)?;
        let hits = response.hits.into_iter().map(|hit| ScoredDoc::new(hit.id, hit.score));
        Ok(Answer { hits: hits.collect(), is_complete: response.certificate.complete })
    }
}
