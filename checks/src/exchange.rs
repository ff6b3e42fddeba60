//! Sets of vectors on disk: a folder with `docs.bin` and `queries.bin`.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write},
    path::Path,
};

use anyhow::Context;
use gleaner_format::{SparseVector, read_vectors, write_vectors};

/// Reads one file of vectors.
pub fn read(path: &Path) -> anyhow::Result<Vec<SparseVector>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    read_vectors(&mut BufReader::new(file)).with_context(|| path.display().to_string())
}

/// Writes one file of vectors.
pub fn write(path: &Path, vectors: &[SparseVector]) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut out = BufWriter::new(file);
    write_vectors(vectors, 0, &mut out)?;
    Ok(out.flush()?)
}
