//! `gleaner encode`: texts in, vectors out, in the formats other engines read.
//!
//! Texts are read, encoded and written chunk by chunk, so memory does not grow with the input for
//! formats of one line a text. The binary formats start with their counts: their vectors wait for
//! the end.

use std::{
    io::Write,
    path::Path,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use clap::ValueEnum;
use gleaner_encoder::{EncodeError, Encoder, Model, ModelKind, Side, SparseVector};
use gleaner_format::{CiffBuilder, write_vectors};
use gleaner_indexer::Document;

use crate::{
    args::{EncodeArgs, SideArg, VectorFormat},
    dense,
    failure::Failure,
    index::{STOP, stop_on_signal},
    lines::Documents,
    model,
    output::{Output, stdout},
    resume::{MadeBy, ResumableFile},
    vectors::{anserini_line, push_ciff, seismic_line, tei_line, write_ciff},
};

/// Texts of a chunk for each thread: enough that those of one length find each other.
pub(crate) const CHUNK_TEXTS: usize = 256;
/// Time between two lines of progress.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

pub(crate) fn run(args: &EncodeArgs) -> anyhow::Result<()> {
    let side = match args.side {
        SideArg::Query => Side::Query,
        SideArg::Document => Side::Document,
    };
    if ModelKind::of(&args.model)? == ModelKind::Dense {
        return dense::encode(args, side);
    }
    let model = model::open(&args.model, args.query_encoder, &args.runtime)?;
    if args.provenance {
        return provenance(args, &model, side);
    }
    let threads = model::threads(args.threads);
    let mut encoders =
        (0..threads).map(|_| Ok(model.encoder(1)?)).collect::<anyhow::Result<Vec<Encoder>>>()?;
    let mut documents = Documents::open(&args.input)?;
    let mut sink = Sink::open(args, &model, &mut documents)?;
    stop_on_signal()?;
    let mut progress = Progress::new(sink.texts());
    loop {
        let chunk = documents.next_chunk(CHUNK_TEXTS * threads)?;
        if chunk.is_empty() {
            break;
        }
        let encode = |encoder: &mut Encoder, texts: &[&str]| encoder.encode(side, texts);
        let vectors = encode_all(&mut encoders, &chunk, encode)?.into_iter().flatten().collect();
        sink.write(&model, args.format, &chunk, vectors)?;
        sink.commit(chunk.len(), &documents)?;
        progress.add(chunk.len());
        if STOP.load(Ordering::Relaxed) {
            let resumable = matches!(sink, Sink::File(_));
            return Err(Failure::EncodingInterrupted { texts: progress.texts, resumable }.into());
        }
    }
    progress.say();
    sink.finish(&model)
}

/// Where vectors go.
enum Sink {
    /// Lines to a file of our own.
    File(ResumableFile),
    /// Lines to stdout, or to something that cannot be replaced.
    Stream(Box<dyn Write>),
    /// Vectors that wait for their count.
    Rows(Vec<SparseVector>, Box<dyn Finish>),
    /// Vectors that wait to be turned into lists.
    Lists(CiffBuilder, Box<dyn Finish>),
}

/// An output that is complete only when that is said.
pub(crate) trait Finish: Write {
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

impl Finish for Output {
    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        Output::finish(*self)
    }
}

impl Finish for crate::output::Stdout {
    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        Ok(self.flush()?)
    }
}

/// A file that appears when it is whole, or stdout for `-`.
pub(crate) fn create(path: &Path) -> anyhow::Result<Box<dyn Finish>> {
    Ok(match path == Path::new("-") {
        true => Box::new(stdout()),
        false => Box::new(Output::create(path)?),
    })
}

impl Sink {
    fn open(args: &EncodeArgs, model: &Model, documents: &mut Documents) -> anyhow::Result<Self> {
        let (path, is_stdout) = (&args.out, args.out == Path::new("-"));
        let has_lines = !matches!(args.format, VectorFormat::Vectors | VectorFormat::Ciff);
        // Devices and pipes are written as they are.
        let is_special = std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
        if args.resume && (is_stdout || is_special || !has_lines) {
            let message = "--resume needs `--out FILE` and a format of one line a text: \
                           tei, anserini or vectors-jsonl";
            return Err(Failure::Usage(message.to_owned()).into());
        }
        if has_lines && !is_stdout && !is_special {
            let name = |value: Option<clap::builder::PossibleValue>| {
                value.map_or_else(String::new, |value| value.get_name().to_owned())
            };
            let made_by = MadeBy {
                model: match args.side {
                    SideArg::Query => model.card().query.fingerprint.clone(),
                    SideArg::Document => model.fingerprint().to_owned(),
                },
                side: name(args.side.to_possible_value()),
                format: name(args.format.to_possible_value()),
            };
            let file = ResumableFile::open(path, made_by, args.resume)?;
            if args.resume {
                pass_over(&file, documents)?;
            }
            return Ok(Self::File(file));
        }
        let out = create(path)?;
        Ok(match args.format {
            VectorFormat::Vectors => Self::Rows(Vec::new(), out),
            VectorFormat::Ciff => Self::Lists(CiffBuilder::new(), out),
            _ => Self::Stream(out),
        })
    }

    /// Texts that an earlier run has written.
    fn texts(&self) -> u64 {
        match self {
            Self::File(file) => file.state().texts,
            _ => 0,
        }
    }

    fn write(
        &mut self,
        model: &Model,
        format: VectorFormat,
        documents: &[Document],
        vectors: Vec<SparseVector>,
    ) -> anyhow::Result<()> {
        let out: &mut dyn Write = match self {
            Self::File(file) => file,
            Self::Stream(out) => out,
            Self::Rows(rows, _) => {
                rows.extend(vectors);
                return Ok(());
            }
            Self::Lists(lists, _) => {
                let mut pairs = documents.iter().zip(&vectors);
                return pairs.try_for_each(|(document, vector)| {
                    push_ciff(lists, document.id.clone(), vector)
                });
            }
        };
        write_lines(out, model, format, documents, &vectors)
    }

    /// States that a chunk is written, so that another run can go on behind it.
    fn commit(&mut self, texts: usize, documents: &Documents) -> anyhow::Result<()> {
        match self {
            Self::File(file) => file.commit(texts as u64, documents.hash()),
            Self::Stream(out) => Ok(out.flush()?),
            Self::Rows(..) | Self::Lists(..) => Ok(()),
        }
    }

    fn finish(self, model: &Model) -> anyhow::Result<()> {
        match self {
            Self::File(file) => file.finish(),
            Self::Stream(mut out) => Ok(out.flush()?),
            Self::Rows(rows, mut out) => {
                write_vectors(&rows, model.card().vocabulary_size as u32, &mut out)?;
                out.finish()
            }
            Self::Lists(lists, mut out) => {
                write_ciff(&lists, token_of(model), &mut out)?;
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
    eprintln!("{} texts found encoded; they are not encoded again", state.texts);
    Ok(())
}

/// Lines on stderr now and then.
pub(crate) struct Progress {
    pub(crate) texts: u64,
    found: u64,
    start: Instant,
    last_line: Instant,
}

impl Progress {
    pub(crate) fn new(found: u64) -> Self {
        let start = Instant::now();
        Self { texts: found, found, start, last_line: start }
    }

    pub(crate) fn add(&mut self, texts: usize) {
        self.texts += texts as u64;
        if self.last_line.elapsed() >= LINE_INTERVAL {
            self.say();
            self.last_line = Instant::now();
        }
    }

    pub(crate) fn say(&self) {
        let seconds = self.start.elapsed().as_secs_f64().max(1e-3);
        let rate = (self.texts - self.found) as f64 / seconds;
        eprintln!("{} texts encoded, {rate:.0}/s", self.texts);
    }
}

/// What gave a term its weight, as it is written.
#[derive(serde::Serialize)]
struct TracedTerm<'a> {
    token: String,
    id: u32,
    weight: f32,
    /// Position of the token, specials counted.
    position: usize,
    /// The word of the text, and its bytes there; null for specials.
    word: Option<&'a str>,
    bytes: Option<std::ops::Range<usize>>,
}

/// `gleaner encode --provenance`: a JSON object per text, heaviest terms first.
fn provenance(args: &EncodeArgs, model: &Model, side: Side) -> anyhow::Result<()> {
    let mut encoder = model.encoder(args.threads.unwrap_or(0))?;
    let mut documents = Documents::open(&args.input)?;
    let mut out = create(&args.out)?;
    let token = token_of(model);
    loop {
        let chunk = documents.next_chunk(CHUNK_TEXTS)?;
        if chunk.is_empty() {
            return out.finish();
        }
        for Document { id, text, .. } in &chunk {
            let traced = encoder.encode_with_provenance(side, text)?;
            let pairs = traced.vector.iter().zip(traced.sources);
            let mut terms: Vec<TracedTerm<'_>> = pairs
                .map(|((id, weight), source)| TracedTerm {
                    token: token(id),
                    id,
                    weight,
                    position: source.position,
                    word: source.word.clone().and_then(|word| text.get(word)),
                    bytes: source.word,
                })
                .collect();
            terms.sort_by(|a, b| b.weight.total_cmp(&a.weight));
            writeln!(out, "{}", serde_json::json!({ "id": id, "terms": terms }))?;
        }
    }
}

/// Encodes a chunk on all encoders at once; what each of them made, in the order of the documents.
pub(crate) fn encode_all<E: Send, R: Send>(
    encoders: &mut [E],
    documents: &[Document],
    encode: impl Fn(&mut E, &[&str]) -> Result<R, EncodeError> + Sync,
) -> anyhow::Result<Vec<R>> {
    let (share, encode) = (documents.len().div_ceil(encoders.len()).max(1), &encode);
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = documents
            .chunks(share)
            .zip(encoders)
            .map(|(part, encoder)| {
                let texts: Vec<&str> = part.iter().map(|document| &document.text[..]).collect();
                scope.spawn(move || encode(encoder, &texts))
            })
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(parts)
}

fn write_lines(
    out: &mut dyn Write,
    model: &Model,
    format: VectorFormat,
    documents: &[Document],
    vectors: &[SparseVector],
) -> anyhow::Result<()> {
    let token = token_of(model);
    for (document, vector) in documents.iter().zip(vectors) {
        let line = match format {
            VectorFormat::Tei => tei_line(vector),
            VectorFormat::Anserini => anserini_line(&document.id, &document.text, vector, &token),
            _ => seismic_line(&document.id, &document.text, vector, &token),
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The text of a term.
fn token_of(model: &Model) -> impl Fn(u32) -> String {
    |term| model.token(term).map_or_else(|| term.to_string(), str::to_owned)
}
