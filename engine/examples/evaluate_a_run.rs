//! Search the queries of a BEIR folder and measure what was found, with intervals.
//!
//! ```sh
//! cargo run --release --package gleaner --example evaluate_a_run -- DATASET INDEX
//! ```
//!
//! The index is built from the folder's corpus if it is not there yet.

use std::{error::Error, path::Path};

use gleaner::{
    BatchSearch, Index, InputFormat, Search,
    eval::{Bootstrap, Dataset, Measure, evaluate},
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or(format!("missing {what}: DATASET INDEX"));
    let (folder, path) = (next("DATASET")?, next("INDEX")?);

    if !Path::new(&path).exists() {
        let report = Index::create(&path)
            .model("data/models/splade-tiny")
            .files(&[folder.clone().into()], InputFormat::Beir)?
            .run()?;
        println!("{} documents indexed", report.progress.indexed);
    }

    let index = Index::open(&path)?;
    let dataset = Dataset::open(Path::new(&folder), "test")?;
    let measures = Measure::parse_list("nDCG@10,R@100")?;
    let snapshot = index.snapshot();
    for rank in ["sparse", "bm25", "rrf:sparse,bm25"] {
        let search = Search::new("").rank(rank.parse()?).k(100);
        let run = BatchSearch::new(&snapshot, index.models(), search).run(&dataset)?;
        let evaluation = evaluate(&dataset.qrels, &run, &measures)?;
        let intervals =
            evaluation.intervals(&Bootstrap { level: 0.95, resamples: 10_000, seed: 1 })?;
        for ((measure, mean), (_, interval)) in evaluation.means.iter().zip(intervals) {
            println!(
                "{rank:<16} {measure}: {mean:.4}, from {:.4} to {:.4}",
                interval.low, interval.high
            );
        }
    }
    Ok(())
}
