//! A file of lines that an interrupted run can go on with.
//!
//! The lines grow in `FILE.part`. Beside it, `FILE.part.json` says how many of them are whole, what
//! made them, and by hash from which part of the input they came. `FILE` appears when everything is
//! in it. What the lines are is the business of `encode`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::output::with_suffix;
use crate::{
    args::{SideArg, VectorFormat},
    failure::Failure,
};

/// What must be the same for two runs to write the same lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LineOrigin {
    /// The model's fingerprint.
    pub(crate) model: String,
    pub(crate) side: SideArg,
    pub(crate) format: VectorFormat,
}

/// How far a run has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WholeLines {
    made_by: LineOrigin,
    /// Texts whose lines are whole.
    pub(crate) texts: u64,
    /// Bytes of those lines.
    bytes: u64,
    /// Of the lines of the input up to there.
    pub(crate) input_sha256: String,
}

/// A file that appears when it is whole.
pub(crate) struct ResumableFile {
    lines: BufWriter<File>,
    path: PathBuf,
    state: WholeLines,
}

impl ResumableFile {
    /// Begins a file, or goes on with one that was begun. What stood at `path` stays until the end.
    pub(crate) fn open(path: &Path, made_by: LineOrigin, resume: bool) -> anyhow::Result<Self> {
        let failed = || format!("cannot write {}", path.display());
        let begun = if resume { begun(path, &made_by)? } else { None };
        if resume && begun.is_none() && path.exists() {
            let reason = format!("{} is whole already", path.display());
            return Err(Failure::CannotResume { reason }.into());
        }
        let state = begun.unwrap_or_else(|| WholeLines {
            made_by,
            texts: 0,
            bytes: 0,
            input_sha256: String::new(),
        });
        let file = OpenOptions::new().create(true).append(true).open(part(path));
        let file = file.with_context(failed)?;
        // Behind the last whole line there may be a torn one.
        file.set_len(state.bytes).with_context(failed)?;
        Ok(Self { lines: BufWriter::new(file), path: path.to_owned(), state })
    }

    /// How far it has come.
    pub(crate) fn state(&self) -> &WholeLines {
        &self.state
    }

    /// States that the lines up to here are whole.
    pub(crate) fn commit(&mut self, texts: u64, input_sha256: String) -> anyhow::Result<()> {
        let failed = || format!("cannot write {}", self.path.display());
        self.lines.flush().with_context(failed)?;
        self.state.texts += texts;
        self.state.input_sha256 = input_sha256;
        self.state.bytes = self.lines.get_ref().metadata().with_context(failed)?.len();
        let (state, next) = (state_file(&self.path), with_suffix(&self.path, ".part.json.next"));
        fs::write(&next, serde_json::to_vec(&self.state)?).with_context(failed)?;
        fs::rename(next, state).with_context(failed)
    }

    /// Puts the file in its place.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let failed = || format!("cannot write {}", self.path.display());
        self.lines.flush().with_context(failed)?;
        fs::rename(part(&self.path), &self.path).with_context(failed)?;
        // It says nothing any more, and the next run overwrites it.
        let _ = fs::remove_file(state_file(&self.path));
        Ok(())
    }
}

impl Write for ResumableFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.lines.flush()
    }
}

/// The state of a run that was interrupted, if there is one.
fn begun(path: &Path, made_by: &LineOrigin) -> anyhow::Result<Option<WholeLines>> {
    let (file, part) = (state_file(path), part(path));
    let Ok(text) = fs::read(&file) else { return Ok(None) };
    let state: WholeLines = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what a run leaves behind", file.display()))?;
    let found = fs::metadata(&part).map_or(0, |file| file.len());
    if found < state.bytes {
        let reason = format!("{} has {found} bytes of {}", part.display(), state.bytes);
        return Err(Failure::CannotResume { reason }.into());
    }
    if state.made_by != *made_by {
        let LineOrigin { model, side, format } = &state.made_by;
        let (side, format) = (flag_name(*side), flag_name(*format));
        let reason = format!("it was begun with model {model}, --side {side}, --format {format}");
        return Err(Failure::CannotResume { reason }.into());
    }
    Ok(Some(state))
}

/// A value as its flag is given.
fn flag_name(value: impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn part(path: &Path) -> PathBuf {
    with_suffix(path, ".part")
}

fn state_file(path: &Path) -> PathBuf {
    with_suffix(path, ".part.json")
}
