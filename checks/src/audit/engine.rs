//! An engine given as a command: its configuration, its processes, its time limit.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use super::{cases::Case, promise::Promise};
use crate::contract::{Answers, Offers, TieOrder};

const POLL: Duration = Duration::from_millis(2);
/// Characters of a failed process's last words that are kept.
const LAST_WORDS_CHARS: usize = 300;
const SEARCH_ID: &str = "audit";

/// An engine behind the contract.
pub struct Engine {
    /// The command, as words.
    pub command: Vec<String>,
    /// What it promises.
    pub promise: Promise,
    /// Its own keys for building.
    pub build_keys: Map<String, Value>,
    /// Its own keys for searching.
    pub search_keys: Map<String, Value>,
    /// Longest time of one process.
    pub timeout: Duration,
    offers: Offers,
}

impl Engine {
    /// An engine by its command line. Asks it what it offers; one that does not know the question
    /// offers nothing beyond the contract.
    pub fn new(
        command: Vec<String>,
        promise: Promise,
        build_keys: Map<String, Value>,
        search_keys: Map<String, Value>,
        timeout: Duration,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let offers = Offers::default();
        let mut engine = Self { command, promise, build_keys, search_keys, timeout, offers };
        let config = engine.configure(folder, None)?;
        let said = engine.run(&["offers".into(), "--config".into(), config], folder);
        engine.offers = said
            .ok()
            .and_then(|said| serde_json::from_str(said.lines().last()?).ok())
            .unwrap_or_default();
        Ok(engine)
    }

    /// Whether an extension is offered.
    pub fn offers(&self, what: &str) -> bool {
        self.offers.offers.iter().any(|offer| offer == what)
    }

    /// The promised order of equal scores.
    pub fn ties(&self) -> Option<TieOrder> {
        self.offers.ties
    }

    /// `build`.
    pub fn build(
        &self,
        vectors: &Path,
        index: &Path,
        folder: &Path,
        case: &Case,
    ) -> anyhow::Result<()> {
        let config = self.configure(folder, Some(case))?;
        let mut args = vec!["build".to_owned(), "--config".to_owned(), config];
        args.extend(paths(&[("--vectors", vectors), ("--index", index)]));
        self.run(&args, folder).map(drop)
    }

    /// `search`, for all queries of the case.
    pub fn search(
        &self,
        vectors: &Path,
        index: &Path,
        folder: &Path,
        case: &Case,
        k: usize,
    ) -> anyhow::Result<Answers> {
        let config = self.configure(folder, Some(case))?;
        let mut args = vec!["search".to_owned(), "--config".to_owned(), config];
        args.extend(paths(&[("--vectors", vectors), ("--index", index), ("--results", folder)]));
        let numbers =
            [("--k", k), ("--queries", case.queries.len()), ("--warmup", 0), ("--passes", 1)];
        args.extend(numbers.iter().flat_map(|(flag, n)| [(*flag).to_owned(), n.to_string()]));
        let results = folder.join(format!("{SEARCH_ID}.res"));
        if results.exists() {
            fs::remove_file(&results)?;
        }
        self.run(&args, folder)?;
        Answers::read(&results)
    }

    /// `export`: the weights that the index holds.
    pub fn export(&self, index: &Path, folder: &Path, out: &Path) -> anyhow::Result<()> {
        let config = folder.join("config.json").display().to_string();
        let mut args = vec!["export".to_owned(), "--config".to_owned(), config];
        args.extend(paths(&[("--index", index), ("--out", out)]));
        self.run(&args, folder).map(drop)
    }

    /// Writes the configuration of a case. Keys of extensions appear only where a case needs them.
    fn configure(&self, folder: &Path, case: Option<&Case>) -> anyhow::Result<String> {
        let (mut build, mut search) = (self.build_keys.clone(), self.search_keys.clone());
        build.insert("id".to_owned(), json!(SEARCH_ID));
        search.insert("id".to_owned(), json!(SEARCH_ID));
        search.insert("safe".to_owned(), json!(self.promise.name()));
        if let Some(case) = case {
            if case.needs.contains(&"segments") {
                build.insert("segments".to_owned(), json!(case.segments));
                build.insert("merge".to_owned(), json!(case.merge));
            }
            if !case.deleted.is_empty() {
                build.insert("deleted".to_owned(), json!(case.deleted));
            }
            if let Some(admitted) = &case.admitted {
                search.insert("admitted".to_owned(), json!(admitted));
            }
        }
        let path = folder.join("config.json");
        fs::write(&path, json!({ "build": build, "searches": [search] }).to_string())?;
        Ok(path.display().to_string())
    }

    /// Runs one command to its end and returns what it printed.
    fn run(&self, args: &[String], folder: &Path) -> anyhow::Result<String> {
        let (out, err) = (folder.join("stdout"), folder.join("stderr"));
        let (program, words) = self.command.split_first().context("the command is empty")?;
        let mut child = Command::new(program)
            .args(words)
            .args(args)
            .stdin(Stdio::null())
            .stdout(File::create(&out)?)
            .stderr(File::create(&err)?)
            .spawn()
            .with_context(|| format!("cannot run {program}"))?;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if start.elapsed() > self.timeout {
                child.kill()?;
                child.wait()?;
                bail!("no end after {} s", self.timeout.as_secs());
            }
            std::thread::sleep(POLL);
        };
        if !status.success() {
            bail!("{status}: {}", last_words(&fs::read(&err)?));
        }
        Ok(String::from_utf8_lossy(&fs::read(&out)?).into_owned())
    }
}

fn paths(pairs: &[(&str, &Path)]) -> Vec<String> {
    let words = |(flag, path): &(&str, &Path)| [(*flag).to_owned(), path.display().to_string()];
    pairs.iter().flat_map(words).collect()
}

fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    // Ours print the reason and then the stack, others the stack and then the reason.
    let text = text.split("Stack backtrace:").next().unwrap_or_default();
    let text: Vec<char> = text.trim().chars().collect();
    text[text.len().saturating_sub(LAST_WORDS_CHARS)..].iter().collect()
}

/// Where a program of the same build lies.
pub fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find this program's own path")?;
    Ok(own.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}
