//! Model folders by themselves: looked at, opened, tested and made faster, without an index.
//!
//! [`ModelKind`] says what a folder holds, the cards what an opened model is. [`Encoder`] and
//! [`DenseEncoder`] are its workers, [`Encoders`] and [`DenseEncoders`] one for each core; [`optimize`] makes its faster form. The models themselves are
//! [`Model`] and [`DenseModel`]; which of them belongs to an index, [`Models`] finds.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let (path, model) = (folder.path().join("my.index"), concat!(env!("CARGO_MANIFEST_DIR"), "/../data/models/splade-tiny"));
//! # if gleaner::Models::new().open_sparse(model.as_ref()).is_err() {
//! #     return Ok(()); // without the ONNX Runtime
//! # }
//! use gleaner::{Models, Side, model::ModelKind};
//!
//! assert_eq!(ModelKind::of(model.as_ref())?, ModelKind::Sparse);
//! let model = Models::new().open_sparse(model.as_ref())?;
//! assert_eq!(model.card().max_length.query, 256);
//! let vectors = model.encoder(1)?.encode(Side::Document, &["Kittens need a clean litter box."])?;
//! assert_eq!(vectors.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! [`Model`]: crate::Model
//! [`DenseModel`]: crate::DenseModel
//! [`Models`]: crate::Models

pub use crate::encoders::{DenseEncoders, Encoders};
pub use gleaner_encoder::{
    Activation, BATCH_TOLERANCE, Batching, Before, DenseCard, DenseEncoder, DensePooling,
    DenseSideCard, Embeddings, Encoder, Layout, MaxLength, ModelCard, ModelKind, OptimizeOptions,
    Optimized, Pooling, Prune, Runtime, SelfTest, SideCard, Source, TensorCard, TracedVector, Unit,
    optimize,
};
