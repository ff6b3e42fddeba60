//! `gleaner model …`, and opening the model that an index belongs to.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use gleaner_encoder::{Encoder, Model, OptimizeOptions, Runtime, Side, SparseVector};
use gleaner_indexer::{DocumentEncoder, Terms};
use gleaner_searcher::Snapshot;

use crate::{
    args::{ModelArgs, OptimizeArgs, QueryModelArgs, RuntimeArgs},
    failure::{Failure, model_error},
    output::stdout,
};

/// Opens a model folder named on the command line.
pub(crate) fn open(folder: &Path, runtime: &RuntimeArgs) -> anyhow::Result<Model> {
    let runtime = Runtime::load(runtime.ort_lib.as_deref())?;
    Ok(Model::open(folder, &runtime)?)
}

/// Opens the model that encodes queries for an index, and proves that it is the right one.
pub(crate) fn open_for(snapshot: &Snapshot, args: &QueryModelArgs) -> anyhow::Result<Model> {
    let bound = snapshot.manifest().model.as_ref();
    let folder = match (&args.model, bound) {
        (Some(folder), _) => folder.clone(),
        (None, Some(bound)) => PathBuf::from(&bound.path),
        (None, None) => return Err(Failure::NoModel.into()),
    };
    if args.model.is_none() && !folder.is_dir() {
        // Said before the runtime is looked for: the nearer cause first.
        return Err(Failure::ModelNotFound { path: folder }.into());
    }
    let runtime = Runtime::load(args.runtime.ort_lib.as_deref())?;
    let model =
        Model::open(&folder, &runtime).map_err(|error| model_error(error, args.model.is_none()))?;
    // An index of given vectors is bound to no model: whoever names one says that it fits.
    match bound {
        Some(bound) if model.fingerprint() != bound.fingerprint => Err(Failure::ModelMismatch {
            index: bound.fingerprint.clone(),
            path: folder,
            model: model.fingerprint().to_owned(),
        }
        .into()),
        _ => Ok(model),
    }
}

/// What token texts mean to a model.
pub(crate) fn terms(model: &Model) -> Terms {
    let model = model.clone();
    Arc::new(move |token| model.term(token))
}

/// One encoding thread of the indexing pipeline.
pub(crate) struct Worker(pub(crate) Encoder);

impl DocumentEncoder for Worker {
    fn encode(
        &mut self,
        texts: &[&str],
    ) -> Result<Vec<SparseVector>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.encode(Side::Document, texts)?)
    }
}

/// As many threads as asked for, or as there are cores.
pub(crate) fn threads(asked: Option<usize>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.unwrap_or_else(cores).max(1)
}

/// `gleaner model inspect`
pub(crate) fn inspect(args: &ModelArgs) -> anyhow::Result<()> {
    let model = open(&args.folder, &args.runtime)?;
    let card = model.card();
    let mut out = stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(card)?)?;
        return Ok(out.flush()?);
    }
    writeln!(out, "model         {}", card.folder.display())?;
    writeln!(out, "fingerprint   {}", card.fingerprint)?;
    writeln!(out, "graph         {} ({} bytes)", card.graph.display(), card.graph_bytes)?;
    writeln!(out, "layout        {:?}", card.layout)?;
    writeln!(out, "pooling       {:?}, activation {:?}", card.pooling, card.activation)?;
    writeln!(
        out,
        "max length    query {}, document {}",
        card.max_length.query, card.max_length.document
    )?;
    writeln!(out, "vocabulary    {}", card.vocabulary_size)?;
    for input in &card.inputs {
        writeln!(out, "input         {} {:?}", input.name, input.shape)?;
    }
    for output in &card.outputs {
        writeln!(out, "output        {} {:?}", output.name, output.shape)?;
    }
    writeln!(
        out,
        "runtime       ONNX Runtime {} at {}",
        card.runtime_version,
        card.runtime.display()
    )?;
    let sample = "What is learned sparse retrieval?";
    let vectors = model.encoder(1)?.encode(Side::Query, &[sample])?;
    let mut terms: Vec<(u32, f32)> = vectors[0].iter().collect();
    terms.sort_by(|a, b| b.1.total_cmp(&a.1));
    let heaviest: Vec<String> = terms
        .iter()
        .take(12)
        .map(|(term, weight)| format!("{} {weight:.2}", model.token(*term).unwrap_or("?")))
        .collect();
    writeln!(
        out,
        "sample        {sample:?} has {} terms: {}, …",
        terms.len(),
        heaviest.join(", ")
    )?;
    Ok(out.flush()?)
}

/// `gleaner model selftest`
pub(crate) fn selftest(args: &ModelArgs) -> anyhow::Result<()> {
    let model = open(&args.folder, &args.runtime)?;
    let test = model.selftest()?;
    let mut out = stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&test)?)?;
    } else {
        let verdict = if test.passed { "passed" } else { "FAILED" };
        writeln!(
            out,
            "{verdict}: {} texts, largest error {:.2e} of {:.0e} allowed, largest difference \
             between batches {:.2e}",
            test.texts, test.largest_error, test.tolerance, test.largest_batch_difference
        )?;
        test.failures.iter().try_for_each(|failure| writeln!(out, "  {failure}"))?;
    }
    out.flush()?;
    if test.passed { Ok(()) } else { Err(Failure::SelfTest.into()) }
}

/// `gleaner model optimize`
pub(crate) fn optimize(args: &OptimizeArgs) -> anyhow::Result<()> {
    let runtime = Runtime::load(args.model.runtime.ort_lib.as_deref())?;
    let options = OptimizeOptions { out: args.out.clone(), is_half: args.half };
    let made = gleaner_encoder::optimize(&args.model.folder, &options, &runtime)?;
    let mut out = stdout();
    if args.model.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&made)?)?;
        return Ok(out.flush()?);
    }
    writeln!(out, "graph         {} ({} bytes)", made.graph.display(), made.graph_bytes)?;
    let bias = made.bias.as_deref().unwrap_or("none");
    writeln!(out, "output layer  matrix {}, bias {bias}", made.matrix)?;
    writeln!(
        out,
        "compared      {} texts on both sides, largest difference {:.2e}",
        made.texts, made.largest_difference
    )?;
    writeln!(out, "fingerprint   {}", made.fingerprint)?;
    Ok(out.flush()?)
}
