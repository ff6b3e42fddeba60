//! `gleaner-fusion-table`: rankings of several collections as Markdown, intervals and a test.
//!
//! Reads runs that `gleaner eval --run` or any other tool wrote; it searches nothing itself.

use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Parser;
use gleaner_benches::fusion::{Hypothesis, Inputs, Resampling, Results};
use gleaner_eval::{Bootstrap, Measure, Permutations};

/// Makes a table of rankings and collections, and tests one ranking against others.
#[derive(Parser)]
struct TableArgs {
    /// Folder of BEIR folders, COLLECTION/qrels/SPLIT.tsv
    #[arg(long, value_name = "DIR")]
    beir: PathBuf,
    /// Which judgements
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    split: String,
    /// Folder of runs, COLLECTION/RANKING.run
    #[arg(long, value_name = "DIR")]
    runs: PathBuf,
    /// The collections, in the order of the columns
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', required = true)]
    collections: Vec<String>,
    /// Collections in which a hit whose id is the query's is removed (ArguAna, Quora)
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    ignore_identical_ids: Vec<String>,
    /// A table for each; the first decides the test
    #[arg(long, value_name = "M,…", default_value = "nDCG@10,R@100")]
    metrics: String,
    /// The ranking to test
    #[arg(long, value_name = "RANKING")]
    test: Option<String>,
    /// Rankings to test it against
    #[arg(long, value_name = "RANKING,…", value_delimiter = ',', requires = "test")]
    against: Vec<String>,
    /// Rankings of which the one with the highest mean over collections is tested against
    #[arg(long, value_name = "RANKING,…", value_delimiter = ',', requires = "test")]
    against_best_of: Vec<String>,
    /// Permutations of the test
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    permutations: usize,
    /// Resamples of every interval
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    resamples: usize,
    /// What resamples and permutations are drawn by
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write here instead of to the standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let args = TableArgs::parse();
    let text = document(&args)?;
    match &args.out {
        Some(path) => {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        None => print!("{text}"),
    }
    Ok(())
}

fn document(args: &TableArgs) -> anyhow::Result<String> {
    let measures = Measure::parse_list(&args.metrics)?;
    let bootstrap = Bootstrap { level: 0.95, resamples: args.resamples, seed: args.seed };
    let permutations = Permutations { count: args.permutations, seed: args.seed };
    let results = Results::read(&Inputs {
        beir: args.beir.clone(),
        split: args.split.clone(),
        runs: args.runs.clone(),
        collections: args.collections.clone(),
        ignore_identical_ids: args.ignore_identical_ids.clone(),
        measures: measures.clone(),
    })?;
    let mut text = format!(
        "Means over queries with their 95 % percentile bootstrap intervals ({} resamples, \
         seed {}); numbers of queries in parentheses.\n",
        args.resamples, args.seed
    );
    for &measure in &measures {
        text.push_str(&format!("\n{}", results.table(measure, &bootstrap)?));
    }
    if let (Some(test), Some(&measure)) = (&args.test, measures.first()) {
        let hypothesis = Hypothesis {
            test: test.clone(),
            against: args.against.clone(),
            against_best_of: args.against_best_of.clone(),
            measure,
        };
        let outcome = results.test(&hypothesis, Resampling { bootstrap, permutations })?;
        text.push_str(&format!("\n{outcome}"));
    }
    Ok(text)
}
