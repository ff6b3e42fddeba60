//! `gleaner model …`, and opening the model that an index belongs to.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use gleaner_encoder::{
    Before, EncodeError, Encoder, Layout, Model, ModelCard, ModelKind, OptimizeOptions, Runtime,
    Side, SideCard, SideEncoder, SparseVector, TensorCard, Windows,
};
use gleaner_indexer::Vocabulary;
use gleaner_searcher::{LongTexts, Snapshot};

use crate::{
    args::{
        InspectModelArgs, ModelArgs, OptimizeArgs, QueryEncoderArg, QueryModelArgs, RuntimeArgs,
    },
    dense,
    failure::{Failure, model_error},
    output::stdout,
};

/// Terms of a vector shown to people.
const TERMS_SHOWN: usize = 12;

impl From<QueryEncoderArg> for SideEncoder {
    fn from(arg: QueryEncoderArg) -> Self {
        match arg {
            QueryEncoderArg::Graph => Self::Graph,
            QueryEncoderArg::Idf => Self::Idf,
            QueryEncoderArg::Ones => Self::Ones,
            QueryEncoderArg::Embedding => Self::Embedding,
        }
    }
}

/// Opens a model folder named on the command line.
pub(crate) fn open(
    folder: &Path,
    query: Option<QueryEncoderArg>,
    runtime: &RuntimeArgs,
) -> anyhow::Result<Model> {
    let runtime = Runtime::load(runtime.ort_lib.as_deref())?;
    Ok(Model::open_with(folder, &runtime, query.map(SideEncoder::from))?)
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
    let model = Model::open_with(&folder, &runtime, args.query_encoder.map(SideEncoder::from))
        .map_err(|error| model_error(error, args.model.is_none()))?;
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

/// A model as the vocabulary of given vectors.
struct ModelVocabulary(Model);

impl Vocabulary for ModelVocabulary {
    fn term(&self, token: &str) -> Option<u32> {
        self.0.term(token)
    }
}

/// What token texts mean to a model.
pub(crate) fn terms(model: &Model) -> Arc<dyn Vocabulary> {
    Arc::new(ModelVocabulary(model.clone()))
}

/// The windows that texts are encoded in, if they are.
pub(crate) fn windows(long: LongTexts) -> Option<Windows> {
    match long {
        LongTexts::Cut => None,
        LongTexts::Max { window, overlap } | LongTexts::Passages { window, overlap } => {
            Some(Windows { length: window, overlap })
        }
    }
}

/// As many threads as asked for, or as there are cores.
pub(crate) fn threads(asked: Option<usize>) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    asked.unwrap_or_else(cores).max(1)
}

/// The words of a text that gave a vector's terms their weights, where that is known.
pub(crate) fn words(
    encoder: &mut Encoder,
    side: Side,
    text: &str,
) -> anyhow::Result<Option<Vec<(u32, String)>>> {
    let traced = match encoder.encode_with_provenance(side, text) {
        Err(EncodeError::NoProvenance { .. }) => return Ok(None),
        traced => traced?,
    };
    let named = traced.sources.into_iter().filter_map(|source| {
        let word = text.get(source.word?)?;
        Some((source.term, word.to_owned()))
    });
    Ok(Some(named.collect()))
}

/// `gleaner model inspect`
pub(crate) fn inspect(args: &InspectModelArgs) -> anyhow::Result<()> {
    if ModelKind::of(&args.model.folder)? == ModelKind::Dense {
        return dense::inspect(args);
    }
    let model = open(&args.model.folder, args.query_encoder, &args.model.runtime)?;
    let mut encoder = model.encoder(1)?;
    let mut statistics = Vec::new();
    for side in [Side::Query, Side::Document] {
        let vector = encoder.encode(side, &[&args.text])?.pop().unwrap_or_default();
        statistics.push((side, Sparsity::of(&vector, &model)));
    }
    let card = model.card();
    let mut out = stdout();
    if args.model.json {
        let report = Inspection { card, text: &args.text, sparsity: &statistics };
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
        return Ok(out.flush()?);
    }
    print_card(&mut out, card)?;
    writeln!(out, "text          {:?}", args.text)?;
    for (side, sparsity) in &statistics {
        let side = side_name(*side);
        writeln!(
            out,
            "  {side:<11} {} terms of {} ({:.3} %), weights {:.4} to {:.4}, sum {:.2}",
            sparsity.terms,
            card.vocabulary_size,
            100.0 * sparsity.share,
            sparsity.smallest,
            sparsity.largest,
            sparsity.sum
        )?;
        let heaviest = &sparsity.heaviest;
        let heaviest = heaviest.iter().map(|(token, weight)| format!("{token} {weight:.2}"));
        writeln!(out, "              {}", heaviest.collect::<Vec<_>>().join(", "))?;
    }
    Ok(out.flush()?)
}

/// The card, and what became of a text.
#[derive(serde::Serialize)]
struct Inspection<'a> {
    #[serde(flatten)]
    card: &'a ModelCard,
    text: &'a str,
    sparsity: &'a [(Side, Sparsity)],
}

/// How sparse a vector is.
#[derive(serde::Serialize)]
struct Sparsity {
    terms: usize,
    /// Terms over all there are.
    share: f64,
    smallest: f32,
    largest: f32,
    sum: f64,
    heaviest: Vec<(String, f32)>,
}

impl Sparsity {
    fn of(vector: &SparseVector, model: &Model) -> Self {
        let mut terms: Vec<(u32, f32)> = vector.iter().collect();
        terms.sort_by(|a, b| b.1.total_cmp(&a.1));
        let name = |&(term, weight): &(u32, f32)| {
            (model.token(term).map_or_else(|| format!("#{term}"), str::to_owned), weight)
        };
        Self {
            terms: terms.len(),
            share: terms.len() as f64 / model.card().vocabulary_size.max(1) as f64,
            smallest: terms.last().map_or(0.0, |term| term.1),
            largest: terms.first().map_or(0.0, |term| term.1),
            // The sum of nothing is negative zero.
            sum: terms.iter().map(|term| f64::from(term.1)).sum::<f64>() + 0.0,
            heaviest: terms.iter().take(TERMS_SHOWN).map(name).collect(),
        }
    }
}

fn side_name(side: Side) -> &'static str {
    match side {
        Side::Query => "query",
        Side::Document => "document",
    }
}

fn print_card(out: &mut impl Write, card: &ModelCard) -> anyhow::Result<()> {
    writeln!(out, "model         {}", card.folder.display())?;
    writeln!(out, "fingerprint   {}", card.fingerprint)?;
    writeln!(out, "vocabulary    {} ({:?})", card.vocabulary_size, card.unit)?;
    for (name, side) in [("queries", &card.query), ("documents", &card.document)] {
        print_side(out, name, side)?;
    }
    writeln!(out, "batching      {:?}", card.batching)?;
    print_tensors(out, &card.inputs, &card.outputs)?;
    let (version, path) = (&card.runtime_version, card.runtime.display());
    writeln!(out, "runtime       ONNX Runtime {version} at {path}")?;
    Ok(())
}

/// The inputs and outputs of a graph.
pub(crate) fn print_tensors(
    out: &mut impl Write,
    inputs: &[TensorCard],
    outputs: &[TensorCard],
) -> anyhow::Result<()> {
    for input in inputs {
        writeln!(out, "input         {} {} {:?}", input.name, input.element, input.shape)?;
    }
    for output in outputs {
        writeln!(out, "output        {} {} {:?}", output.name, output.element, output.shape)?;
    }
    Ok(())
}

fn print_side(out: &mut impl Write, name: &str, side: &SideCard) -> anyhow::Result<()> {
    let file = side.file.as_ref().map_or_else(String::new, |file| file.display().to_string());
    writeln!(out, "{name:<13} {} {file}", side.encoder.name())?;
    // A table is looked up: there is nothing to pool or to activate.
    if side.layout != Layout::Lookup {
        let SideCard { layout, pooling, activation, .. } = side;
        writeln!(out, "  layout      {layout:?}, pooling {pooling:?}, activation {activation:?}")?;
    }
    writeln!(out, "  max length  {}", side.max_length)?;
    if side.template != "{text}" {
        writeln!(out, "  template    {:?}", side.template)?;
    }
    if !side.prune.is_nothing() {
        writeln!(out, "  pruned      {}", serde_json::to_string(&side.prune)?)?;
    }
    Ok(writeln!(out, "  fingerprint {}", side.fingerprint)?)
}

/// `gleaner model selftest`
pub(crate) fn selftest(args: &ModelArgs) -> anyhow::Result<()> {
    let test = match ModelKind::of(&args.folder)? {
        ModelKind::Sparse => open(&args.folder, None, &args.runtime)?.selftest()?,
        ModelKind::Dense => dense::open(&args.folder, &args.runtime)?.selftest()?,
    };
    let mut out = stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&test)?)?;
    } else {
        let verdict = if test.passed { "passed" } else { "FAILED" };
        let against = match test.has_golden {
            true => format!(
                "largest error {:.2e} of {:.0e} allowed",
                test.largest_error, test.tolerance
            ),
            false => "no golden vectors: only batches were checked".to_owned(),
        };
        writeln!(
            out,
            "{verdict}: {} texts, {against}, largest difference between batches {:.2e}",
            test.texts, test.largest_batch_difference
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
    if let Some(Before { fingerprint, settings }) = &made.before {
        eprintln!(
            "warning: indexes built with {fingerprint} must be built again; to go back, restore \
             its settings: mv {} {}",
            settings.display(),
            made.folder.join("gleaner.toml").display()
        );
    }
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
