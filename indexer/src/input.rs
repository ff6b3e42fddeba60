//! The files of a run: what each is, how far it was read, and proof that it is still the same.
//!
//! An [`Input`] is read entry by entry (`lines`, `rows` and `ciff` know the formats) and keeps a
//! running checksum of what was read, which lets an interrupted run prove, before it goes on, that
//! the file still says what was indexed from it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use gleaner_catalog::{DenseField, InputProgress};
use gleaner_format::SparseVector;
use sha2::{Digest, Sha256};

use crate::{
    ciff::CiffRows,
    document::Document,
    error::{IndexError, Place, Rejection},
    lines::Lines,
    recognise::recognise,
    rows::Rows,
};

/// How inputs are to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFormat {
    /// A folder is BEIR's; a file whose name ends in `.ciff` is CIFF, one whose length is what its
    /// counts say is a file of binary vectors, any other is JSONL of texts unless it looks like
    /// something else.
    Auto,
    /// A folder with `corpus.jsonl` or `corpus.jsonl.gz`.
    Beir,
    /// Files of one kind.
    Files(InputKind),
}

/// What the entries of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// One JSON object with a text per line.
    Texts,
    /// The binary exchange file.
    Vectors,
    /// One JSON object with a vector per line.
    VectorsJsonl,
    /// The Common Index File Format.
    Ciff,
}

/// Term ids of token texts, where there is a vocabulary.
pub type Terms = Arc<dyn Fn(&str) -> Option<u32> + Send + Sync>;

/// A file to be read.
#[derive(Clone)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: InputKind,
    /// What its tokens mean; without it they are term ids in decimal digits.
    pub terms: Option<Terms>,
}

impl InputFile {
    /// A file whose tokens, if it has any, are term ids.
    pub fn new(path: impl Into<PathBuf>, kind: InputKind) -> Self {
        Self { path: path.into(), kind, terms: None }
    }
}

impl From<PathBuf> for InputFile {
    fn from(path: PathBuf) -> Self {
        Self::new(path, InputKind::Texts)
    }
}

/// Resolves the paths given on the command line to files, in order.
///
/// Errors: `Input` naming what was expected; `OtherFormat`, `Read` where the kind must be recognised.
pub fn find_inputs(paths: &[PathBuf], format: InputFormat) -> Result<Vec<InputFile>, IndexError> {
    paths.iter().map(|path| find_input(path, format)).collect()
}

fn find_input(path: &Path, format: InputFormat) -> Result<InputFile, IndexError> {
    let refuse = |reason| Err(IndexError::Input { path: path.to_path_buf(), reason });
    match (path.is_dir(), format) {
        (true, InputFormat::Files(InputKind::Texts)) => {
            refuse("a folder; --format jsonl takes files")
        }
        (true, InputFormat::Files(_)) => refuse("a folder; this format is one of files"),
        (true, _) => {
            let names = ["corpus.jsonl", "corpus.jsonl.gz"].map(|name| path.join(name));
            match names.into_iter().find(|file| file.is_file()) {
                Some(file) => Ok(file.into()),
                None => refuse("a folder without corpus.jsonl (a BEIR folder has one)"),
            }
        }
        (false, InputFormat::Beir) => refuse("not a folder; --format beir takes BEIR folders"),
        (false, _) if !path.is_file() => refuse("no such file"),
        (false, InputFormat::Files(kind)) => Ok(InputFile::new(path, kind)),
        (false, InputFormat::Auto) => Ok(InputFile::new(path, recognise(path)?)),
    }
}

/// A document that was read; its vectors where the file gives them.
#[derive(Debug)]
pub struct Given {
    /// The document.
    pub document: Document,
    /// Its sparse vector, unless its text is to be encoded.
    pub vector: Option<SparseVector>,
    /// Its dense vectors as they are stored, one entry per dense field of the index; empty where it
    /// can have none.
    pub dense: Vec<Option<Vec<f32>>>,
}

/// What one line or row says, or why it cannot be taken.
pub(crate) type Entry = Result<Given, String>;

/// A file of one format, read entry by entry.
pub(crate) trait Entries: Send {
    /// The next entry, counted in `tally`; `None` at the end.
    fn next(&mut self, tally: &mut Tally) -> Result<Option<Entry>, IndexError>;

    /// Goes to where an earlier run stopped, with the checksum in `tally`; or says at once what
    /// has changed.
    fn pass_over(
        &mut self,
        earlier: &InputProgress,
        tally: &mut Tally,
    ) -> Result<Option<&'static str>, IndexError>;

    /// Where the last of so many entries is.
    fn place(&self, entries: u64) -> Place;

    /// Bytes read from the file itself so far, for estimates: compressed bytes of a gzip file.
    fn read_bytes(&self) -> u64;

    /// Whether there is anything to read; what is read for this is lost.
    fn has_entries(&mut self, tally: &mut Tally) -> Result<bool, IndexError> {
        Ok(self.next(tally)?.is_some())
    }
}

/// How far a file was read.
pub(crate) struct Tally {
    pub(crate) path: PathBuf,
    pub(crate) progress: InputProgress,
    pub(crate) hash: Sha256,
}

impl Tally {
    /// Counts bytes that became entries.
    pub(crate) fn consume(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.progress.consumed_bytes += bytes.len() as u64;
    }

    /// The error for a file that cannot be read on.
    pub(crate) fn unreadable(&self, source: io::Error) -> IndexError {
        IndexError::Read { path: self.path.clone(), line: self.progress.lines, source }
    }
}

/// A place in an input.
pub(crate) struct Position {
    hash: Sha256,
    consumed_bytes: u64,
    lines: u64,
}

/// An open input and how far it was read.
pub struct Input {
    pub(crate) tally: Tally,
    entries: Box<dyn Entries>,
}

impl Input {
    /// Opens a file at its start, without dense fields: their keys are keys like any other.
    ///
    /// Errors: `Read`; `Malformed` where the first bytes already contradict the format.
    pub fn open(input: &InputFile) -> Result<Self, IndexError> {
        Self::open_with(input, &Arc::from([]))
    }

    /// As [`Input::open`], for an index with these dense fields.
    pub(crate) fn open_with(
        input: &InputFile,
        dense: &Arc<[DenseField]>,
    ) -> Result<Self, IndexError> {
        let InputFile { path, kind, terms } = input;
        let failed = |source| IndexError::Read { path: path.clone(), line: 0, source };
        let size_bytes = std::fs::metadata(path).map_err(failed)?.len();
        let (terms, fields) = (terms.clone(), Arc::clone(dense));
        let texts = move |line: &[u8]| Given::parse_text(line, &fields);
        let fields = Arc::clone(dense);
        let vectors = move |line: &[u8]| Given::parse_vector(line, terms.as_ref(), &fields);
        let entries: Box<dyn Entries> = match kind {
            InputKind::Texts => Box::new(Lines::open(path, texts).map_err(failed)?),
            InputKind::VectorsJsonl => Box::new(Lines::open(path, vectors).map_err(failed)?),
            InputKind::Vectors => Box::new(Rows::open(path)?),
            InputKind::Ciff => Box::new(CiffRows::open(path, input.terms.clone())?),
        };
        let absolute = path.canonicalize().map_err(failed)?;
        let progress = InputProgress {
            path: absolute.to_string_lossy().into_owned(),
            size_bytes,
            consumed_bytes: 0,
            consumed_sha256: hex(Sha256::new()),
            lines: 0,
            documents: 0,
            rejected: 0,
            complete: false,
        };
        Ok(Self { tally: Tally { path: path.clone(), progress, hash: Sha256::new() }, entries })
    }

    /// Goes to where an earlier run stopped, after proving that everything before is unchanged.
    ///
    /// Errors: `ChangedInput`, `Read`, `Malformed`.
    pub fn resume(&mut self, earlier: &InputProgress) -> Result<(), IndexError> {
        let (path, lines) = (self.tally.path.clone(), earlier.lines);
        let changed = |reason| Err(IndexError::ChangedInput { path, lines, reason });
        let size_bytes = self.tally.progress.size_bytes;
        if earlier.complete && earlier.size_bytes != size_bytes {
            return changed("its size differs");
        }
        if let Some(reason) = self.entries.pass_over(earlier, &mut self.tally)? {
            return changed(reason);
        }
        if hex(self.tally.hash.clone()) != earlier.consumed_sha256 {
            return changed("its content differs");
        }
        self.tally.progress = InputProgress { size_bytes, ..earlier.clone() };
        Ok(())
    }

    /// Whether there is a line that is not blank, or a row; reading may move on by one.
    ///
    /// Errors: `Read`, `Malformed`.
    pub fn has_entries(&mut self) -> Result<bool, IndexError> {
        self.entries.has_entries(&mut self.tally)
    }

    /// The next document, or why its line or row makes none; `None` at the end of the file.
    ///
    /// Errors: `Read`, `Malformed`.
    pub fn next_document(&mut self) -> Result<Option<Result<Given, Rejection>>, IndexError> {
        let entry = self.next()?;
        Ok(entry.map(|entry| entry.map_err(|reason| self.rejection(reason))))
    }

    /// The file as given.
    pub fn path(&self) -> &Path {
        &self.tally.path
    }

    /// The next entry; `None` at the end of the file, which is then complete.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>, IndexError> {
        let entry = self.entries.next(&mut self.tally)?;
        self.tally.progress.complete |= entry.is_none();
        Ok(entry)
    }

    /// The refusal of the entry read last.
    pub(crate) fn rejection(&self, reason: String) -> Rejection {
        let place = self.entries.place(self.tally.progress.lines);
        Rejection { file: self.tally.path.clone(), place, reason }
    }

    /// Progress up to the last entry read; its documents and rejects are the caller's to count.
    pub(crate) fn progress(&mut self) -> &mut InputProgress {
        &mut self.tally.progress
    }

    /// Bytes read from the file itself so far.
    pub(crate) fn read_bytes(&self) -> u64 {
        self.entries.read_bytes()
    }

    /// Where reading stands, to come back to with [`Input::forget_after`].
    pub(crate) fn position(&self) -> Position {
        let InputProgress { consumed_bytes, lines, .. } = self.tally.progress;
        Position { hash: self.tally.hash.clone(), consumed_bytes, lines }
    }

    /// Reports progress as if nothing had been read since `position`. Reading cannot go on.
    pub(crate) fn forget_after(&mut self, position: Position) {
        self.tally.hash = position.hash;
        let progress = &mut self.tally.progress;
        progress.consumed_bytes = position.consumed_bytes;
        progress.lines = position.lines;
        progress.complete = false;
    }

    /// Progress with the checksum brought up to date.
    pub(crate) fn mark(&mut self) -> InputProgress {
        self.tally.progress.consumed_sha256 = hex(self.tally.hash.clone());
        self.tally.progress.clone()
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The term id that a token means: what the vocabulary says, or its own digits.
///
/// Errors: the token and the remedy.
pub fn term_of(token: &str, terms: Option<&Terms>) -> Result<u32, String> {
    if let Some(terms) = terms {
        return terms(token).ok_or_else(|| {
            format!("the model's vocabulary has no token {token:?} (without --model, tokens are term ids)")
        });
    }
    let is_number = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
    match token.parse() {
        Ok(term) if is_number => Ok(term),
        Err(_) if is_number => {
            Err(format!("the token {token:?} is above the largest term id, {}", u32::MAX))
        }
        _ => Err(format!(
            "the token {token:?} is no term id; name the model that knows it with --model, or write \
             term ids"
        )),
    }
}
