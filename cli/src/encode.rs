//! `gleaner encode`: texts in, vectors out, in the formats other engines read.

use std::io::Write;

use gleaner_encoder::{Encoder, Model, Side, SparseVector};
use gleaner_format::{CiffBuilder, write_vectors};
use gleaner_indexer::{CHUNK_DOCUMENTS, Document};

use crate::{
    args::{EncodeArgs, SideArg, VectorFormat},
    lines::Documents,
    model,
    vectors::{anserini_line, create, push_ciff, seismic_line, tei_line, write_ciff},
};

pub(crate) fn run(args: &EncodeArgs) -> anyhow::Result<()> {
    let model = model::open(&args.model, args.query_encoder, &args.runtime)?;
    let side = match args.side {
        SideArg::Query => Side::Query,
        SideArg::Document => Side::Document,
    };
    if args.provenance {
        return provenance(args, &model, side);
    }
    let threads = model::threads(args.threads);
    let mut encoders =
        (0..threads).map(|_| Ok(model.encoder(1)?)).collect::<anyhow::Result<Vec<Encoder>>>()?;
    let mut documents = Documents::open(&args.input)?;
    let mut out = create(&args.out)?;
    // The binary formats start with their counts, so their vectors wait for the end.
    let (mut kept, mut lists) = (Vec::new(), CiffBuilder::new());
    let mut encoded = 0;
    loop {
        let chunk = documents.next_chunk(CHUNK_DOCUMENTS * threads)?;
        if chunk.is_empty() {
            break;
        }
        let vectors = encode_all(&mut encoders, side, &chunk)?;
        match args.format {
            VectorFormat::Vectors => kept.extend(vectors),
            VectorFormat::Ciff => {
                let mut pairs = chunk.iter().zip(&vectors);
                pairs.try_for_each(|(document, vector)| {
                    push_ciff(&mut lists, document.id.clone(), vector)
                })?;
            }
            _ => write_lines(&mut out, &model, args.format, &chunk, &vectors)?,
        }
        encoded += chunk.len();
        eprintln!("{encoded} texts encoded");
    }
    match args.format {
        VectorFormat::Vectors => {
            write_vectors(&kept, model.card().vocabulary_size as u32, &mut out)?;
        }
        VectorFormat::Ciff => write_ciff(&lists, token_of(&model), &mut out)?,
        _ => {}
    }
    Ok(out.flush()?)
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
        let chunk = documents.next_chunk(CHUNK_DOCUMENTS)?;
        if chunk.is_empty() {
            return Ok(out.flush()?);
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

/// Encodes a chunk on all encoders at once; vectors in the order of the documents.
fn encode_all(
    encoders: &mut [Encoder],
    side: Side,
    documents: &[Document],
) -> anyhow::Result<Vec<SparseVector>> {
    let share = documents.len().div_ceil(encoders.len()).max(1);
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = documents
            .chunks(share)
            .zip(encoders)
            .map(|(part, encoder)| {
                let texts: Vec<&str> = part.iter().map(|document| &document.text[..]).collect();
                scope.spawn(move || encoder.encode(side, &texts))
            })
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(parts.into_iter().flatten().collect())
}

fn write_lines(
    out: &mut impl Write,
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
