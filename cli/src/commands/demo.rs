//! `gleaner demo`: the whole way once, on the sample corpus.

mod sample_index;

use std::io::Write;

use gleaner_eval::{Dataset, Measure, evaluate};
use gleaner_searcher::{Index, Rank, SearchRequest, SearchResponse, Snapshot};

use sample_index::build;

use super::{batch_search::BatchRequest, eval};
use crate::{
    args::{DemoArgs, QueryModelArgs},
    io::{
        answer::{QueryWords, print},
        output::stdout,
    },
    models::queries::{EncodedQuery, QueryEncoders, Ranking},
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

/// `gleaner demo`
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
        let request = BatchRequest::exact(&ranking, eval::hits_measured(&measures));
        let run = eval::search(&snapshot, &model, &dataset, request)?;
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
    print(out, &response, &QueryWords::new())?;
    if let Some(best) = response.hits.first() {
        let lexical = ask(Rank::BM25, 1000, false)?;
        match lexical.hits.iter().find(|hit| hit.id == best.id) {
            Some(hit) => writeln!(out, "BM25 ranks {} at {}", best.id, hit.rank)?,
            None => writeln!(out, "BM25 does not find {}", best.id)?,
        }
    }
    writeln!(out, "fused, {HYBRID}:")?;
    let fused = SearchResponse { profile: None, ..ask(HYBRID.parse()?, 2, false)? };
    Ok(print(out, &fused, &QueryWords::new())?)
}
