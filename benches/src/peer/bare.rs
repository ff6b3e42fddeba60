//! The engine without an index around it: one impact file, searched through its mapping.
//!
//! Rows stand for ids, so ties go to the lower row. No deletes, no filters, no segments: those are
//! the product's (`product.rs`).

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context;
use gleaner_checks::contract::Taken;
use gleaner_format::{ImpactBuilder, ImpactFile, ImpactView, SparseVector, map_file};
use gleaner_searcher::{
    Counters,
    block_max::{self, Limits, Scratch},
};

use crate::clock;

const INDEX_FILE: &str = "vectors.imp";

/// Writes the impact file of `docs` into the folder and returns its length.
pub fn build(docs: &[SparseVector], folder: &Path) -> anyhow::Result<u64> {
    let path = folder.join(INDEX_FILE);
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut out = BufWriter::new(file);
    let bytes = impacts(docs)?.write(&mut out)?;
    out.flush()?;
    Ok(bytes)
}

/// Collects documents for an impact file.
pub fn impacts(docs: &[SparseVector]) -> anyhow::Result<ImpactBuilder> {
    let mut builder = ImpactBuilder::new();
    docs.iter().try_for_each(|vector| builder.push(vector))?;
    Ok(builder)
}

/// An impact file open for searching.
pub struct Bare<F> {
    file: F,
    scratch: Scratch,
    /// Work of all searches so far.
    pub counters: Counters,
}

/// Opens what `build` wrote.
pub fn open(folder: &Path) -> anyhow::Result<Bare<ImpactFile<impl AsRef<[u8]>>>> {
    let file = ImpactFile::open(map_file(&folder.join(INDEX_FILE))?)?;
    Ok(Bare { file, scratch: Scratch::default(), counters: Counters::default() })
}

impl<T: AsRef<[u8]>> Bare<ImpactFile<T>> {
    /// The stored weights.
    pub fn view(&self) -> ImpactView<'_> {
        self.file.view()
    }

    /// Rows and scores of one query, timed.
    pub fn search(
        &mut self,
        query: &SparseVector,
        k: usize,
        effort: f32,
    ) -> (Vec<(u32, f32)>, Taken) {
        let limits = Limits { effort, ..Limits::exact(k, None) };
        let (view, scratch, counters) = (self.file.view(), &mut self.scratch, &mut self.counters);
        let (answer, taken) =
            clock::time(|| block_max::search(view, query, limits, u64::from, scratch, counters));
        (answer.hits.iter().map(|hit| (hit.row, hit.score)).collect(), taken)
    }
}
