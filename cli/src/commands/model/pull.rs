//! `gleaner model pull`: the one command that uses the network, and only when it is asked to.
//!
//! A model comes into a hidden folder beside its place, file by file (`io::download`). It takes its
//! place when every file is proven: a folder that is there is whole. A file whose hash is wrong
//! goes alone; the next pull takes up those that were proven. `wanted` reads what is asked for.

mod wanted;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::Context;

use wanted::{WantedFile, WantedModel, usage, wanted_model};

use crate::{
    args::PullArgs,
    failure::Failure,
    io::{
        download::{DownloadError, agent, download},
        hash::hash_of,
        output::print_line,
        progress::TransferProgress,
    },
};

/// Locked while a pull is under way.
const LOCK: &str = ".lock";

/// `gleaner model pull`
pub(super) fn run(args: &PullArgs) -> anyhow::Result<()> {
    let model = wanted_model(args)?;
    let done = format!("{}; look at it with `gleaner model inspect`", model.out.display());
    if model.out.is_dir() && fs::read_dir(&model.out)?.next().is_some() {
        if !is_there(&model) {
            return Err(Failure::InTheWay { path: model.out }.into());
        }
        say!("already there, and unchanged");
        return print_line(done);
    }
    if !model.licence.is_empty() {
        say!("licence: {}", model.licence);
    }
    pull(&model)?;
    print_line(done)
}

/// Whether the folder holds every file, proven.
fn is_there(model: &WantedModel) -> bool {
    model.files.iter().all(|file| {
        let found = hash_of(&model.out.join(&file.name)).ok();
        file.sha256.is_some() && found == file.sha256
    })
}

/// The folder in which a model becomes whole.
fn staging(out: &Path) -> anyhow::Result<PathBuf> {
    let name = out.file_name().ok_or_else(|| usage("--out names no folder"))?;
    Ok(out.with_file_name(format!(".{}.pull", name.to_string_lossy())))
}

fn pull(model: &WantedModel) -> anyhow::Result<()> {
    let staging = staging(&model.out)?;
    let failed = || format!("cannot write {}", staging.display());
    fs::create_dir_all(&staging).with_context(failed)?;
    let lock = File::create(staging.join(LOCK)).with_context(failed)?;
    if lock.try_lock().is_err() {
        return Err(Failure::PullUnderWay { path: model.out.clone() }.into());
    }
    for file in &model.files {
        let fetched = fetch(file, &staging);
        if fetched.is_err() && holds_only(&staging, LOCK) {
            // Nothing came that the next pull could use.
            let _ = fs::remove_dir_all(&staging);
        }
        fetched?;
    }
    let placed = || format!("cannot put the model in its place, {}", model.out.display());
    fs::rename(&staging, &model.out).with_context(placed)?;
    // Not before: another pull could have begun in the folder that was about to be renamed.
    let _ = fs::remove_file(model.out.join(LOCK));
    let parent = model.out.parent().filter(|parent| !parent.as_os_str().is_empty());
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
fn fetch(file: &WantedFile, staging: &Path) -> Result<(), DownloadError> {
    let target = staging.join(&file.name);
    let failed = |source| DownloadError::Write { path: target.clone(), source };
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    if target.is_file() {
        let found = hash_of(&target).map_err(failed)?;
        if file.sha256.as_ref() == Some(&found) {
            say!("{}: fetched before", file.name);
            return Ok(());
        }
    }
    let mut progress = TransferProgress::new(&file.name);
    let mut on_bytes = |got, total| progress.update(got, total);
    download(&agent(&file.url), &file.url, &target, file.sha256.as_deref(), &mut on_bytes)?;
    progress.finish(file.sha256.is_some());
    Ok(())
}
