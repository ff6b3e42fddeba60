//! Evaluates a run file against judgements and prints JSON.
//!
//! `evaluate_run --qrels FILE --run FILE --measures nDCG@10,AP [--ignore-identical-ids]`: the
//! judgements may be BEIR's or TREC's. `benches/trec_eval_parity.py` compares what this prints
//! with trec_eval.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use gleaner_eval::{Measure, Qrels, Run, evaluate, remove_identical_ids};

const USAGE: &str = "usage: evaluate_run --qrels FILE --run FILE --measures NAME,… \
                     [--ignore-identical-ids]";

#[derive(Default)]
struct Options {
    qrels: PathBuf,
    run: PathBuf,
    measures: String,
    ignore_identical_ids: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}"));
            eprintln!("{error}{}", cause.unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let options = read_options(std::env::args().skip(1))?;
    let measures = Measure::parse_list(&options.measures)?;
    let qrels = Qrels::open(&options.qrels)?;
    let mut run = Run::open(&options.run)?;
    if options.ignore_identical_ids {
        remove_identical_ids(&mut run);
    }
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &evaluate(&qrels, &run, &measures)?)?;
    Ok(writeln!(out)?)
}

fn read_options(mut arguments: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
    let mut options = Options::default();
    while let Some(flag) = arguments.next() {
        if flag == "--ignore-identical-ids" {
            options.ignore_identical_ids = true;
            continue;
        }
        let value = arguments.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--qrels" => options.qrels = value.into(),
            "--run" => options.run = value.into(),
            "--measures" => options.measures = value,
            _ => return Err(USAGE.into()),
        }
    }
    Ok(options)
}
