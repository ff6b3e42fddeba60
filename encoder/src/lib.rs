//! Text to tokens to model to sparse vectors.
//!
//! The first stage of the pipeline. A [`Runtime`] is the ONNX Runtime library, loaded once; a
//! [`Model`] is an opened model folder (graph, tokenizer, settings); an [`Encoder`] is one worker
//! of it, with a session of its own, that turns texts into [`SparseVector`]s. The way through the
//! modules is the way of a text: `template` → `tokenize` → `batch` → `feed` → `session` → `readers` →
//! `pool` → `prune`, or where a side has no graph `template` → `tokenize` → `table` → `pool` →
//! `prune`. Where a graph stops at the hidden states, `head` is its output layer; `optimize` makes such
//! graphs out of others. A [`DenseModel`] goes the same way as far as `session`, and on in `dense`.
//! `settings`, `layout`, `terms` and `side` decide how a folder is to be used, `fingerprint` names
//! that decision, `selftest` checks it, `provenance` says where a weight comes from, `windows` cuts
//! texts that are longer than a model reads.
//!
//! The law of this crate: a text's vector does not depend on the texts it is encoded with. In any
//! batch every weight is within 1e-6 of the weight of the text encoded alone, and the set of terms
//! is the same; `session` says how.
//!
//! Nothing here opens an index, and nothing is downloaded.
//!
//! ```no_run
//! use gleaner_encoder::{Model, Runtime, Side};
//!
//! let runtime = Runtime::load(None)?;
//! let model = Model::open("data/models/splade-tiny".as_ref(), &runtime)?;
//! let vectors = model.encoder(1)?.encode(Side::Query, &["who discovered penicillin"])?;
//! for (term, weight) in vectors[0].iter() {
//!     assert!(model.token(term).is_some() && weight > 0.0);
//! }
//! # Ok::<(), gleaner_encoder::EncodeError>(())
//! ```

mod batch;
mod dense;
mod error;
mod external;
mod feed;
mod fingerprint;
mod head;
mod layout;
mod model;
mod onnx;
mod optimize;
mod pool;
mod provenance;
mod prune;
mod readers;
mod runtime;
mod selftest;
mod session;
mod settings;
mod side;
mod table;
mod template;
mod terms;
mod tokenize;
mod windows;

pub use dense::{DenseCard, DenseEncoder, DenseModel, DenseSideCard, Embeddings};
pub use error::EncodeError;
pub use gleaner_format::SparseVector;
pub use layout::{Layout, TensorCard};
pub use model::{Model, ModelCard};
pub use optimize::{Before, OptimizeOptions, Optimized, optimize};
pub use pool::DROPPED_WEIGHT;
pub use provenance::{Source, TracedVector};
pub use prune::Prune;
pub use runtime::Runtime;
pub use selftest::SelfTest;
pub use session::{BATCH_TOLERANCE, Encoder};
pub use settings::{
    Activation, Batching, DensePooling, MaxLength, ModelKind, Pooling, SideEncoder,
};
pub use side::SideCard;
pub use terms::Unit;
pub use windows::{LongText, Passage, Windows, highest_weights};

/// Which side of the search a text is on; a model may treat queries and documents differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// A text to search with.
    Query,
    /// A text to be found.
    Document,
}
