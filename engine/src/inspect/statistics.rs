//! What a commit holds, and where its bytes are.
//!
//! Facts only; printing them is the caller's. Whether they are true is `verify`'s.

use std::io;

use gleaner_catalog::{Analyzer, DenseField};
use gleaner_format::{ImpactView, Section, VectorData, VectorRows};
use gleaner_searcher::Segment;
use serde::Serialize;

use crate::snapshot::Snapshot;

/// One segment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SegmentStatistics {
    /// How its files are called.
    pub name: String,
    /// Rows, deleted ones included.
    pub rows: usize,
    /// Rows that are not deleted.
    pub living_rows: u64,
    /// Entries of all rows.
    pub postings: u64,
    /// Entries of a row, mean.
    pub postings_per_row: f64,
    /// How its rows keep weights.
    pub rows_by_weight: RowsByWeight,
    /// Different terms.
    pub terms: usize,
    /// Windows of 32,768 rows.
    pub windows: usize,
    /// Lists: one for each term and window.
    pub lists: usize,
    /// Lists that are added to whole groups of rows.
    pub long_lists: usize,
    /// Entries of those.
    pub postings_in_long_lists: u64,
    /// Bytes of the stored weights.
    pub row_bytes: usize,
    /// Bytes of the columns and their maxima.
    pub column_bytes: usize,
    /// Bytes of the directories of terms and lists.
    pub directory_bytes: usize,
}

/// Rows by the bits that they keep a weight in, deleted rows included. A row takes the fewest for which
/// every stored weight is within 2^-17 of the one given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RowsByWeight {
    /// Rows of 16-bit weights, and those without any.
    pub bits_16: usize,
    /// Rows whose weights need 20 bits, as those of most models do.
    pub bits_20: usize,
    /// Rows whose weights are so far apart that they are kept as floats of 24 bits.
    pub bits_24: usize,
}

/// A dense field over all segments.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DenseStatistics {
    /// The field.
    #[serde(flatten)]
    pub field: DenseField,
    /// Vectors, those of deleted rows included.
    pub vectors: usize,
    /// Their bytes.
    pub vector_bytes: usize,
}

impl Snapshot {
    /// Rows that are deleted, and that a merge will drop.
    pub fn deleted_rows(&self) -> u64 {
        let rows: u64 = self.commit.segments().iter().map(|s| s.impacts().rows() as u64).sum();
        rows - self.rows()
    }

    /// What makes words of text.
    pub fn analyzer(&self) -> Analyzer {
        self.commit.analyzer()
    }

    /// Size of all files of the index. A file that a commit removes meanwhile counts nothing.
    ///
    /// # Errors
    /// The system's, where the folder cannot be listed.
    pub fn size_bytes(&self) -> io::Result<u64> {
        let sizes = std::fs::read_dir(self.commit.path())?.map(|entry| match entry?.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            metadata => Ok(metadata?.len()),
        });
        sizes.sum()
    }

    /// Its segments.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// let segments = index.snapshot().segments();
    /// assert_eq!((segments[0].rows, segments[0].postings), (1, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn segments(&self) -> Vec<SegmentStatistics> {
        self.commit.segments().iter().map(|segment| statistics(segment)).collect()
    }

    /// Its dense fields.
    ///
    /// ```
    /// # use gleaner::{DenseStorage, Document, GivenField, Index};
    /// # let folder = tempfile::tempdir()?;
    /// let field = GivenField::new("emb", 2).storage(DenseStorage::F32);
    /// let mut index = Index::create(folder.path().join("my.index")).dense_field(field).open()?;
    /// index.upsert([Document::bare("a").dense("emb", vec![0.0, 1.0])])?;
    /// let snapshot = index.commit()?;
    /// let fields = snapshot.dense_fields();
    /// assert_eq!((fields[0].vectors, fields[0].vector_bytes), (1, 8));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dense_fields(&self) -> Vec<DenseStatistics> {
        let statistics = |field: &DenseField| {
            let segments = || self.commit.segments().iter();
            let views = || segments().filter_map(|it| it.dense().field(&field.spec.name));
            DenseStatistics {
                field: field.clone(),
                vectors: views().map(|view| view.vectors()).sum(),
                vector_bytes: views().map(|view| data_bytes(view.data())).sum(),
            }
        };
        self.manifest().dense.iter().map(statistics).collect()
    }
}

fn data_bytes(data: VectorData<'_>) -> usize {
    match data {
        VectorData::F32(rows) | VectorData::F16(rows) => rows.len_bytes(),
        VectorData::Int8 { codes, scales, norms, errors, floats } => {
            let bounds = scales.len_bytes() + norms.len_bytes() + errors.len_bytes();
            codes.len_bytes() + bounds + floats.map_or(0, VectorRows::len_bytes)
        }
    }
}

fn rows_by_weight(view: ImpactView<'_>) -> RowsByWeight {
    let mut rows = RowsByWeight::default();
    for row in 0..view.rows() {
        match view.row(row).weight_bits() {
            16 => rows.bits_16 += 1,
            20 => rows.bits_20 += 1,
            _ => rows.bits_24 += 1,
        }
    }
    rows
}

fn statistics(segment: &Segment) -> SegmentStatistics {
    let view = segment.impacts();
    let bytes = |sections: &[Section]| -> usize {
        sections.iter().map(|section| view.section_len_bytes(*section)).sum()
    };
    let (long_lists, postings_in_long_lists) = long_lists(view);
    SegmentStatistics {
        name: segment.name(),
        rows: view.rows(),
        living_rows: segment.alive().map_or(view.rows() as u64, |alive| alive.count()),
        postings: view.postings(),
        postings_per_row: view.postings() as f64 / view.rows().max(1) as f64,
        rows_by_weight: rows_by_weight(view),
        terms: view.terms(),
        windows: view.windows(),
        lists: view.list_count(),
        long_lists,
        postings_in_long_lists,
        row_bytes: bytes(&[Section::RowStarts, Section::Rows, Section::RowDocs]),
        column_bytes: bytes(&[Section::Columns]),
        directory_bytes: bytes(&[Section::Terms, Section::TermLists, Section::Lists]),
    }
}

/// Number of lists that are added to whole groups (bitmaps and dense ones), and of their postings.
fn long_lists(view: ImpactView<'_>) -> (usize, u64) {
    let lists = (0..view.terms()).flat_map(|ordinal| view.lists(ordinal));
    let long = lists.filter(|list| list.column.block_max().is_some());
    long.fold((0, 0), |(lists, postings), list| (lists + 1, postings + list.postings as u64))
}
