//! `gleaner model inspect`: what a sparse model is, and what it makes of a text.
//!
//! A dense folder is `inspect_dense`'s.

use std::io::Write;

use gleaner::{
    Model, Side, SparseVector,
    model::{Layout, ModelCard, ModelKind, SideCard},
};

use super::{
    card::{print_origins, print_tensors, side_name},
    inspect_dense,
};
use crate::{
    args::InspectModelArgs,
    io::{model_folder::open, output::stdout},
};

/// Terms of a vector shown to people.
const TERMS_SHOWN: usize = 12;

/// `gleaner model inspect`
pub(super) fn run(args: &InspectModelArgs) -> anyhow::Result<()> {
    match ModelKind::of(&args.model.folder)? {
        ModelKind::Sparse => run_sparse(args),
        ModelKind::Dense => inspect_dense::run(args),
    }
}

/// `gleaner model inspect` of a sparse folder.
fn run_sparse(args: &InspectModelArgs) -> anyhow::Result<()> {
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
        let name = |&(term, weight): &(u32, f32)| (model.term_text(term), weight);
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
    if side.lower_case {
        writeln!(out, "  lower case  yes")?;
    }
    if !side.prune.is_nothing() {
        writeln!(out, "  pruned      {}", serde_json::to_string(&side.prune)?)?;
    }
    print_origins(out, &side.from)?;
    Ok(writeln!(out, "  fingerprint {}", side.fingerprint)?)
}
