//! Sessions of the runtime on a graph, each with the outputs that it reads and what it may run at
//! once.

use std::path::Path;

use ort::session::builder::GraphOptimizationLevel;
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session};

use crate::error::EncodeError;
use crate::family::choices::Batching;
use crate::family::detect::GraphLayout;
use crate::family::detect::outputs::Second;
use crate::session::batch::Budget;
use crate::session::runtime::Runtime;

/// A session with what its runs need.
pub(crate) struct GraphSession {
    pub(crate) session: Session,
    /// Which outputs are computed.
    pub(crate) options: RunOptions<HasSelectedOutputs>,
    pub(crate) budget: Budget,
}

/// Opens a session on a graph file.
pub(crate) fn open_session(
    runtime: &Runtime,
    graph: &Path,
    threads: usize,
) -> Result<Session, EncodeError> {
    let open = || -> ort::Result<Session> {
        let builder = Session::builder(runtime.environment())?
            .with_optimization_level(GraphOptimizationLevel::Level3)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            // Waiting threads would burn the time of the other workers.
            .with_intra_op_spinning(false)?
            // Memory plans are kept per input shape, and here nearly every batch has its own.
            .with_memory_pattern(false)?;
        { builder }.commit_from_file(graph)
    };
    open().map_err(|error| EncodeError::InvalidFile {
        what: "graph",
        path: graph.to_owned(),
        source: error.into(),
    })
}

impl GraphSession {
    /// A session of which these outputs are read. Errors: `Runtime`.
    pub(crate) fn reading<'a>(
        outputs: impl IntoIterator<Item = &'a str>,
        budget: Budget,
        session: Session,
    ) -> Result<Self, EncodeError> {
        let none = OutputSelector::no_default();
        let selector = outputs.into_iter().fold(none, |selector, output| selector.with(output));
        let options = RunOptions::new().map_err(EncodeError::runtime("prepare a run"))?;
        Ok(Self { session, options: options.with_outputs(selector), budget })
    }

    /// A session on a recognised graph. Errors: `Runtime`.
    pub(crate) fn new(
        graph: &GraphLayout,
        batching: Batching,
        session: Session,
    ) -> Result<Self, EncodeError> {
        let second = graph.second.as_ref().map(Second::name);
        let outputs = std::iter::once(graph.output.as_str()).chain(second);
        Self::reading(outputs, Budget::of(graph, batching), session)
    }
}
