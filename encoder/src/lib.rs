//! Text to tokens to model to sparse vectors.
//!
//! The first stage of the pipeline. A [`Runtime`] is the ONNX Runtime library, loaded once; a
//! [`Model`] is an opened model folder (graph, tokenizer, settings). An [`Encoder`] is one worker
//! of it, with sessions of its own, that turns texts into [`SparseVector`]s. A [`DenseModel`] and
//! its [`DenseEncoder`] do the same for dense vectors.
//!
//! | room | what it holds |
//! |---|---|
//! | `text` | texts to tokens, tokens to terms, long texts to spans |
//! | `family` | what a model folder is: settings, the graph's layout, two sides, fingerprint |
//! | `session` | tokens to vectors: batches, runs, readers of outputs, pooling, tables |
//! | `onnx` | graph files read and written without the runtime: outside weights, `optimize` |
//! | `model`, `dense` | the two kinds of model, opened |
//! | `selftest` | whether a model computes what it did when it was made |
//!
//! The way of a text is `text` → `session`; the way of a folder is `family` → `model` or `dense`.
//!
//! The law of this crate: a text's vector does not depend on the texts it is encoded with. In any
//! batch every weight is within 1e-6 of the weight of the text encoded alone, and the set of terms
//! is the same; `session/encoder.rs` says how.
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

mod dense;
mod error;
mod family;
mod files;
mod model;
mod onnx;
mod selftest;
mod session;
mod side;
mod text;

pub use dense::card::{DenseCard, DenseSideCard};
pub use dense::encoder::{DenseEncoder, Embeddings};
pub use dense::model::DenseModel;
pub use error::{EncodeError, chain};
pub use family::choices::{Activation, Batching, DensePooling, Pooling, SideEncoder};
pub use family::kind::ModelKind;
pub use family::layout::Layout;
pub use family::lengths::MaxLength;
pub use family::side::SideCard;
pub use family::tensors::TensorCard;
pub use gleaner_format::SparseVector;
pub use model::Model;
pub use model::card::ModelCard;
pub use onnx::optimize::{Before, OptimizeOptions, Optimized, optimize};
pub use selftest::SelfTest;
pub use session::encoder::{BATCH_TOLERANCE, Encoder};
pub use session::long::{LongText, Passage, highest_weights};
pub use session::pool::DROPPED_WEIGHT;
pub use session::provenance::{Source, TracedVector};
pub use session::prune::Prune;
pub use session::runtime::Runtime;
pub use side::Side;
pub use text::spans::Spans;
pub use text::unit::Unit;
