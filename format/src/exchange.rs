//! Files of vectors that travel: between programs of this project, and between engines.
//!
//! `exchange/vectors.rs` is the plain binary form that benchmarks share; `exchange/ciff.rs` is
//! CIFF. None of them is a part of an index.

mod ciff;
mod vectors;

pub use ciff::{CiffBuilder, CiffDocument, CiffError, CiffReader};
pub use vectors::{FRAME_LEN_BYTES, RawRow, RowError, VectorReader, read_vectors, write_vectors};
