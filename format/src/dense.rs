//! The dense vector file of a segment (`.vec`): vectors of a fixed length, row by row.
//!
//! Row *i* is row *i* of the segment's impact file. `spec.rs` says what a field is and prepares
//! vectors for it, `layout.rs` where every byte lies, `write.rs` collects and writes, `open.rs` checks,
//! `view.rs` lends. Nothing here computes a product: that is the searcher's, with `kernels`.

mod layout;
mod open;
mod spec;
mod view;
mod write;

pub use open::DenseFile;
pub use spec::{DENSE_DIMS_LIMIT, DenseSpec, DenseStorage, F16_LIMIT, Metric};
pub use view::{DenseFieldView, DenseView, VectorData};
pub use write::DenseBuilder;

#[cfg(test)]
mod tests;
