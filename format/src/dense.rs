//! The dense vector file of a segment (`.vec`): vectors of a fixed length, row by row.
//!
//! Row *i* is row *i* of the segment's impact file. In the order of the data:
//!
//! - `dense/spec.rs` says what a field is and prepares vectors for it;
//! - `dense/part.rs` says what is kept of a vector, `dense/quantize.rs` makes its codes;
//! - `dense/write.rs` collects and writes, `dense/layout.rs` says where the sections lie;
//! - `dense/open.rs` checks, `dense/view.rs` lends, `dense/verify.rs` derives codes anew.
//!
//! Nothing here computes a product of vectors: that is the searcher's, with `kernels`.
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
mod part;
mod quantize;
mod spec;
mod verify;
mod view;
mod write;

pub use open::DenseFile;
pub use spec::{DENSE_DIMS_LIMIT, DenseSpec, DenseStorage, F16_LIMIT, Metric};
pub use view::{DenseFieldView, DenseView, Floats, VectorData, VectorRows};
pub use write::DenseBuilder;

#[cfg(test)]
mod tests;
