//! What `model inspect` and `encode` do with a dense model.
//!
//! Dense vectors are written as JSON lines only. `dense_fields.rs` is how an index comes to hold them.

use std::{io::Write, path::Path, sync::atomic::Ordering};

use gleaner_encoder::{DenseCard, DenseEncoder, DenseModel, Runtime, Side};
use serde_json::{Value, json};

use crate::{
    args::{EncodeArgs, InspectModelArgs, RuntimeArgs, VectorFormat},
    encode::{CHUNK_TEXTS, Progress, create, encode_all},
    failure::Failure,
    index::{STOP, stop_on_signal},
    lines::Documents,
    model::{print_tensors, threads},
    output::stdout,
    vectors::id_value,
};

/// Numbers of a vector shown to people.
const NUMBERS_SHOWN: usize = 6;

/// Opens a dense model folder named on the command line.
pub(crate) fn open(folder: &Path, runtime: &RuntimeArgs) -> anyhow::Result<DenseModel> {
    let runtime = Runtime::load(runtime.ort_lib.as_deref())?;
    Ok(DenseModel::open(folder, &runtime)?)
}

/// What became of a text on one side.
#[derive(serde::Serialize)]
struct Embedded {
    side: Side,
    /// The vector's length.
    norm: f64,
    vector: Vec<f32>,
}

/// `gleaner model inspect` of a dense folder.
pub(crate) fn inspect(args: &InspectModelArgs) -> anyhow::Result<()> {
    refuse(&[("--query-encoder", args.query_encoder.is_some())])?;
    let model = open(&args.model.folder, &args.model.runtime)?;
    let mut encoder = model.encoder(1)?;
    let embed = |side| -> anyhow::Result<Embedded> {
        let vector = encoder.encode(side, &[&args.text])?.into_values();
        let norm = vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        Ok(Embedded { side, norm, vector })
    };
    let embedded =
        [Side::Query, Side::Document].into_iter().map(embed).collect::<anyhow::Result<Vec<_>>>()?;
    let mut out = stdout();
    if args.model.json {
        let mut report = serde_json::to_value(model.card())?;
        report["text"] = json!(args.text);
        report["vectors"] = serde_json::to_value(embedded)?;
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(out.flush()?);
    }
    print_card(&mut out, model.card())?;
    writeln!(out, "text          {:?}", args.text)?;
    for Embedded { side, norm, vector } in &embedded {
        let side = if *side == Side::Query { "query" } else { "document" };
        let numbers = vector.iter().take(NUMBERS_SHOWN).map(|value| format!("{value:.4}"));
        let numbers = numbers.collect::<Vec<_>>().join(", ");
        writeln!(out, "  {side:<11} length {norm:.4}, {numbers}, …")?;
    }
    Ok(out.flush()?)
}

fn print_card(out: &mut impl Write, card: &DenseCard) -> anyhow::Result<()> {
    writeln!(out, "model         {} (dense)", card.folder.display())?;
    writeln!(out, "fingerprint   {}", card.fingerprint)?;
    writeln!(out, "graph         {} ({} bytes)", card.graph.display(), card.graph_bytes)?;
    writeln!(out, "dimensions    {}", card.dims)?;
    writeln!(out, "pooling       {} ({})", card.pooling.name(), card.output)?;
    writeln!(out, "normalised    {}", if card.normalize { "yes" } else { "not after the graph" })?;
    let lengths = card.max_length;
    writeln!(out, "max length    queries {}, documents {}", lengths.query, lengths.document)?;
    for (name, side) in [("queries", &card.query), ("documents", &card.document)] {
        if side.template != "{text}" {
            writeln!(out, "{name:<13} {:?}", side.template)?;
        }
    }
    writeln!(out, "batching      {:?}", card.batching)?;
    print_tensors(out, &card.inputs, &card.outputs)?;
    let (version, path) = (&card.runtime_version, card.runtime.display());
    Ok(writeln!(out, "runtime       ONNX Runtime {version} at {path}")?)
}

/// `gleaner encode` with a dense model: a line per text.
pub(crate) fn encode(args: &EncodeArgs, side: Side) -> anyhow::Result<()> {
    refuse(&[
        ("--query-encoder", args.query_encoder.is_some()),
        ("--provenance", args.provenance),
        ("--resume", args.resume),
    ])?;
    let is_bare = match args.format {
        VectorFormat::Tei => true,
        VectorFormat::VectorsJsonl => false,
        _ => {
            let message = "this model is dense: --format tei or vectors-jsonl";
            return Err(Failure::Usage(message.to_owned()).into());
        }
    };
    let model = open(&args.model, &args.runtime)?;
    let workers = 0..threads(args.threads);
    let mut encoders =
        workers.map(|_| Ok(model.encoder(1)?)).collect::<anyhow::Result<Vec<DenseEncoder>>>()?;
    let mut documents = Documents::open(&args.input)?;
    let mut out = create(&args.out)?;
    stop_on_signal()?;
    let mut progress = Progress::new(0);
    loop {
        let chunk = documents.next_chunk(CHUNK_TEXTS * encoders.len())?;
        if chunk.is_empty() {
            break;
        }
        let encode = |encoder: &mut DenseEncoder, texts: &[&str]| encoder.encode(side, texts);
        let parts = encode_all(&mut encoders, &chunk, encode)?;
        let rows = parts.iter().flat_map(|part| part.rows());
        for (document, row) in chunk.iter().zip(rows) {
            writeln!(out, "{}", line((!is_bare).then_some(&document.id), row)?)?;
        }
        out.flush()?;
        progress.add(chunk.len());
        if STOP.load(Ordering::Relaxed) {
            let texts = progress.texts;
            return Err(Failure::EncodingInterrupted { texts, resumable: false }.into());
        }
    }
    progress.say();
    out.finish()
}

/// `{"id": …, "vector": […]}`, or the numbers alone; each as the shortest decimal that is it.
pub(crate) fn line(id: Option<&String>, row: &[f32]) -> anyhow::Result<String> {
    let numbers = serde_json::to_string(row)?;
    Ok(match id {
        Some(id) => {
            let id: Value = id_value(id);
            format!("{{\"id\":{id},\"vector\":{numbers}}}")
        }
        None => numbers,
    })
}

/// Refuses flags that mean nothing to a dense model.
fn refuse(flags: &[(&str, bool)]) -> anyhow::Result<()> {
    match flags.iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => {
            Err(Failure::Usage(format!("{flag} is for sparse models, and this one is dense"))
                .into())
        }
        None => Ok(()),
    }
}
