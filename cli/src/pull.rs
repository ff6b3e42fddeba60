//! `gleaner model pull`: the one command that uses the network, and only when it is asked to.
//!
//! A model comes into a hidden folder beside its place, file by file (`download`), and takes its
//! place when every file is proven: a folder that is there is whole. A file whose hash is wrong goes
//! alone; the next pull takes up those that were proven. What a NAME means stands in
//! `data/sources.toml`, as it was when this binary was built, or in the file `--catalogue` names: an
//! entry with a `url` below which its `files` lie.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{IsTerminal, Write},
    path::{Component, Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

use crate::{
    args::PullArgs,
    download::{DownloadError, agent, download, hash_of},
    failure::Failure,
    output::stdout,
};

/// What could be pulled when this binary was built.
const SOURCES: &str = include_str!("../../data/sources.toml");
/// Where models go unless told otherwise.
const MODELS: &str = "data/models";
/// Locked while a pull is under way.
const LOCK: &str = ".lock";
/// Time between two lines of progress, where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// An entry of the catalogue.
#[derive(Deserialize)]
struct Entry {
    url: Option<String>,
    /// Below `data`, for what ships.
    #[serde(default)]
    folder: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    licence: String,
}

/// Everything that will be fetched.
struct Plan {
    files: Vec<Wanted>,
    out: PathBuf,
    licence: String,
}

struct Wanted {
    /// Below the model folder.
    name: String,
    url: String,
    /// Lower-case digits; nothing if the user does without.
    sha256: Option<String>,
}

/// `gleaner model pull`
pub(crate) fn run(args: &PullArgs) -> anyhow::Result<()> {
    let plan = match args.source.contains("://") {
        true => plan_of_url(args)?,
        false => plan_of_name(args)?,
    };
    let done = format!("{}; look at it with `gleaner model inspect`", plan.out.display());
    if plan.out.is_dir() && fs::read_dir(&plan.out)?.next().is_some() {
        if !is_there(&plan) {
            return Err(Failure::InTheWay { path: plan.out }.into());
        }
        eprintln!("already there, and unchanged");
        return Ok(writeln!(stdout(), "{done}")?);
    }
    if !plan.licence.is_empty() {
        eprintln!("licence: {}", plan.licence);
    }
    pull(&plan)?;
    Ok(writeln!(stdout(), "{done}")?)
}

fn usage(message: impl Into<String>) -> anyhow::Error {
    Failure::Usage(message.into()).into()
}

fn plan_of_name(args: &PullArgs) -> anyhow::Result<Plan> {
    let name = &args.source;
    if args.sha256.is_some() || !args.file.is_empty() || args.unverified {
        return Err(usage("--sha256, --file and --unverified are for URLs; a name has its hashes"));
    }
    let text = match &args.catalogue {
        Some(path) => fs::read_to_string(path)
            .with_context(|| format!("cannot read the catalogue {}", path.display()))?,
        None => SOURCES.to_owned(),
    };
    let mut entries: BTreeMap<String, Entry> =
        toml::from_str(&text).context("the catalogue is not valid")?;
    let entry = entries.remove(name);
    if let Some(Entry { url: None, folder, .. }) = &entry
        && folder.starts_with("models/")
    {
        let (name, folder) = (name.clone(), format!("data/{folder}"));
        return Err(Failure::Ships { name, folder }.into());
    }
    let Some(Entry { url: Some(url), files, licence, .. }) = entry else {
        let known = entries.iter().filter(|(_, entry)| entry.url.is_some());
        let known: Vec<String> = known.map(|(name, _)| name.clone()).collect();
        return Err(Failure::NotInCatalogue { name: name.clone(), known }.into());
    };
    if files.is_empty() {
        anyhow::bail!("the catalogue lists no files for {name}");
    }
    let files = files.into_iter().map(|(file, sha256)| wanted(&url, &file, Some(&sha256)));
    let out = args.out.clone().unwrap_or_else(|| Path::new(MODELS).join(name));
    Ok(Plan { files: files.collect::<anyhow::Result<_>>()?, out, licence })
}

fn plan_of_url(args: &PullArgs) -> anyhow::Result<Plan> {
    let url = &args.source;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(usage(format!("{url} is neither https:// nor http://")));
    }
    let out = args.out.clone().ok_or_else(|| usage("a URL needs `--out DIR`, the model folder"))?;
    let files = if args.file.is_empty() {
        let (folder, file) = url.rsplit_once('/').unwrap_or_default();
        vec![wanted(folder, file, args.sha256.as_deref())?]
    } else if args.sha256.is_some() {
        return Err(usage("with --file the hash stands behind the name: `--file NAME=SHA256`"));
    } else {
        let file = |file: &String| match file.split_once('=') {
            Some((name, sha256)) => wanted(url, name, Some(sha256)),
            None => wanted(url, file, None),
        };
        args.file.iter().map(file).collect::<anyhow::Result<Vec<_>>>()?
    };
    let unproven = files.iter().find(|file| file.sha256.is_none());
    if let Some(file) = unproven.filter(|_| !args.unverified) {
        return Err(usage(format!(
            "nothing says what {} must be: pass --sha256 HASH (or --file NAME=HASH), or --unverified \
             to take whatever comes",
            file.url
        )));
    }
    Ok(Plan { files, out, licence: String::new() })
}

fn wanted(folder: &str, name: &str, sha256: Option<&str>) -> anyhow::Result<Wanted> {
    let mut parts = Path::new(name).components();
    let stays_inside = parts.all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !stays_inside || name.contains(['?', '#', '\\']) {
        return Err(usage(format!("`{name}` is no name of a file in a model folder")));
    }
    let sha256 = sha256.map(str::to_ascii_lowercase);
    if let Some(hash) = &sha256
        && (hash.len() != 64 || !hash.bytes().all(|digit| digit.is_ascii_hexdigit()))
    {
        return Err(usage(format!("`{hash}` is no SHA-256: that has 64 hexadecimal digits")));
    }
    let url = format!("{}/{name}", folder.trim_end_matches('/'));
    Ok(Wanted { name: name.to_owned(), url, sha256 })
}

/// Whether the folder holds every file, proven.
fn is_there(plan: &Plan) -> bool {
    plan.files.iter().all(|file| {
        let found = hash_of(&plan.out.join(&file.name)).ok();
        file.sha256.is_some() && found == file.sha256
    })
}

/// The folder in which a model becomes whole.
fn staging(out: &Path) -> anyhow::Result<PathBuf> {
    let name = out.file_name().ok_or_else(|| usage("--out names no folder"))?;
    Ok(out.with_file_name(format!(".{}.pull", name.to_string_lossy())))
}

fn pull(plan: &Plan) -> anyhow::Result<()> {
    let staging = staging(&plan.out)?;
    let failed = || format!("cannot write {}", staging.display());
    fs::create_dir_all(&staging).with_context(failed)?;
    let lock = File::create(staging.join(LOCK)).with_context(failed)?;
    if lock.try_lock().is_err() {
        return Err(Failure::PullUnderWay { path: plan.out.clone() }.into());
    }
    for file in &plan.files {
        let fetched = fetch(file, &staging);
        if fetched.is_err() && holds_only(&staging, LOCK) {
            // Nothing came that the next pull could use.
            let _ = fs::remove_dir_all(&staging);
        }
        fetched?;
    }
    let placed = || format!("cannot put the model in its place, {}", plan.out.display());
    fs::rename(&staging, &plan.out).with_context(placed)?;
    // Not before: another pull could have begun in the folder that was about to be renamed.
    let _ = fs::remove_file(plan.out.join(LOCK));
    let parent = plan.out.parent().filter(|parent| !parent.as_os_str().is_empty());
    // A folder that cannot be flushed (as on some network mounts) is in its place all the same.
    let _ = File::open(parent.unwrap_or(Path::new("."))).and_then(|parent| parent.sync_all());
    Ok(())
}

/// Whether nothing else lies in a folder.
fn holds_only(folder: &Path, name: &str) -> bool {
    let is_it = |entry: std::io::Result<fs::DirEntry>| entry.is_ok_and(|it| it.file_name() == name);
    fs::read_dir(folder).is_ok_and(|mut entries| entries.all(is_it))
}

/// Brings one file into the staging folder, unless it is there.
fn fetch(file: &Wanted, staging: &Path) -> Result<(), DownloadError> {
    let target = staging.join(&file.name);
    let failed = |source| DownloadError::Write { path: target.clone(), source };
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    if target.is_file() {
        let found = hash_of(&target).map_err(failed)?;
        if file.sha256.as_ref() == Some(&found) {
            eprintln!("{}: fetched before", file.name);
            return Ok(());
        }
    }
    let mut progress = Progress::new(&file.name);
    let mut report = |got, total| progress.update(got, total);
    download(&agent(&file.url), &file.url, &target, file.sha256.as_deref(), &mut report)?;
    progress.finish(file.sha256.is_some());
    Ok(())
}

/// One file's progress on stderr: a bar on a terminal, lines elsewhere.
struct Progress {
    name: String,
    bar: Option<ProgressBar>,
    last_line: Instant,
    got_bytes: u64,
}

impl Progress {
    fn new(name: &str) -> Self {
        let style = "{msg} {bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        let style =
            ProgressStyle::with_template(style).expect("the template is a constant and valid");
        let bar = std::io::stderr()
            .is_terminal()
            .then(|| ProgressBar::new(0).with_style(style).with_message(name.to_owned()));
        Self { name: name.to_owned(), bar, last_line: Instant::now(), got_bytes: 0 }
    }

    fn update(&mut self, got_bytes: u64, total_bytes: Option<u64>) {
        self.got_bytes = got_bytes;
        match (&self.bar, total_bytes) {
            (Some(bar), total) => {
                bar.set_length(total.unwrap_or(got_bytes));
                bar.set_position(got_bytes);
            }
            (None, total) if self.last_line.elapsed() >= LINE_INTERVAL => {
                let share = total.map_or(String::new(), |total| {
                    format!(", {} %", got_bytes * 100 / total.max(1))
                });
                eprintln!("{}: {got_bytes} bytes{share}", self.name);
                self.last_line = Instant::now();
            }
            (None, _) => {}
        }
    }

    fn finish(self, is_proven: bool) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let proof = if is_proven { "its hash is right" } else { "NOT VERIFIED" };
        eprintln!("{}: {} bytes, {proof}", self.name, self.got_bytes);
    }
}
