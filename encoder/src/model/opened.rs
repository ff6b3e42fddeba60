//! What all workers of a sparse model share: its graphs, its terms, its two sides.

use std::path::PathBuf;

use crate::error::Cause;
use crate::family::choices::Batching;
use crate::family::graph::OpenedGraph;
use crate::family::settings::golden::Golden;
use crate::family::side::OpenedSide;
use crate::model::card::ModelCard;
use crate::session::pool::Finish;
use crate::session::runtime::Runtime;
use crate::side::Side;
use crate::text::spans::{Spans, TokenizedLongText};
use crate::text::terms::Terms;
use crate::text::tokenize::{TokenizedText, Wanted};

/// What all workers of a model share; nothing in it changes.
pub(crate) struct OpenedModel {
    pub(super) folder: PathBuf,
    pub(crate) runtime: Runtime,
    /// The graphs that sides use, each once.
    pub(crate) graphs: Vec<OpenedGraph>,
    pub(crate) terms: Terms,
    pub(super) query: OpenedSide,
    pub(super) document: OpenedSide,
    pub(crate) batching: Batching,
    pub(crate) gate: f32,
    pub(crate) golden: Option<Golden>,
    /// Queries are encoded as the folder states; golden queries are of that encoder.
    pub(crate) query_is_stated: bool,
    pub(super) card: ModelCard,
}

impl OpenedModel {
    /// One side of the model.
    pub(crate) fn side(&self, side: Side) -> &OpenedSide {
        match side {
            Side::Query => &self.query,
            Side::Document => &self.document,
        }
    }

    /// What becomes of a row of this side.
    pub(crate) fn finish(&self, side: Side) -> Finish<'_> {
        let OpenedSide { activation, prune, .. } = *self.side(side);
        Finish { activation, terms: Some(&self.terms), prune }
    }

    /// Tokenizes a text of this side; `blanks` too, or else those have no tokens.
    pub(crate) fn tokenize(
        &self,
        side: Side,
        text: &str,
        (words, blanks): (bool, bool),
    ) -> Result<TokenizedText, Cause> {
        let side = self.side(side);
        let units = side.wants_units.then_some(&self.terms);
        side.tokenizer.tokenize(text, Wanted { units, words, blanks })
    }

    /// Tokenizes a text of this side span by span.
    pub(crate) fn tokenize_long(
        &self,
        side: Side,
        text: &str,
        spans: Spans,
    ) -> Result<TokenizedLongText, Cause> {
        let side = self.side(side);
        let units = side.wants_units.then_some(&self.terms);
        side.tokenizer.spans(text, spans, Wanted { units, words: false, blanks: false })
    }
}
