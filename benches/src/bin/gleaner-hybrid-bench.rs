//! `gleaner-hybrid-bench`: how fast dense vectors are scanned, and what fusion costs beyond its legs.
//!
//! `scan` compares the exact scan of random vectors with reading as many bytes; `legs` compares fused
//! searches of an index with its legs run alone; `project` makes such an index of many texts in minutes.
//! The first two take turns within one run, because machines are noisy, and print medians and ratios.
//! Quality is `gleaner-fusion-table`'s.

use std::{
    io::BufRead,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use gleaner_catalog::IndexSettings;
use gleaner_catalog::{DenseField, ModelBinding};
use gleaner_encoder::{DenseModel, Model, Runtime, Side, SparseVector};
use gleaner_eval::read_queries;
use gleaner_format::{DenseSpec, DenseStorage, Metric};
use gleaner_indexer::{Document, EncodedRow, IndexStore};
use gleaner_searcher::{DenseQuery, Index, Rank, SearchRequest, Snapshot};

#[derive(Parser)]
struct HybridArgs {
    #[command(subcommand)]
    command: HybridCommand,
}

#[derive(Subcommand)]
enum HybridCommand {
    /// Scan random vectors in every storage
    Scan {
        /// Vectors
        #[arg(long, default_value_t = 200_000)]
        rows: usize,
        /// Numbers in a vector
        #[arg(long, default_value_t = 384)]
        dims: usize,
        /// Timed passes, after one that only warms
        #[arg(long, default_value_t = 15)]
        passes: usize,
        /// Threads of one query
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// Index lines of texts from the standard input, with dense vectors that are random projections of
    /// the sparse ones: their likeness is real, and no second model has to run
    Project {
        /// Index folder to make
        #[arg(long)]
        index: PathBuf,
        /// Sparse model folder
        #[arg(long, default_value = "data/models/splade-tiny")]
        model: PathBuf,
        /// Numbers in a dense vector
        #[arg(long, default_value_t = PROJECTED_DIMS)]
        dims: usize,
        /// How they are kept
        #[arg(long, default_value = "int8")]
        storage: String,
    },
    /// Search an index by every leg and fused
    Legs {
        /// Index folder; its models encode the queries
        #[arg(long)]
        index: PathBuf,
        /// Texts, JSONL
        #[arg(long)]
        queries: PathBuf,
        /// Number of queries
        #[arg(long, default_value_t = 200)]
        limit: usize,
        /// Hits of the fused answer and of the legs alone
        #[arg(short, long, default_value_t = 10)]
        k: usize,
        /// The fused ranking
        #[arg(long, default_value = "rrf:sparse,bm25,dense")]
        rank: String,
        /// Timed passes, after one that only warms
        #[arg(long, default_value_t = 3)]
        passes: usize,
    },
}

/// As many as small sentence models have.
const PROJECTED_DIMS: usize = 384;

/// Texts encoded together.
const CHUNK_TEXTS: usize = 4_096;

fn main() -> anyhow::Result<()> {
    match HybridArgs::parse().command {
        HybridCommand::Project { index, model, dims, storage } => {
            project_texts(&index, &model, (dims, storage.parse()?))
        }
        HybridCommand::Scan { rows, dims, passes, threads } => scan(rows, dims, (passes, threads)),
        HybridCommand::Legs { index, queries, limit, k, rank, passes } => {
            legs(&index, &queries, (limit, passes), (k, &rank.parse()?))
        }
    }
}

/// Numbers between -1 and 1, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    }

    fn vector(&mut self, dims: usize) -> Vec<f32> {
        (0..dims).map(|_| self.next()).collect()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Bytes of an array that so many threads read a second: the fastest of a search for a byte that is not
/// there, which has vector instructions for this machine, and of two plain sums.
fn read_gb_per_s(words: &[u64], bytes: &[u8], threads: usize) -> f64 {
    let search = |part: usize| {
        let share = bytes.len() / threads;
        u64::from(memchr::memchr(1, &bytes[part * share..(part + 1) * share]).is_some())
    };
    let share = words.len() / threads;
    let part_of = |part: usize| &words[part * share..(part + 1) * share];
    let lanes = |part: usize| {
        let mut sums = [0u64; 32];
        for chunk in part_of(part).chunks_exact(32) {
            sums.iter_mut().zip(chunk).for_each(|(sum, word)| *sum = sum.wrapping_add(*word));
        }
        sums.iter().fold(0, |sum: u64, &lane| sum.wrapping_add(lane))
    };
    let one = |part: usize| part_of(part).iter().fold(0u64, |sum, &word| sum.wrapping_add(word));
    let time = |work: &(dyn Fn(usize) -> u64 + Sync)| {
        let start = Instant::now();
        std::thread::scope(|scope| {
            (0..threads).for_each(|part| {
                scope.spawn(move || std::hint::black_box(work(part)));
            });
        });
        start.elapsed().as_secs_f64()
    };
    let seconds = time(&search).min(time(&lanes)).min(time(&one));
    bytes.len() as f64 / seconds / 1e9
}

fn scan(rows: usize, dims: usize, (passes, threads): (usize, usize)) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let storages = [DenseStorage::F32, DenseStorage::F16, DenseStorage::Int8];
    let fields: Vec<DenseField> = storages
        .iter()
        .map(|&storage| {
            let name = storage.to_string();
            DenseField {
                spec: DenseSpec { name, dims, metric: Metric::Cosine, storage },
                model: None,
            }
        })
        .collect();
    let snapshot = random_index(&folder.path().join("index"), rows, &fields)?;
    let mut numbers = Numbers(99);
    // As many bytes as the largest field.
    let words: Vec<u64> = (0..(rows * dims / 2) as u64).collect();
    let mut bytes = vec![2u8; rows * dims * 4];
    bytes.iter_mut().step_by(4_096).for_each(|byte| *byte = 3);
    let mut read_gb = Vec::new();
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); fields.len()];
    for pass in 0..=passes {
        let query = numbers.vector(dims);
        let rate = read_gb_per_s(&words, &bytes, threads);
        if pass > 0 {
            read_gb.push(rate);
        }
        for (field, times) in fields.iter().zip(&mut times) {
            let rank: Rank = format!("dense:{}", field.spec.name).parse()?;
            let dense = [DenseQuery { field: &field.spec.name, vector: &query }];
            let request =
                SearchRequest { dense: &dense, threads, ..SearchRequest::exact(&rank, 10) };
            let start = Instant::now();
            let hits = snapshot.search(&request, &|_| None)?.hits.len();
            let seconds = start.elapsed().as_secs_f64();
            if hits != rows.min(10) {
                bail!("{hits} hits of {rows} rows");
            }
            if pass > 0 {
                times.push(seconds);
            }
        }
    }
    let read_gb = median(read_gb);
    println!(
        "{rows} vectors of {dims}, {threads} threads a query, {} segments",
        snapshot.segments().len()
    );
    println!("reading, as many threads: {read_gb:.2} GB/s");
    for (field, times) in fields.iter().zip(times) {
        let (seconds, bytes) = (median(times), rows * field.spec.scanned_len_bytes());
        let gb = bytes as f64 / seconds / 1e9;
        println!(
            "{:<9} {:>8.2} ms a query, {gb:.2} GB/s, {:.2} of reading",
            field.spec.name,
            seconds * 1e3,
            gb / read_gb
        );
    }
    Ok(())
}

fn random_index(
    path: &Path,
    rows: usize,
    fields: &[DenseField],
) -> anyhow::Result<std::sync::Arc<Snapshot>> {
    let settings = IndexSettings { dense: Some(fields.to_vec()), ..IndexSettings::default() };
    let mut store = IndexStore::open_or_create_with(path, None, &settings)?;
    let mut numbers = Numbers(7);
    for row in 0..rows {
        let document = Document {
            id: row.to_string(),
            text: String::new(),
            source: String::new(),
            fields: serde_json::Map::new(),
            is_deletion: false,
        };
        let vector = numbers.vector(fields[0].spec.dims);
        let prepare = |field: &DenseField| field.spec.prepare(&vector).map(Some);
        let dense = fields.iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
        let row = EncodedRow { vector: SparseVector::default(), dense, bytes: None };
        store.upsert_rows(&document, &[row])?;
    }
    store.commit(Vec::new())?;
    store.merge()?;
    Ok(Index::open(path)?.snapshot())
}

/// A random projection, the same for every vector: a term adds its weight to every dimension, with a
/// sign of its own. Cosines of projections are those of the vectors, with noise of one over the root of
/// the dimensions.
fn project(vector: &SparseVector, dims: usize) -> Vec<f32> {
    let mut projected = vec![0f32; dims];
    for (term, weight) in vector.iter() {
        let mut signs = Numbers(u64::from(term).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        projected.iter_mut().for_each(|value| *value += weight.copysign(signs.next()));
    }
    // A text without a term has a direction, too.
    projected[0] += f32::MIN_POSITIVE;
    projected
}

fn project_texts(
    index: &Path,
    folder: &Path,
    (dims, storage): (usize, DenseStorage),
) -> anyhow::Result<()> {
    let runtime = Runtime::load(None)?;
    let model = Model::open(folder, &runtime)?;
    let path = folder.canonicalize()?.to_string_lossy().into_owned();
    let binding = ModelBinding { path, fingerprint: model.fingerprint().to_owned() };
    let spec = DenseSpec { name: "dense".to_owned(), dims, metric: Metric::Cosine, storage };
    let field = DenseField { spec: spec.clone(), model: None };
    let settings = IndexSettings { dense: Some(vec![field]), ..IndexSettings::default() };
    let mut store = IndexStore::open_or_create_with(index, Some(binding), &settings)?;
    let mut encoder = model.encoder(0)?;
    let mut lines = std::io::stdin().lock().lines();
    let mut count = 0;
    loop {
        let chunk: Vec<String> = lines.by_ref().take(CHUNK_TEXTS).collect::<Result<_, _>>()?;
        if chunk.is_empty() {
            break;
        }
        let parse = |line: &String| Document::parse(line.as_bytes()).map_err(anyhow::Error::msg);
        let documents = chunk.iter().map(parse).collect::<anyhow::Result<Vec<_>>>()?;
        let texts: Vec<&str> = documents.iter().map(|document| &document.text[..]).collect();
        for (document, vector) in documents.iter().zip(encoder.encode(Side::Document, &texts)?) {
            let dense = vec![Some(spec.prepare(&project(&vector, dims))?)];
            store.upsert_rows(document, &[EncodedRow { vector, dense, bytes: None }])?;
        }
        count += documents.len();
        eprintln!("{count} texts");
    }
    store.commit(Vec::new())?;
    store.merge()?;
    Ok(())
}

/// A query in all forms.
struct Query {
    text: String,
    vector: SparseVector,
    dense: Vec<f32>,
}

fn legs(
    index: &Path,
    queries: &Path,
    (limit, passes): (usize, usize),
    (k, fused): (usize, &Rank),
) -> anyhow::Result<()> {
    let snapshot = Index::open(index)?.snapshot();
    let field = snapshot.manifest().dense_field(None)?.clone();
    let queries = encode(&snapshot, &field, queries, limit)?;
    let ranks: Vec<Rank> =
        fused.legs().map(|leg| Rank::Leg(leg.clone())).chain([fused.clone()]).collect();
    // Of each ranking, the time of every query: the median over passes.
    let mut times = vec![vec![Vec::new(); queries.len()]; ranks.len()];
    for pass in 0..=passes {
        for (at, query) in queries.iter().enumerate() {
            let dense = [DenseQuery { field: &field.spec.name, vector: &query.dense }];
            for (rank, times) in ranks.iter().zip(&mut times) {
                let request = SearchRequest {
                    vector: Some(&query.vector),
                    text: Some(&query.text),
                    dense: &dense,
                    ..SearchRequest::exact(rank, k)
                };
                let start = Instant::now();
                std::hint::black_box(snapshot.search(&request, &|_| None)?);
                if pass > 0 {
                    times[at].push(start.elapsed().as_secs_f64() * 1e6);
                }
            }
        }
    }
    let means: Vec<f64> = times
        .into_iter()
        .map(|queries| {
            let count = queries.len() as f64;
            queries.into_iter().map(median).sum::<f64>() / count
        })
        .collect();
    println!(
        "{} documents, {} segments, {} queries, k = {k}, dense {}",
        snapshot.live_docs(),
        snapshot.segments().len(),
        queries.len(),
        field.spec.storage
    );
    for (rank, mean) in ranks.iter().zip(&means) {
        println!("{rank:<50} {mean:>9.1} µs");
    }
    let (fused, alone) = (means[means.len() - 1], means[..means.len() - 1].iter().sum::<f64>());
    println!("fused over the sum of its legs alone: {:.2}", fused / alone);
    Ok(())
}

fn encode(
    snapshot: &Snapshot,
    field: &DenseField,
    queries: &Path,
    limit: usize,
) -> anyhow::Result<Vec<Query>> {
    let runtime = Runtime::load(None)?;
    let bound = snapshot.manifest().model.as_ref().context("the index has no sparse model")?;
    let mut texts = read_queries(queries)?;
    texts.truncate(limit);
    let texts: Vec<&str> = texts.iter().map(|query| &query.text[..]).collect();
    let model = Model::open(Path::new(&bound.path), &runtime)?;
    let vectors = model.encoder(0)?.encode(Side::Query, &texts)?;
    let dense: Vec<Vec<f32>> = match &field.model {
        Some(dense) => {
            let model = DenseModel::open(Path::new(&dense.path), &runtime)?;
            let vectors = model.encoder(0)?.encode(Side::Query, &texts)?;
            vectors.rows().map(<[f32]>::to_vec).collect()
        }
        // What `project` made.
        None => vectors.iter().map(|vector| project(vector, field.spec.dims)).collect(),
    };
    let queries = texts.iter().zip(vectors).zip(dense);
    let query = |((text, vector), dense): ((&&str, SparseVector), Vec<f32>)| Query {
        text: (*text).to_owned(),
        vector,
        dense,
    };
    Ok(queries.map(query).collect())
}
