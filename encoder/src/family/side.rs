//! One side of an opened model: how its texts are tokenized, and what turns them into vectors.
//!
//! Queries and documents may be treated alike, by the same graph. They may also differ: a table for
//! the one, a graph for the other. Opening resolves that once; `session/encoder.rs` carries it out.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::error::EncodeError;
use crate::family::choices::{Activation, Pooling, SideEncoder};
use crate::family::graph::OpenedGraph;
use crate::family::layout::Layout;
use crate::family::settings::sparse::Settings;
use crate::session::prune::Prune;
use crate::session::table::Table;
use crate::side::Side;
use crate::text::terms::Terms;
use crate::text::tokenize::{SideTexts, SideTokenizer};

/// What turns a side's tokens into a vector.
#[derive(Debug)]
pub(crate) enum Kind {
    /// The graph at this place of the model's graphs.
    Graph(usize),
    Table(Table),
}

/// A side, ready.
pub(crate) struct OpenedSide {
    pub(crate) tokenizer: SideTokenizer,
    pub(crate) kind: Kind,
    pub(crate) pooling: Pooling,
    pub(crate) activation: Activation,
    pub(crate) prune: Prune,
    /// Whether the tokens' terms are needed.
    pub(crate) wants_units: bool,
    pub(crate) card: SideCard,
}

/// What there is to say about one side of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SideCard {
    /// What turns texts into vectors.
    pub encoder: SideEncoder,
    /// The graph, or the table of weights.
    pub file: Option<PathBuf>,
    /// What the graph returns.
    pub layout: Layout,
    /// How token rows become one row.
    pub pooling: Pooling,
    /// How a logit becomes a weight.
    pub activation: Activation,
    /// Tokens per text, specials included.
    pub max_length: usize,
    /// What is put around a text, `{text}` where there is nothing.
    pub template: String,
    /// Whether texts are put into lower case before anything else.
    pub lower_case: bool,
    /// What is kept of a vector.
    pub prune: Prune,
    /// What states the settings above: a file of the folder and its key, the graph, or nothing
    /// ("default").
    pub from: BTreeMap<&'static str, String>,
    /// Names what this side computes: `sha256:` and 64 hexadecimal digits.
    pub fingerprint: String,
}

impl OpenedSide {
    /// Resolves a side against the graphs that are open.
    ///
    /// Errors: `InvalidSetting` for what does not fit the graph; those of the side's table.
    pub(crate) fn open(
        side: Side,
        settings: &Settings,
        graphs: &[OpenedGraph],
        terms: &Terms,
    ) -> Result<Self, EncodeError> {
        let stated = settings.side(side);
        let table = Table::read(stated.encoder, stated.weights.as_deref(), terms)?;
        let at = || graphs.iter().position(|graph| Some(&graph.file) == stated.graph.as_ref());
        let (kind, layout, fixed, file) = match table {
            Some(table) => (Kind::Table(table), Layout::Lookup, None, &stated.weights),
            None => {
                let at = at().expect("every graph that a side names was opened");
                let layout = &graphs[at].layout;
                (Kind::Graph(at), layout.layout, layout.fixed.length, &stated.graph)
            }
        };
        let (pooling, activation) = settings.steps(side, layout)?;
        let max_length = settings.lengths.within(side, fixed, &settings.path)?;
        let mut from = stated.origins(layout);
        if max_length != settings.lengths.max.of(side) {
            from.insert("max_length", "the graph".to_owned());
        }
        let texts =
            SideTexts { template: &stated.template, max_length, lower_case: stated.lower_case };
        let card = SideCard {
            encoder: stated.encoder,
            file: file.clone(),
            layout,
            pooling,
            activation,
            max_length,
            template: stated.template.clone().into(),
            lower_case: stated.lower_case,
            prune: stated.prune,
            from,
            fingerprint: String::new(),
        };
        Ok(Self {
            tokenizer: terms.tokens().side(side, &texts, &settings.path)?,
            kind,
            pooling,
            activation,
            prune: stated.prune,
            wants_units: layout.needs_units(),
            card,
        })
    }
}
