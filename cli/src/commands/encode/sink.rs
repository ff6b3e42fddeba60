//! Where the vectors of `encode` go: lines as they come, or vectors that wait for the end.

use std::io::Write;

use gleaner::{
    Model, SparseVector,
    exchange::{CiffWriter, ReadDocument, write_vectors},
};

use crate::{
    args::{EncodeArgs, SideArg},
    failure::Failure,
    io::{
        lines::{CHUNK_TEXTS, Documents},
        output::{Finish, check_name, create, is_special, is_standard_stream},
        resumable_file::{LineOrigin, ResumableFile},
        vectors::{FileShape, LineFormat, push_ciff, write_ciff},
    },
};

/// Where vectors go.
pub(super) enum Sink {
    /// Lines to a file of our own.
    File(LineFormat, ResumableFile),
    /// Lines to stdout, or to something that cannot be replaced.
    Stream(LineFormat, Box<dyn Finish>),
    /// Vectors that wait for their count.
    Rows(Vec<SparseVector>, Box<dyn Finish>),
    /// Vectors that wait to be turned into lists.
    Lists(CiffWriter, Box<dyn Finish>),
}

impl Sink {
    /// Begins the output, or goes on with the one of an interrupted run.
    ///
    /// Errors: `Usage` where `--resume` cannot be; `CannotResume`; what cannot be written.
    pub(super) fn open(
        args: &EncodeArgs,
        model: &Model,
        documents: &mut Documents,
    ) -> anyhow::Result<Self> {
        let (path, is_stdout) = (&args.out, is_standard_stream(&args.out));
        let line = match FileShape::of(args.format) {
            FileShape::Lines(line) => Some(line),
            FileShape::Rows | FileShape::Lists => None,
        };
        let is_replaceable = !is_stdout && !is_special(path);
        if args.resume && (!is_replaceable || line.is_none()) {
            let message = "--resume needs `--out FILE` and a format of one line a text: \
                           tei, anserini or vectors-jsonl";
            return Err(Failure::Usage(message.to_owned()).into());
        }
        if let Some(line) = line.filter(|_| is_replaceable) {
            let made_by = LineOrigin {
                model: match args.side {
                    SideArg::Query => model.card().query.fingerprint.clone(),
                    SideArg::Document => model.fingerprint().to_owned(),
                },
                side: args.side,
                format: args.format,
            };
            check_name(path)?;
            let file = ResumableFile::open(path, made_by, args.resume)?;
            if args.resume {
                pass_over(&file, documents)?;
            }
            return Ok(Self::File(line, file));
        }
        let out = create(path)?;
        Ok(match FileShape::of(args.format) {
            FileShape::Lines(line) => Self::Stream(line, out),
            FileShape::Rows => Self::Rows(Vec::new(), out),
            FileShape::Lists => Self::Lists(CiffWriter::new(), out),
        })
    }

    /// Texts that an earlier run has written.
    pub(super) fn texts(&self) -> u64 {
        match self {
            Self::File(_, file) => file.state().texts,
            Self::Stream(..) | Self::Rows(..) | Self::Lists(..) => 0,
        }
    }

    /// Takes the vectors of a chunk.
    pub(super) fn write(
        &mut self,
        model: &Model,
        documents: &[ReadDocument],
        vectors: Vec<SparseVector>,
    ) -> anyhow::Result<()> {
        match self {
            Self::File(line, file) => write_lines(file, model, *line, documents, &vectors),
            Self::Stream(line, out) => write_lines(out, model, *line, documents, &vectors),
            Self::Rows(rows, _) => {
                rows.extend(vectors);
                Ok(())
            }
            Self::Lists(lists, _) => {
                let mut pairs = documents.iter().zip(&vectors);
                pairs.try_for_each(|(document, vector)| {
                    push_ciff(lists, document.id.clone(), vector)
                })
            }
        }
    }

    /// States that a chunk is written, so that another run can go on behind it.
    pub(super) fn commit(&mut self, texts: usize, documents: &Documents) -> anyhow::Result<()> {
        match self {
            Self::File(_, file) => file.commit(texts as u64, documents.hash()),
            Self::Stream(_, out) => Ok(out.flush()?),
            Self::Rows(..) | Self::Lists(..) => Ok(()),
        }
    }

    /// Whether an interrupted run can be gone on with.
    pub(super) fn is_resumable(&self) -> bool {
        match self {
            Self::File(..) => true,
            Self::Stream(..) | Self::Rows(..) | Self::Lists(..) => false,
        }
    }

    /// Writes what waited for the end, and puts the output in its place.
    pub(super) fn finish(self, model: &Model) -> anyhow::Result<()> {
        match self {
            Self::File(_, file) => file.finish(),
            Self::Stream(_, out) => out.finish(),
            Self::Rows(rows, mut out) => {
                write_vectors(&rows, model.card().vocabulary_size as u32, &mut out)?;
                out.finish()
            }
            Self::Lists(lists, mut out) => {
                write_ciff(&lists, Some(model), &mut out)?;
                out.finish()
            }
        }
    }
}

/// Reads what an earlier run has encoded, and proves that it is unchanged.
fn pass_over(file: &ResumableFile, documents: &mut Documents) -> anyhow::Result<()> {
    let state = file.state();
    let mut left = state.texts;
    while left > 0 {
        let read = documents.next_chunk(usize::try_from(left)?.min(CHUNK_TEXTS))?.len() as u64;
        if read == 0 {
            break;
        }
        left -= read;
    }
    if left > 0 || state.texts > 0 && documents.hash() != state.input_sha256 {
        let reason = format!("the input's first {} texts are not those it had", state.texts);
        return Err(Failure::CannotResume { reason }.into());
    }
    say!("{} texts found encoded; they are not encoded again", state.texts);
    Ok(())
}

fn write_lines(
    out: &mut impl Write,
    model: &Model,
    format: LineFormat,
    documents: &[ReadDocument],
    vectors: &[SparseVector],
) -> anyhow::Result<()> {
    let token = |term| model.term_text(term);
    for (document, vector) in documents.iter().zip(vectors) {
        let line = format.line(&document.id, &document.text, vector, token);
        writeln!(out, "{line}")?;
    }
    Ok(())
}
