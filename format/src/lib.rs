//! Bytes on disk: impact files, dense vectors, exchange files; their writers and their checked views.
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

mod blank;
mod bytes;
mod checks;
pub mod dense;
mod error;
mod exchange;
mod impact;
pub mod json;
mod map;
pub mod source;
mod vector;
mod windows;

pub use blank::is_blank;
#[doc(inline)]
pub use dense::{
    DENSE_DIMS_LIMIT, DenseBuilder, DenseFieldView, DenseFile, DenseSpec, DenseStorage, DenseView,
    F16_LIMIT, Floats, Metric, VectorData, VectorRows,
};
pub use error::{DenseError, ExchangeError, FormatError, VectorError};
pub use exchange::{
    CiffBuilder, CiffDocument, CiffError, CiffReader, FRAME_LEN_BYTES, RawRow, RowError,
    VectorReader, read_vectors, write_vectors,
};
pub use impact::{
    Audit, COLUMNS_TAIL_BYTES, Column, GROUP_HEAD_BYTES, GROUP_RANK_AT, ImpactBuilder, ImpactFile,
    ImpactView, ListScale, ListView, RowParts, RowView, Section, VERSION,
};
pub use map::map_file;
pub use vector::{MAX_WEIGHT, SparseVector};
pub use windows::{GROUP_ROWS, WINDOW_GROUPS, WINDOW_ROWS};

#[cfg(test)]
mod document;
