//! One side of an opened model: how its texts are tokenized, and what turns them into vectors.
//!
//! Queries and documents may be treated alike, by the same graph, or quite differently: a table
//! for the one, a graph for the other. Opening resolves that once; `session.rs` carries it out.

use std::path::{Path, PathBuf};

use ort::session::Session;
use serde::Serialize;

use crate::Side;
use crate::error::EncodeError;
use crate::external;
use crate::head::Head;
use crate::layout::{GraphLayout, Layout, TensorCard, detect, fits};
use crate::model::read_file;
use crate::prune::Prune;
use crate::runtime::Runtime;
use crate::session;
use crate::settings::{Activation, Lengths, Pooling, Settings, SideEncoder};
use crate::table::Table;
use crate::template::Template;
use crate::terms::Terms;
use crate::tokenize::SideTokenizer;

/// What turns a side's tokens into a vector.
#[derive(Debug)]
pub(crate) enum Kind {
    /// The graph at this place of the model's graphs.
    Graph(usize),
    Table(Table),
}

/// A graph, recognised.
pub(crate) struct OpenedGraph {
    pub(crate) file: PathBuf,
    /// Files that hold its weights, by the names it gives them.
    pub(crate) weight_files: Vec<(String, PathBuf)>,
    pub(crate) layout: GraphLayout,
    /// The output layer, where the graph returns hidden states.
    pub(crate) head: Option<Head>,
    pub(crate) inputs: Vec<TensorCard>,
    pub(crate) outputs: Vec<TensorCard>,
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
    /// What is kept of a vector.
    pub prune: Prune,
    /// Names what this side computes: `sha256:` and 64 hexadecimal digits.
    pub fingerprint: String,
}

impl OpenedGraph {
    /// Opens and recognises a graph.
    ///
    /// Errors: `ExternalData` before the runtime sees the graph; `InvalidFile`; those of detection.
    pub(crate) fn open(
        runtime: &Runtime,
        folder: &Path,
        file: &Path,
        settings: &Settings,
        (tokens, terms): (usize, Option<usize>),
    ) -> Result<(Self, Session), EncodeError> {
        let weight_files = external::weight_files(file, folder)?;
        let session = session::open(runtime, file, 1)?;
        let inputs: Vec<_> = session.inputs().iter().map(TensorCard::of).collect();
        let outputs: Vec<_> = session.outputs().iter().map(TensorCard::of).collect();
        let layout = detect(file, (&inputs, &outputs), &settings.graph, (tokens, terms))?;
        let head = open_head(file, &layout, terms)?;
        let file = file.to_owned();
        Ok((Self { file, weight_files, layout, head, inputs, outputs }, session))
    }
}

/// Reads the output layer of a graph of hidden states from the graph's file; nothing for others.
/// `terms` is the number of terms, where the output layer need not tell it.
fn open_head(
    path: &Path,
    graph: &GraphLayout,
    terms: Option<usize>,
) -> Result<Option<Head>, EncodeError> {
    let Some(tensors) = &graph.head else { return Ok(None) };
    let head = Head::read(&read_file("graph", path)?, path, tensors, graph.columns);
    let mut head = head.map_err(|source| EncodeError::InvalidFile {
        what: "output layer",
        path: path.to_owned(),
        source,
    })?;
    if let Some(terms) = terms {
        if !fits(head.rows(), terms) {
            let (output, columns) = (tensors.matrix.clone(), head.rows());
            return Err(EncodeError::VocabularyMismatch { output, columns, tokens: terms });
        }
        head.limit(terms);
    }
    Ok(Some(head))
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
        let (kind, layout, fixed) = match table {
            Some(table) => (Kind::Table(table), Layout::Lookup, None),
            None => {
                let at = at().expect("every graph that a side names was opened");
                let layout = &graphs[at].layout;
                (Kind::Graph(at), layout.layout, layout.fixed.length)
            }
        };
        let (pooling, activation) = settings.steps(side, layout)?;
        let max_length = length(side, &settings.lengths, fixed, &settings.path)?;
        let card = SideCard {
            encoder: stated.encoder,
            file: if layout == Layout::Lookup {
                stated.weights.clone()
            } else {
                stated.graph.clone()
            },
            layout,
            pooling,
            activation,
            max_length,
            template: stated.template.clone().into(),
            prune: stated.prune,
            fingerprint: String::new(),
        };
        Ok(Self {
            tokenizer: terms.tokens().side(side, &stated.template, max_length, &settings.path)?,
            kind,
            pooling,
            activation,
            prune: stated.prune,
            wants_units: matches!(layout, Layout::TokenWeights | Layout::Lookup),
            card,
        })
    }
}

/// The side's length, which a graph may bound.
///
/// Errors: `InvalidSetting` when a longer one is stated.
pub(crate) fn length(
    side: Side,
    lengths: &Lengths,
    fixed: Option<usize>,
    path: &Path,
) -> Result<usize, EncodeError> {
    let length = lengths.max.of(side);
    let (key, is_stated) = match side {
        Side::Query => ("max_length.query", lengths.is_stated[0]),
        Side::Document => ("max_length.document", lengths.is_stated[1]),
    };
    match fixed {
        Some(fixed) if length > fixed && is_stated => {
            let (path, reason) =
                (path.to_owned(), format!("{length} tokens, but the graph takes {fixed}"));
            Err(EncodeError::InvalidSetting { path, key, reason })
        }
        Some(fixed) => Ok(length.min(fixed)),
        None => Ok(length),
    }
}

/// The template that a card shows.
pub(crate) fn is_plain(template: &str) -> bool {
    template == String::from(Template::default())
}
