//! `gleaner demo`: the whole way once, on the sample corpus.

mod sample_index;

use std::io::Write;

use gleaner::{
    BatchSearch, Index, Rank, Search, SearchResponse,
    eval::{Dataset, Measure, evaluate},
};

use sample_index::{build, model_folders};

use super::eval::hits_measured;
use crate::{
    args::DemoArgs,
    io::{
        answer::{QueryWords, print},
        output::stdout,
    },
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
    let [sparse, dense] = model_folders(args);
    let models = args.runtime.models().sparse_folder(sparse).dense_folder(dense);
    let mut out = stdout();
    let index = build(&mut out, args, &models, &sample)?;
    for query in QUERIES {
        show(&mut out, &index, query)?;
    }
    let snapshot = index.snapshot();
    let dataset = Dataset::open(&sample, "test")?;
    let questions = dataset.qrels.len();
    writeln!(out, "\nEvaluation on {questions} questions of {}:\n", sample.display())?;
    writeln!(out, "{:<22} {:>8} {:>8} {:>8}", "", "nDCG@10", "RR@10", "R@100")?;
    for (name, rank) in RANKINGS {
        let measures = Measure::parse_list("nDCG@10,RR@10,R@100")?;
        let search = Search::new("").rank(rank.parse()?).k(hits_measured(&measures));
        let run = BatchSearch::new(&snapshot, &models, search).run(&dataset)?;
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
fn show(out: &mut impl Write, index: &Index, query: &str) -> anyhow::Result<()> {
    let ask = |rank: Rank, k, is_explained| -> anyhow::Result<SearchResponse> {
        let search = Search::new(query).rank(rank).k(k).fields(["title"]);
        Ok(index.search(search.explain(is_explained).profile(is_explained))?)
    };
    writeln!(out, "\n> {query}")?;
    let response = ask(Rank::SPARSE, 3, true)?;
    print(out, &response, &QueryWords::default())?;
    if let Some(best) = response.hits.first() {
        let lexical = ask(Rank::BM25, 1000, false)?;
        match lexical.hits.iter().find(|hit| hit.id == best.id) {
            Some(hit) => writeln!(out, "BM25 ranks {} at {}", best.id, hit.rank)?,
            None => writeln!(out, "BM25 does not find {}", best.id)?,
        }
    }
    writeln!(out, "fused, {HYBRID}:")?;
    let fused = SearchResponse { profile: None, ..ask(HYBRID.parse()?, 2, false)? };
    Ok(print(out, &fused, &QueryWords::default())?)
}
