//! `encode --provenance`: which word of a text gave every term its weight.

use std::io::Write;

use gleaner::{Model, Side, exchange::ReadDocument};

use crate::{
    args::EncodeArgs,
    io::{
        lines::{CHUNK_TEXTS, Documents},
        output::create,
    },
};

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
pub(super) fn run(args: &EncodeArgs, model: &Model, side: Side) -> anyhow::Result<()> {
    let mut encoder = model.encoder(args.threads.unwrap_or(0))?;
    let mut documents = Documents::open(&args.input)?;
    let mut out = create(&args.out)?;
    loop {
        let chunk = documents.next_chunk(CHUNK_TEXTS)?;
        if chunk.is_empty() {
            return out.finish();
        }
        for ReadDocument { id, text, .. } in &chunk {
            let traced = encoder.encode_with_provenance(side, text)?;
            let pairs = traced.vector.iter().zip(traced.sources);
            let mut terms: Vec<TracedTerm<'_>> = pairs
                .map(|((id, weight), source)| TracedTerm {
                    token: model.term_text(id),
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
