//! What all workers of a dense model share.

use crate::dense::card::DenseCard;
use crate::family::detect::dense::DenseGraph;
use crate::family::settings::golden::Golden;
use crate::session::runtime::Runtime;
use crate::text::tokenize::SideTokenizer;

/// What all workers of a model share; nothing in it changes.
pub(super) struct OpenedDense {
    pub(super) runtime: Runtime,
    pub(super) graph: DenseGraph,
    /// Of queries and of documents.
    pub(super) tokenizers: [SideTokenizer; 2],
    pub(super) golden: Option<Golden>,
    pub(super) card: DenseCard,
}
