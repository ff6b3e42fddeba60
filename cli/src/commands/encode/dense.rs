//! `gleaner encode` with a dense model, whose vectors are written as JSON lines only.

use std::io::Write;

use gleaner::{Side, model::DenseEncoders};

use crate::{
    args::{EncodeArgs, VectorFormat},
    failure::Failure,
    io::{
        interrupt::{is_stop_asked, stop_on_signal},
        lines::{CHUNK_TEXTS, Documents},
        model_folder::{open_dense, refuse_sparse_flags},
        output::create,
        progress::EncodingProgress,
        vectors::dense_line,
    },
};

/// `gleaner encode` with a dense model: a line per text.
pub(super) fn run(args: &EncodeArgs, side: Side) -> anyhow::Result<()> {
    refuse_sparse_flags(&[
        ("--query-encoder", args.query_encoder.is_some()),
        ("--provenance", args.provenance),
        ("--resume", args.resume),
    ])?;
    let is_bare = match args.format {
        VectorFormat::Tei => true,
        VectorFormat::VectorsJsonl => false,
        VectorFormat::Anserini | VectorFormat::Vectors | VectorFormat::Ciff => {
            let message = "this model is dense: --format tei or vectors-jsonl";
            return Err(Failure::Usage(message.to_owned()).into());
        }
    };
    let model = open_dense(&args.model, &args.runtime)?;
    let mut encoders = DenseEncoders::open(&model, args.threads)?;
    let mut documents = Documents::open(&args.input)?;
    let mut out = create(&args.out)?;
    stop_on_signal()?;
    let mut progress = EncodingProgress::new(0);
    loop {
        let chunk = documents.next_chunk(CHUNK_TEXTS * encoders.threads())?;
        if chunk.is_empty() {
            break;
        }
        let texts: Vec<&str> = chunk.iter().map(|document| &document.text[..]).collect();
        let parts = encoders.encode(side, &texts)?;
        let rows = parts.iter().flat_map(|part| part.rows());
        for (document, row) in chunk.iter().zip(rows) {
            writeln!(out, "{}", dense_line((!is_bare).then_some(&document.id), row)?)?;
        }
        out.flush()?;
        progress.add(chunk.len());
        if is_stop_asked() {
            let texts = progress.texts();
            return Err(Failure::EncodingInterrupted { texts, resumable: false }.into());
        }
    }
    progress.say();
    out.finish()
}
