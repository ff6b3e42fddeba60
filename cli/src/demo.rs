//! `gleaner demo`: the whole way once, on the sample corpus.

use std::{
    io::Write,
    path::Path,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use gleaner_eval::{Dataset, Measure, evaluate};
use gleaner_indexer::{IndexError, IndexSettings, IndexStore, IngestOptions, OnError};
use gleaner_searcher::{
    CatalogError, Index, Rank, SearchError, SearchRequest, SearchResponse, Snapshot,
};

use crate::{
    args::{DEFAULT_DEMO_INDEX, DemoArgs, ProgressArg, QueryModelArgs},
    batch_search::Asked,
    dense, dense_fields, eval,
    failure::{Failure, chain},
    index,
    model::{self, threads},
    output::stdout,
    progress::Reporter,
    queries::{EncodedQuery, QueryEncoders, Ranking},
    search::{self, QueryWords},
    worker::Models,
};

/// Questions whose answers use other words.
const QUERIES: [&str; 3] =
    ["pink eye contagious", "compensation for late plane", "kitten peeing on the bed"];

/// What the demo compares.
const RANKINGS: [(&str, &str); 5] = [
    ("SPLADE (splade-tiny)", "sparse"),
    ("BM25", "bm25"),
    ("dense (MiniLM)", "dense"),
    ("BM25 + dense", "rrf:bm25,dense"),
    ("all three", HYBRID),
];

/// All legs by their ranks.
const HYBRID: &str = "rrf:sparse,bm25,dense";

static NEVER: AtomicBool = AtomicBool::new(false);

pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<()> {
    let sample = args.data.join("sample");
    let model = QueryModelArgs {
        model: Some(args.data.join("models/splade-tiny")),
        query_encoder: None,
        dense_model: Some(args.data.join("models/minilm")),
        runtime: args.runtime.clone(),
    };
    let mut out = stdout();
    build(&mut out, args, &sample)?;
    let snapshot = Index::open(&args.demo_index)?.snapshot();
    for query in QUERIES {
        show(&mut out, &snapshot, &model, query)?;
    }
    let dataset = Dataset::open(&sample, "test")?;
    let questions = dataset.qrels.len();
    writeln!(out, "\nEvaluation on {questions} questions of {}:\n", sample.display())?;
    writeln!(out, "{:<22} {:>8} {:>8} {:>8}", "", "nDCG@10", "RR@10", "R@100")?;
    for (name, rank) in RANKINGS {
        let measures = Measure::parse_list("nDCG@10,RR@10,R@100")?;
        let ranking = Ranking::plain(rank.parse()?);
        let asked = Asked::exact(&ranking, eval::depth(&measures));
        let run = eval::search(&snapshot, &model, &dataset, asked)?;
        let means = evaluate(&dataset.qrels, &run, &measures)?.means;
        let values: Vec<String> = means.iter().map(|(_, mean)| format!("{mean:>8.4}")).collect();
        writeln!(out, "{name:<22} {}", values.join(" "))?;
    }
    writeln!(
        out,
        "\nThe sample asks in other words than its documents use, which suits dense vectors; on four of \
         the\nfive collections of README.md, fusing all legs with equal weights beats every leg alone."
    )?;
    let (index, sample) = (args.demo_index.display(), sample.display());
    writeln!(
        out,
        "\nNext: target/release/gleaner search --index {index} \"your question\" --rank {HYBRID} \
         --explain"
    )?;
    writeln!(out, "      target/release/gleaner eval --index {index} --dataset {sample}")?;
    Ok(out.flush()?)
}

/// Builds the demo's index, or finds it complete from an earlier run.
fn build(out: &mut impl Write, args: &DemoArgs, sample: &Path) -> anyhow::Result<()> {
    let folder = args.data.join("models/splade-tiny");
    let model = model::open(&folder, None, &args.runtime)?;
    let input = sample.join("corpus.jsonl");
    check_ownership(&args.demo_index, &input)?;
    writeln!(out, "Model   {} ({})", folder.display(), &model.fingerprint()[..19])?;
    let binding = index::binding(&model)?;
    let folder = args.data.join("models/minilm");
    let minilm = dense::open(&folder, &args.runtime)?;
    writeln!(out, "        {} ({}), dense", folder.display(), &minilm.fingerprint()[..19])?;
    let field = dense_fields::of_model(&minilm)?;
    let settings = IndexSettings { dense: Some(vec![field.clone()]), ..IndexSettings::default() };
    let models = Models { sparse: Some(model), dense: vec![(field.spec.name, minilm)] };
    let start = Instant::now();
    let mut reporter = Reporter::new(ProgressArg::Auto);
    let attempt = |resume: bool, reporter: &mut Reporter| {
        let binding = Some(binding.clone());
        let mut store = IndexStore::open_or_create_with(&args.demo_index, binding, &settings)?;
        let options = IngestOptions {
            on_error: OnError::Fail,
            commit_interval: Duration::from_secs(5),
            resume,
            stop: &NEVER,
        };
        let inputs = [input.clone().into()];
        index::build(&mut store, &inputs, &models, threads(None), &options, reporter)
    };
    let report = match attempt(true, &mut reporter) {
        // The sample or the model changed since: the demo owns its index and starts over.
        Err(error) if is_outdated(&error) => {
            std::fs::remove_dir_all(&args.demo_index)?;
            attempt(false, &mut reporter)?
        }
        other => other?,
    };
    writeln!(
        out,
        "Index   {}: {} documents encoded in {:.1} s, {} found from before",
        args.demo_index.display(),
        report.progress.indexed,
        start.elapsed().as_secs_f64(),
        report.progress.found
    )?;
    Ok(())
}

/// Refuses an index that holds anything but the demo's sample: the demo replaces what is outdated.
fn check_ownership(index: &Path, input: &Path) -> anyhow::Result<()> {
    if !index.join("meta.json").is_file() {
        return Ok(());
    }
    let sample = input.canonicalize()?;
    let snapshot = match Index::open(index) {
        Ok(opened) => opened.snapshot(),
        // Its own default folder the demo may mend; another one may be anybody's.
        Err(error)
            if (error.is_damage()
                || matches!(error, SearchError::Catalog(CatalogError::EarlierVersion { .. })))
                && index == Path::new(DEFAULT_DEMO_INDEX) =>
        {
            eprintln!("the demo's index is built anew: {}", chain(&error));
            return Ok(std::fs::remove_dir_all(index)?);
        }
        Err(error) => return Err(error.into()),
    };
    let inputs = &snapshot.manifest().inputs;
    let from_sample: u64 = inputs.iter().map(|input| input.documents).sum();
    let is_sample = inputs.iter().all(|input| Path::new(&input.path) == sample);
    if is_sample && snapshot.live_docs() <= from_sample {
        return Ok(());
    }
    let message = format!(
        "{} holds other documents than the demo's; name another folder with --demo-index",
        index.display()
    );
    Err(Failure::Usage(message).into())
}

fn is_outdated(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(
            IndexError::ChangedInput { .. }
                | IndexError::OtherInputs { .. }
                | IndexError::ModelMismatch { .. }
                | IndexError::Catalog(
                    CatalogError::DenseMismatch { .. } | CatalogError::DenseModelMismatch { .. }
                )
        )
    )
}

/// One question, as SPLADE answers it and where BM25 would have put the answer.
fn show(
    out: &mut impl Write,
    snapshot: &Snapshot,
    model: &QueryModelArgs,
    query: &str,
) -> anyhow::Result<()> {
    let fields = ["title".to_owned()];
    let ask = |rank: Rank, k, explain| -> anyhow::Result<_> {
        let given = EncodedQuery::default();
        let mut encoders = QueryEncoders::open(snapshot, model, &rank, &given, 1)?;
        let encoded = encoders.encode(&[query])?.pop().unwrap_or_default();
        let dense = encoded.dense_queries();
        let request = SearchRequest {
            vector: encoded.vector.as_ref(),
            text: Some(query),
            dense: &dense,
            fields: &fields,
            explain,
            profile: explain,
            ..SearchRequest::exact(&rank, k)
        };
        let token = |term| Some(encoders.model()?.token(term)?.to_owned());
        Ok(snapshot.search(&request, &token)?)
    };
    writeln!(out, "\n> {query}")?;
    let response = ask(Rank::SPARSE, 3, true)?;
    search::print(out, &response, &QueryWords::new())?;
    if let Some(best) = response.hits.first() {
        let lexical = ask(Rank::BM25, 1000, false)?;
        match lexical.hits.iter().find(|hit| hit.id == best.id) {
            Some(hit) => writeln!(out, "BM25 ranks {} at {}", best.id, hit.rank)?,
            None => writeln!(out, "BM25 does not find {}", best.id)?,
        }
    }
    writeln!(out, "fused, {HYBRID}:")?;
    let fused = SearchResponse { profile: None, ..ask(HYBRID.parse()?, 2, false)? };
    Ok(search::print(out, &fused, &QueryWords::new())?)
}
