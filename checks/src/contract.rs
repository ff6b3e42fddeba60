//! The contract of side-by-side benchmarks: command lines, configurations, files of results.
//!
//! `CMD build|search --vectors DIR --index DIR --config FILE …`; results are
//! `u32 n, u32 k, u32 ids[n·k] (0xFFFFFFFF: none), f32 scores[n·k], u64 wall_ns[n], u64 cpu_ns[n]`,
//! little-endian, best first. `docs/audit.md` describes the optional verbs and keys that
//! `gleaner-audit` adds.

use std::{
    fs::{self, File},
    io::{BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The id of an empty slot in a file of results.
pub const NO_ROW: u32 = u32::MAX;

/// Nanoseconds of one search by both clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    /// Elapsed.
    pub wall_ns: u64,
    /// CPU time of this thread.
    pub cpu_ns: u64,
}

/// Arguments of `build`.
#[derive(Args, Debug)]
pub struct BuildArgs {
    /// Folder with docs.bin
    #[arg(long)]
    pub vectors: PathBuf,
    /// Folder of the index
    #[arg(long)]
    pub index: PathBuf,
    /// Configuration
    #[arg(long)]
    pub config: PathBuf,
}

/// Arguments of `search`.
#[derive(Args, Debug)]
pub struct SearchArgs {
    /// Folder with queries.bin
    #[arg(long)]
    pub vectors: PathBuf,
    /// Folder of the index
    #[arg(long)]
    pub index: PathBuf,
    /// Configuration
    #[arg(long)]
    pub config: PathBuf,
    /// Number of hits
    #[arg(long)]
    pub k: usize,
    /// Queries from the start of the file
    #[arg(long)]
    pub queries: usize,
    /// Untimed passes
    #[arg(long)]
    pub warmup: usize,
    /// Timed passes
    #[arg(long)]
    pub passes: usize,
    /// Folder for `<id>.res`
    #[arg(long)]
    pub results: PathBuf,
}

/// Arguments of `export`, a verb of the audit: the weights as the index holds them.
#[derive(Args, Debug)]
pub struct ExportArgs {
    /// Folder of the index
    #[arg(long)]
    pub index: PathBuf,
    /// Configuration
    #[arg(long)]
    pub config: PathBuf,
    /// File of vectors to write, one row per document of docs.bin
    #[arg(long)]
    pub out: PathBuf,
}

/// A configuration file: how to build one index, and the searches of it. Keys besides the
/// contract's are the engine's.
#[derive(Deserialize, Serialize, Debug)]
pub struct Config<B, S> {
    /// The entry of the index.
    pub build: B,
    /// Its searches.
    pub searches: Vec<S>,
}

impl<B: for<'a> Deserialize<'a>, S: for<'a> Deserialize<'a>> Config<B, S> {
    /// Reads a configuration file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_reader(BufReader::new(file)).with_context(|| path.display().to_string())
    }
}

/// How an engine says that it orders equal scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TieOrder {
    /// Rows ascending.
    Row,
    /// Rows as decimal strings ascending.
    Id,
}

/// What an engine says it offers beyond the contract, `CMD offers` on stdout.
#[derive(Deserialize, Serialize, Debug, Default, Clone)]
pub struct Offers {
    /// Names of extensions.
    pub offers: Vec<String>,
    /// The promised order of equal scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ties: Option<TieOrder>,
}

/// Answers of one search: per query, rows and scores, best first.
#[derive(Debug, Default, Clone)]
pub struct Answers {
    /// Slots per query.
    pub k: usize,
    /// Per query at most `k` pairs.
    pub hits: Vec<Vec<(u32, f32)>>,
    /// Per query.
    pub taken: Vec<Taken>,
}

impl Answers {
    /// Writes a file of results.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut out = BufWriter::new(file);
        out.write_all(&u32::try_from(self.hits.len())?.to_le_bytes())?;
        out.write_all(&u32::try_from(self.k)?.to_le_bytes())?;
        let slots = || {
            let ranks = |hits: &'_ Vec<(u32, f32)>| {
                (0..self.k).map(|rank| hits.get(rank).copied()).collect::<Vec<_>>()
            };
            self.hits.iter().flat_map(ranks)
        };
        for hit in slots() {
            out.write_all(&hit.map_or(NO_ROW, |hit| hit.0).to_le_bytes())?;
        }
        for hit in slots() {
            out.write_all(&hit.map_or(0.0, |hit| hit.1).to_le_bytes())?;
        }
        let clocks: [fn(&Taken) -> u64; 2] = [|taken| taken.wall_ns, |taken| taken.cpu_ns];
        for clock in clocks {
            self.taken.iter().try_for_each(|taken| out.write_all(&clock(taken).to_le_bytes()))?;
        }
        Ok(out.flush()?)
    }

    /// Reads a file of results; the CPU clock may be missing. Slots keep what was written, so
    /// that an id out of range is seen; empty slots are left out.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let word = |at: usize| -> u32 {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        ensure!(bytes.len() >= 8, "{} is too short", path.display());
        let (n, k) = (word(0) as usize, word(4) as usize);
        let clocks_at = 8 + n * k * 8;
        let rest = bytes.len().checked_sub(clocks_at);
        ensure!(
            rest == Some(n * 8) || rest == Some(n * 16),
            "{} has {} bytes for {n} queries of {k} slots",
            path.display(),
            bytes.len()
        );
        let mut hits = vec![Vec::with_capacity(k); n];
        for slot in 0..n * k {
            let (id, score) = (word(8 + slot * 4), word(8 + (n * k + slot) * 4));
            if id != NO_ROW {
                hits[slot / k].push((id, f32::from_bits(score)));
            }
        }
        Ok(Self { k, hits, taken: Vec::new() })
    }
}

/// The one line of JSON that ends every command.
pub fn say(line: &Value) {
    println!("{line}");
}
