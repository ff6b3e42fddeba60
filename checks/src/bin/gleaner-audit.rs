//! `gleaner-audit`: counts the wrong answers of an engine that claims to be right.
//!
//! `run` makes adversarial sets, takes real ones, puts them to an engine behind the contract of
//! side-by-side benchmarks, and compares every answer with exhaustive scoring. `fake` is an engine
//! for testing the audit. `docs/audit.md` tells what counts as wrong.

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context, ensure};
use clap::{Args, Parser, Subcommand};
use gleaner_checks::{
    audit::{
        cases::{self, Case},
        engine::{self, Engine},
        fake,
        promise::Promise,
        report::Report,
        run::run_case,
    },
    contract::{BuildArgs, ExportArgs, SearchArgs},
};
use serde_json::{Map, Value};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Audit an engine
    Run(RunArgs),
    /// An engine that is wrong on purpose (build key `fault`)
    #[command(subcommand)]
    Fake(Fake),
}

#[derive(Subcommand)]
enum Fake {
    Build(BuildArgs),
    Search(SearchArgs),
    Export(ExportArgs),
    Offers {
        #[arg(long)]
        config: PathBuf,
    },
}

#[derive(Args)]
struct RunArgs {
    /// The engine's command; `gleaner-peer` beside this program if left out
    #[arg(long, value_name = "CMD")]
    engine: Option<String>,
    /// What it promises
    #[arg(long, value_enum, default_value = "own")]
    promise: Promise,
    /// Its own keys for building
    #[arg(long, value_name = "JSON", default_value = "{}")]
    build: String,
    /// Its own keys for searching
    #[arg(long, value_name = "JSON", default_value = "{}")]
    search: String,
    /// Only generated cases whose name contains this; `none` for none
    #[arg(long, value_name = "TEXT", default_value = "")]
    cases: String,
    /// Real sets to audit with
    #[arg(long, value_name = "DIR")]
    vectors: Vec<PathBuf>,
    /// Queries of a real set, from the start of the file
    #[arg(long, default_value_t = 200)]
    queries: usize,
    /// Depths for real sets
    #[arg(short, long, value_delimiter = ',', default_value = "1,10,100,1000")]
    k: Vec<usize>,
    /// What the generated cases are made from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print every case, not only those with a finding
    #[arg(long)]
    every_case: bool,
    /// Write the outcome here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Longest time of one process in seconds
    #[arg(long, default_value_t = 120)]
    timeout: u64,
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Run(args) => run(&args),
        Command::Fake(fake) => {
            match fake {
                Fake::Build(args) => fake::build(&args)?,
                Fake::Search(args) => fake::search(&args)?,
                Fake::Export(args) => fake::export(&args)?,
                Fake::Offers { .. } => fake::offers()?,
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let work = tempfile::tempdir()?;
    let command = match &args.engine {
        Some(command) => command.split_whitespace().map(str::to_owned).collect(),
        None => vec![engine::sibling("gleaner-peer")?.display().to_string()],
    };
    let engine = Engine::new(
        command,
        args.promise,
        keys(&args.build)?,
        keys(&args.search)?,
        Duration::from_secs(args.timeout),
        work.path(),
    )?;
    let mut report = Report {
        engine: engine.command.join(" "),
        promise: args.promise.name(),
        seed: args.seed,
        cases: Vec::new(),
    };
    for (number, case) in chosen(args)?.iter().enumerate() {
        eprintln!("{} …", case.name);
        let folder = work.path().join(number.to_string());
        fs::create_dir(&folder)?;
        report.cases.push(run_case(&engine, case, &folder)?);
        fs::remove_dir_all(&folder)?;
    }
    ensure!(!report.cases.is_empty(), "no case has {:?} in its name", args.cases);
    println!("{}", report.table(args.promise, args.every_case));
    if let Some(path) = &args.json {
        fs::write(path, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let kept = report.is_kept(args.promise);
    println!("\n{}: {}", report.promise, if kept { "kept" } else { "BROKEN" });
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(args: &RunArgs) -> anyhow::Result<Vec<Case>> {
    let mut chosen = cases::all(args.seed);
    chosen.retain(|case| case.name.contains(&args.cases));
    for folder in &args.vectors {
        chosen.push(Case::real(folder, args.queries, &args.k)?);
    }
    Ok(chosen)
}

fn keys(json: &str) -> anyhow::Result<Map<String, Value>> {
    serde_json::from_str(json).with_context(|| format!("not a JSON object: {json}"))
}
