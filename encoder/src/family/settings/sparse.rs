//! The settings of a sparse folder, as they hold for its two sides.
//!
//! [`Settings::read`] is in `file.rs`, beside the form that the file has. What a layout leaves to
//! be done is `layout.rs`; [`Settings::steps`] compares that with what the folder asks for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::error::EncodeError;
use crate::family::choices::{Activation, Batching, Pooling, SideEncoder};
use crate::family::folder::FILE_NAME;
use crate::family::layout::{Layout, Remaining};
use crate::family::lengths::Lengths;
use crate::family::settings::golden::Golden;
use crate::family::settings::names::Names;
use crate::family::settings::said::Said;
use crate::session::prune::Prune;
use crate::side::Side;
use crate::text::template::Template;
use crate::text::unit::TermSettings;

/// What is stated about a graph beside its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GraphSettings {
    pub(crate) layout: Option<Layout>,
    pub(crate) inputs: Names,
    pub(crate) outputs: Names,
    /// The output layer of a graph that returns hidden states.
    pub(crate) head: Option<HeadTensors>,
}

/// Where the output layer of a graph of hidden states is: names of tensors in the graph's file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HeadTensors {
    pub(crate) matrix: String,
    pub(crate) bias: Option<String>,
}

/// What is stated about one side, with what both sides share filled in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SideSettings {
    pub(crate) encoder: SideEncoder,
    /// The graph's file; there is one where `encoder` is `Graph`.
    pub(crate) graph: Option<PathBuf>,
    /// The table's file; there is one where `encoder` is `Idf` or `Embedding`.
    pub(crate) weights: Option<PathBuf>,
    pub(crate) template: Template,
    pub(crate) pooling: Option<Pooling>,
    pub(crate) activation: Option<Activation>,
    /// What the folder's own files state of graphs that leave both to us.
    pub(crate) said: SaidSteps,
    pub(crate) prune: Prune,
    /// Texts are put into lower case before anything else.
    pub(crate) lower_case: bool,
    /// What states the settings of this side, by their names on its card.
    pub(crate) from: BTreeMap<&'static str, String>,
}

/// Pooling and activation as a folder of sentence-transformers states them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SaidSteps {
    pub(crate) pooling: Option<Said<Pooling>>,
    pub(crate) activation: Option<Said<Activation>>,
}

/// The settings of a folder, with defaults filled in where they need no knowledge of the graph.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// The settings file, whether or not it exists; errors name it.
    pub(crate) path: PathBuf,
    /// The tokenizer's file.
    pub(crate) tokenizer: PathBuf,
    pub(crate) graph: GraphSettings,
    pub(crate) gate: f32,
    pub(crate) batching: Batching,
    pub(crate) lengths: Lengths,
    pub(crate) terms: TermSettings,
    pub(crate) query: SideSettings,
    pub(crate) document: SideSettings,
    pub(crate) golden: Option<Golden>,
    /// Queries are encoded as stated, rather than as somebody asked.
    pub(crate) query_is_stated: bool,
}

impl Settings {
    /// What is stated about a side.
    pub(crate) fn side(&self, side: Side) -> &SideSettings {
        match side {
            Side::Query => &self.query,
            Side::Document => &self.document,
        }
    }

    /// An `InvalidSetting` of this file.
    pub(crate) fn invalid(&self, key: &'static str, reason: String) -> EncodeError {
        EncodeError::InvalidSetting { path: self.path.clone(), key, reason }
    }

    /// The pooling and activation to apply to a graph of this layout.
    ///
    /// Errors: `InvalidSetting` when the file asks for a step that the graph has already done, or
    /// leaves to the graph a step that it does not do.
    pub(crate) fn steps(
        &self,
        side: Side,
        layout: Layout,
    ) -> Result<(Pooling, Activation), EncodeError> {
        let stated = self.side(side);
        let steps = match layout.remaining() {
            Remaining::Nothing => stated.done_steps(),
            Remaining::PoolAndActivate { default } => stated.own_steps(default, false),
            Remaining::PoolAndMayActivate { default } => stated.own_steps(default, true),
        };
        steps.map_err(|(key, reason)| self.invalid(key, reason.to_owned()))
    }
}

impl SideSettings {
    /// What states the steps that follow a graph of this layout.
    pub(crate) fn origins(&self, layout: Layout) -> BTreeMap<&'static str, String> {
        let said = match layout.remaining() {
            Remaining::PoolAndActivate { .. } => self.said.clone(),
            Remaining::Nothing | Remaining::PoolAndMayActivate { .. } => SaidSteps::default(),
        };
        let silent = match layout.remaining() {
            Remaining::Nothing => "the graph",
            Remaining::PoolAndActivate { .. } | Remaining::PoolAndMayActivate { .. } => "default",
        };
        let origin = |is_stated: bool, said: Option<String>| match (is_stated, said) {
            (true, _) => FILE_NAME.to_owned(),
            (false, Some(from)) => from,
            (false, None) => silent.to_owned(),
        };
        let mut from = self.from.clone();
        if self.encoder.runs_graph() {
            let pooling = origin(self.pooling.is_some(), said.pooling.map(|said| said.from));
            let activation =
                origin(self.activation.is_some(), said.activation.map(|said| said.from));
            from.extend([("pooling", pooling), ("activation", activation)]);
        }
        from
    }
}

/// A key of the settings and why its value does not fit the graph.
type Misfit = (&'static str, &'static str);

impl SideSettings {
    /// The steps where the graph has pooled and activated.
    fn done_steps(&self) -> Result<(Pooling, Activation), Misfit> {
        const DONE: &str = "the graph does this itself; say \"graph\" or leave it out";
        match self.pooling {
            None | Some(Pooling::Graph) => {}
            Some(Pooling::Max | Pooling::Sum) => return Err(("pooling", DONE)),
        }
        match self.activation {
            None | Some(Activation::Graph) => Ok((Pooling::Graph, Activation::Graph)),
            Some(Activation::Binary) => Ok((Pooling::Graph, Activation::Binary)),
            Some(Activation::Log1pRelu | Activation::Log1pLog1pRelu | Activation::Relu) => {
                Err(("activation", DONE))
            }
        }
    }

    /// The steps where pooling is left to us, and activation too unless the graph may do that.
    fn own_steps(
        &self,
        default: Activation,
        graph_may_activate: bool,
    ) -> Result<(Pooling, Activation), Misfit> {
        const NOT_DONE: &str = "the graph does not do this, so \"graph\" cannot be";
        let said = match graph_may_activate {
            true => &SaidSteps::default(),
            false => &self.said,
        };
        let pooling = match self.pooling.or(said.pooling.as_ref().map(|said| said.value)) {
            None => Pooling::Max,
            Some(pooling @ (Pooling::Max | Pooling::Sum)) => pooling,
            Some(Pooling::Graph) => return Err(("pooling", NOT_DONE)),
        };
        let activation = self.activation.or(said.activation.as_ref().map(|said| said.value));
        let activation = activation.unwrap_or(default);
        match (activation, pooling) {
            (Activation::Graph, _) if !graph_may_activate => Err(("activation", NOT_DONE)),
            (Activation::Binary, Pooling::Sum) => {
                Err(("activation", "a sum is not binary; pool by \"max\""))
            }
            (Activation::Binary, Pooling::Max | Pooling::Graph)
            | (
                Activation::Log1pRelu
                | Activation::Log1pLog1pRelu
                | Activation::Relu
                | Activation::Graph,
                _,
            ) => Ok((pooling, activation)),
        }
    }
}
