//! `gleaner-encode-bench`: encoders side by side, on the same texts, in turns.
//!
//! Every round gives each model folder the same slice of texts, so that whatever else the machine
//! does meets all of them; speeds are per second of this thread's CPU time. Vectors are compared
//! with those of the first folder: a faster wrong answer shows as a difference.
//!
//! ```text
//! zcat passages.jsonl.gz | gleaner-encode-bench --docs 2048 --model DIR --model DIR
//! ```

use std::io::{BufRead, Write};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Parser;
use gleaner_benches::clock::{median, time};
use gleaner_checks::contract::Taken;
use gleaner_encoder::{Encoder, Model, Runtime, Side, SparseVector};
use serde_json::Value;

#[derive(Parser)]
struct EncodeArgs {
    /// Model folder; may be given several times
    #[arg(long = "model", value_name = "DIR", required = true)]
    models: Vec<PathBuf>,
    /// Passages, from standard input: a JSON object with `text` per line
    #[arg(long, value_name = "N", default_value_t = 1024)]
    docs: usize,
    /// Passages per turn
    #[arg(long, value_name = "N", default_value_t = 256)]
    slice: usize,
    /// Queries of ten words (the first ten of each passage), one by one, per round
    #[arg(long, value_name = "N", default_value_t = 64)]
    queries: usize,
    /// ONNX Runtime library
    #[arg(long, value_name = "FILE")]
    ort_lib: Option<PathBuf>,
}

/// One model and what it took.
struct Contestant {
    encoder: Encoder,
    name: String,
    docs: Vec<Taken>,
    queries: Vec<Taken>,
    terms: usize,
    largest_difference: f32,
}

fn main() -> anyhow::Result<()> {
    let args = EncodeArgs::parse();
    let texts = read_texts(args.docs)?;
    ensure!(!texts.is_empty() && args.slice > 0, "no texts on standard input");
    let runtime = Runtime::load(args.ort_lib.as_deref())?;
    let mut contestants = Vec::new();
    for folder in &args.models {
        let model = Model::open(folder, &runtime)?;
        let mut encoder = model.encoder(1)?;
        encoder.encode(Side::Document, &["a text to warm up with"])?;
        contestants.push(Contestant {
            encoder,
            name: folder.display().to_string(),
            docs: Vec::new(),
            queries: Vec::new(),
            terms: 0,
            largest_difference: 0.0,
        });
    }
    for slice in texts.chunks(args.slice) {
        run_round(&mut contestants, slice, args.queries)?;
    }
    report(&contestants, texts.len(), args.slice)
}

fn read_texts(count: usize) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    for line in std::io::stdin().lock().lines().take(count) {
        let line: Value = serde_json::from_str(&line?).context("a line is not JSON")?;
        texts.push(line["text"].as_str().context("a line has no text")?.to_owned());
    }
    Ok(texts)
}

fn run_round(
    contestants: &mut [Contestant],
    texts: &[String],
    queries: usize,
) -> anyhow::Result<()> {
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let ten_words = |text: &&str| text.split_whitespace().take(10).collect::<Vec<_>>().join(" ");
    let queries: Vec<String> = texts.iter().take(queries).map(ten_words).collect();
    let mut first: Option<Vec<SparseVector>> = None;
    for contestant in contestants {
        let (vectors, taken) = time(|| contestant.encoder.encode(Side::Document, &texts));
        let vectors = vectors?;
        contestant.docs.push(taken);
        contestant.terms += vectors.iter().map(SparseVector::len).sum::<usize>();
        let reference = first.get_or_insert_with(|| vectors.clone());
        for (a, b) in vectors.iter().zip(reference.iter()) {
            contestant.largest_difference = contestant.largest_difference.max(difference(a, b));
        }
        for query in &queries {
            let (vectors, taken) = time(|| contestant.encoder.encode(Side::Query, &[query]));
            vectors?;
            contestant.queries.push(taken);
        }
    }
    Ok(())
}

/// The largest difference of a weight; a missing term counts as 0.
fn difference(a: &SparseVector, b: &SparseVector) -> f32 {
    let weight = |vector: &SparseVector, term: u32| {
        vector.terms().binary_search(&term).map_or(0.0, |at| vector.weights()[at])
    };
    let terms = a.terms().iter().chain(b.terms());
    terms.map(|&term| (weight(a, term) - weight(b, term)).abs()).fold(0.0, f32::max)
}

fn report(contestants: &[Contestant], docs: usize, slice: usize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:>12} {:>12} {:>11} {:>11} {:>10} {:>11}  model",
        "docs/cpu-s", "(median)", "query p50", "query p95", "terms", "difference"
    )?;
    for contestant in contestants {
        let cpu: u64 = contestant.docs.iter().map(|taken| taken.cpu_ns).sum();
        let middle = median(&contestant.docs).cpu_ns;
        let mut queries: Vec<u64> = contestant.queries.iter().map(|taken| taken.wall_ns).collect();
        queries.sort_unstable();
        let quantile = |q: f64| {
            let at = (queries.len() as f64 * q) as usize;
            queries.get(at.min(queries.len().saturating_sub(1))).map_or(0.0, |&ns| ns as f64 / 1e6)
        };
        writeln!(
            out,
            "{:>12.1} {:>12.1} {:>8.3} ms {:>8.3} ms {:>10.1} {:>11.2e}  {}",
            docs as f64 * 1e9 / cpu as f64,
            slice.min(docs) as f64 * 1e9 / middle as f64,
            quantile(0.5),
            quantile(0.95),
            contestant.terms as f64 / docs as f64,
            contestant.largest_difference,
            contestant.name
        )?;
    }
    Ok(out.flush()?)
}
