//! The impact file: bytes on disk, their writer and their memory-mapped view.
//!
//! Vectors come in ([`SparseVector`]), [`ImpactBuilder`] quantises and inverts them and writes
//! bytes; [`ImpactFile`] checks bytes and lends an [`ImpactView`]. Only this crate knows byte
//! offsets; it knows nothing of tantivy, queries or models.
//!
//! ```
//! use gleaner_format::{ImpactBuilder, ImpactFile, SparseVector};
//!
//! let mut builder = ImpactBuilder::new();
//! builder.push(&SparseVector::from_pairs([(7, 1.5), (40, 0.25)])?)?;
//! let mut bytes = Vec::new();
//! builder.write(&mut bytes)?;
//! let file = ImpactFile::open(bytes)?;
//! assert_eq!(file.view().row(0).iter().collect::<Vec<_>>(), [(7, 1.5), (40, 0.25)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![doc = include_str!("../FORMAT.md")]

mod ciff;
mod columns;
pub mod dense;
mod error;
mod exchange;
mod layout;
mod lists;
mod open;
mod quantize;
mod rows;
mod terms;
mod vector;
mod verify;
mod view;
mod write;

pub use ciff::{CiffBuilder, CiffDocument, CiffError, CiffReader};
#[doc(inline)]
pub use dense::{
    DENSE_DIMS_LIMIT, DenseBuilder, DenseFieldView, DenseFile, DenseSpec, DenseStorage, DenseView,
    F16_LIMIT, Metric, VectorData,
};
pub use error::{DenseError, ExchangeError, FormatError, VectorError};
pub use exchange::{RawRow, RowError, VectorReader, read_vectors, write_vectors};
pub use layout::{GROUP_ROWS, Section, VERSION, WINDOW_GROUPS, WINDOW_ROWS};
pub use open::{ImpactFile, map_file};
pub use rows::{RowParts, RowView};
pub use vector::{MAX_WEIGHT, SparseVector};
pub use verify::Audit;
pub use view::{Column, ImpactView, ListScale, ListView};
pub use write::ImpactBuilder;

#[cfg(test)]
mod tests;
