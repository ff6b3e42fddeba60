//! The dense vector file of a segment (`.vec`): vectors of a fixed length, row by row.
//!
//! Row *i* is row *i* of the segment's impact file. `spec.rs` says what a field is and prepares
//! vectors for it, `layout.rs` where every byte lies, `write.rs` collects and writes, `open.rs` checks,
//! `view.rs` lends, `verify.rs`
//! derives anew. Nothing here computes a product: that is the searcher's, with `kernels`.
//!
//! ```
//! use gleaner_format::{DenseBuilder, DenseFile, DenseSpec, DenseStorage, Metric};
//!
//! let (name, metric, storage) = ("passage".to_owned(), Metric::Cosine, DenseStorage::F16);
//! let spec = DenseSpec { name, dims: 2, metric, storage };
//! let mut builder = DenseBuilder::new(std::slice::from_ref(&spec));
//! builder.push(&[Some(&spec.prepare(&[3.0, 0.0])?)])?;
//! builder.push(&[None])?;
//! let mut bytes = Vec::new();
//! builder.write(&mut bytes)?;
//! let file = DenseFile::open(bytes)?;
//! let field = file.view().field("passage").ok_or("no such field")?;
//! assert_eq!((field.ordinal(0), field.ordinal(1)), (Some(0), None));
//! let mut vector = Vec::new();
//! field.read(0, &mut vector);
//! assert_eq!(vector, [1.0, 0.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![doc = include_str!("../DENSE.md")]

mod layout;
mod open;
mod spec;
mod verify;
mod view;
mod write;

pub use open::DenseFile;
pub use spec::{DENSE_DIMS_LIMIT, DenseSpec, DenseStorage, F16_LIMIT, Metric};
pub use view::{DenseFieldView, DenseView, VectorData};
pub use write::DenseBuilder;

#[cfg(test)]
mod tests;
