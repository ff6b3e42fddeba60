//! The stored vectors of a commit, read back.
//!
//! Of an index of passages, every passage comes by itself, its number behind the document's `_id`. Writing
//! vectors into files is the caller's.

use gleaner_encoder::SparseVector;
use gleaner_searcher::Segment;

use crate::{error::Error, snapshot::Snapshot};

impl Snapshot {
    /// The sparse vectors of all living rows: `(id, vector)`. Of a passage the id is `ID#NUMBER`, from 0.
    ///
    /// ```
    /// # use gleaner::{Document, SparseVector};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("my.index");
    /// # let mut index = gleaner::Index::create(&path).open()?;
    /// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
    /// # index.upsert([Document::bare("a").vector(vector.clone())])?;
    /// # index.commit()?;
    /// let stored: Vec<_> = index.snapshot().sparse_vectors().collect();
    /// assert_eq!(stored, [("a".to_owned(), vector)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sparse_vectors(&self) -> impl Iterator<Item = (String, SparseVector)> + '_ {
        self.commit.segments().iter().flat_map(|segment| {
            let view = segment.impacts();
            self.living(segment).map(move |(row, id)| {
                // Stored weights are exact in f32.
                let stored = view.row(row).iter().map(|(term, weight)| (term, weight as f32));
                let vector = SparseVector::from_pairs(stored);
                (id, vector.expect("opening the segment has checked its rows"))
            })
        })
    }

    /// The dense vectors of all living rows that have one in a field: `(id, vector)`, ids as in
    /// [`Snapshot::sparse_vectors`].
    ///
    /// ```
    /// # use gleaner::{DenseStorage, Document, GivenField, Index};
    /// # let folder = tempfile::tempdir()?;
    /// let field = GivenField::new("emb", 2).storage(DenseStorage::F32);
    /// let mut index = Index::create(folder.path().join("my.index")).dense_field(field).open()?;
    /// index.upsert([Document::bare("a").dense("emb", vec![0.0, 1.0])])?;
    /// let snapshot = index.commit()?;
    /// let stored: Vec<_> = snapshot.dense_vectors("emb")?.collect();
    /// assert_eq!(stored, [("a".to_owned(), vec![0.0, 1.0])]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Catalog` for a field that the index does not have.
    pub fn dense_vectors(
        &self,
        field: &str,
    ) -> Result<impl Iterator<Item = (String, Vec<f32>)> + '_, Error> {
        let name = &self.manifest().dense_field(Some(field))?.spec.name;
        Ok(self.commit.segments().iter().flat_map(move |segment| {
            let field = segment.dense().field(name);
            self.living(segment).filter_map(move |(row, id)| {
                let field = field.as_ref()?;
                let mut vector = Vec::new();
                field.read(field.ordinal(row)?, &mut vector);
                Some((id, vector))
            })
        }))
    }

    /// The living rows of a segment with their ids.
    fn living<'a>(&'a self, segment: &'a Segment) -> impl Iterator<Item = (usize, String)> + 'a {
        let view = segment.impacts();
        let is_alive = |row: &usize| segment.alive().is_none_or(|alive| alive.contains(*row));
        let has_passages = self.manifest().long.is_passages();
        (0..view.rows()).filter(is_alive).map(move |row| {
            let doc = view.doc(row);
            match has_passages {
                true => (row, format!("{}#{}", segment.id(doc), doc - segment.first_row(doc))),
                false => (row, segment.id(doc).to_owned()),
            }
        })
    }
}
