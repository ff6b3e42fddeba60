//! `gleaner demo`: the whole way once, on the sample corpus.

mod sample_index;

use std::io::Write;

use gleaner::{
    BatchSearch, Index, Rank, Ranking, Search, SearchResponse,
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
    ("BM25", "bm25"),
    ("SPLADE (splade-tiny)", "sparse"),
    ("dense (MiniLM)", "dense"),
    ("BM25 + dense", "convex:norm=bound,bm25,dense"),
    ("hybrid (all three)", "hybrid"),
];

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
        "\nA quarter of the sample's questions uses other words than its documents: dense vectors find those. \
         \nCodes and names need words: BM25 finds those. hybrid, the default, adds up all legs that an index has."
    )?;
    let (index, sample) = (args.demo_index.display(), sample.display());
    writeln!(
        out,
        "\nNext: target/release/gleaner search --index {index} \"your question\" --explain"
    )?;
    writeln!(out, "      target/release/gleaner eval --index {index} --dataset {sample}")?;
    Ok(out.flush()?)
}

/// One question, as `hybrid` answers it and where BM25 would have put the answer.
fn show(out: &mut impl Write, index: &Index, query: &str) -> anyhow::Result<()> {
    let ask = |ranking: Ranking, k, is_explained| -> anyhow::Result<SearchResponse> {
        let search = Search::new(query).rank(ranking).k(k).fields(["title"]);
        Ok(index.search(search.explain(is_explained))?)
    };
    writeln!(out, "\n> {query}")?;
    let response = ask(Ranking::Hybrid, 3, false)?;
    print(out, &response, &QueryWords::default())?;
    if let Some(best) = response.hits.first() {
        let lexical = ask(Rank::BM25.into(), 1000, false)?;
        match lexical.hits.iter().find(|hit| hit.id == best.id) {
            Some(hit) => writeln!(out, "BM25 alone ranks {} at {}", best.id, hit.rank)?,
            None => writeln!(out, "BM25 alone does not find {}", best.id)?,
        }
    }
    Ok(())
}
