//! A graph of a sparse model, opened: recognised, its outside weights checked, its output layer
//! read.

use std::path::{Path, PathBuf};

use ort::session::Session;

use crate::error::EncodeError;
use crate::family::detect::outputs::fits;
use crate::family::detect::{GraphLayout, detect};
use crate::family::settings::sparse::Settings;
use crate::family::tensors::TensorCard;
use crate::files::read_file;
use crate::onnx::external::external_files;
use crate::session::graph_session::open_session;
use crate::session::head::Head;
use crate::session::runtime::Runtime;

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
        let weight_files = external_files(file, folder)?;
        let session = open_session(runtime, file, 1)?;
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
