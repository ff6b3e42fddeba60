//! `gleaner encode`: texts in, vectors out, in the formats other engines read.
//!
//! Texts are read, encoded and written chunk by chunk. Memory does not grow with the input for
//! formats of one line a text. The binary formats start with their counts: their vectors wait for
//! the end.

mod dense;
mod provenance;
mod sink;

use gleaner::{
    Side,
    model::{Encoders, ModelKind},
};

use sink::Sink;

use crate::{
    args::EncodeArgs,
    failure::Failure,
    io::{
        interrupt::{is_stop_asked, stop_on_signal},
        lines::{CHUNK_TEXTS, Documents},
        model_folder,
        progress::EncodingProgress,
    },
};

/// `gleaner encode`
pub(crate) fn run(args: &EncodeArgs) -> anyhow::Result<()> {
    let side = Side::from(args.side);
    match ModelKind::of(&args.model)? {
        ModelKind::Sparse => run_sparse(args, side),
        ModelKind::Dense => dense::run(args, side),
    }
}

/// `gleaner encode` with a sparse model.
fn run_sparse(args: &EncodeArgs, side: Side) -> anyhow::Result<()> {
    let model = model_folder::open(&args.model, args.query_encoder, &args.runtime)?;
    if args.provenance {
        return provenance::run(args, &model, side);
    }
    let mut encoders = Encoders::open(&model, args.threads)?;
    let mut documents = Documents::open(&args.input)?;
    let mut sink = Sink::open(args, &model, &mut documents)?;
    stop_on_signal()?;
    let mut progress = EncodingProgress::new(sink.texts());
    loop {
        let chunk = documents.next_chunk(CHUNK_TEXTS * encoders.threads())?;
        if chunk.is_empty() {
            break;
        }
        let texts: Vec<&str> = chunk.iter().map(|document| &document.text[..]).collect();
        let vectors = encoders.encode(side, &texts)?;
        sink.write(&model, &chunk, vectors)?;
        sink.commit(chunk.len(), &documents)?;
        progress.add(chunk.len());
        if is_stop_asked() {
            let (texts, resumable) = (progress.texts(), sink.is_resumable());
            return Err(Failure::EncodingInterrupted { texts, resumable }.into());
        }
    }
    progress.say();
    sink.finish(&model)
}
