//! Model folders by themselves: looked at, opened, tested and made faster, without an index.
//!
//! [`ModelKind`] says what a folder holds, the cards what an opened model is. [`Encoder`] and
//! [`DenseEncoder`] are its workers; [`optimize`] makes its faster form. The models themselves are
//! [`Model`] and [`DenseModel`]; which of them belongs to an index, [`Models`] finds.
//!
//! [`Model`]: crate::Model
//! [`DenseModel`]: crate::DenseModel
//! [`Models`]: crate::Models

pub use gleaner_encoder::{
    Activation, BATCH_TOLERANCE, Batching, Before, DenseCard, DenseEncoder, DensePooling,
    DenseSideCard, Embeddings, Encoder, Layout, MaxLength, ModelCard, ModelKind, OptimizeOptions,
    Optimized, Pooling, Prune, Runtime, SelfTest, SideCard, Source, TensorCard, TracedVector, Unit,
    optimize,
};
