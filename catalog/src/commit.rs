//! One commit of an index, checked: its manifest and its segments' files, mapped.
//!
//! A commit is immutable. So are the vector files of a segment, and the next commit takes over those
//! that are open already. What rows mean to a search is left to `searcher`.

use std::{ops::Deref, path::Path, sync::Arc};

use gleaner_format::{DenseFile, DenseView, ImpactFile, ImpactView};
use tantivy::{
    DocAddress, DocSet, IndexMeta, Opstamp, Searcher, SegmentReader, TERMINATED, Term,
    directory::OwnedBytes,
    index::{SegmentComponent, SegmentId},
    schema::{Field, IndexRecordOption},
};

use crate::{
    error::CatalogError,
    files::{damage, segment_ids},
    manifest::Manifest,
    schema::{DENSE_EXTENSION, IMPACT_EXTENSION},
    storage::storage_error,
};

/// One commit, of which every file was checked.
pub struct Commit {
    manifest: Manifest,
    payload: Option<String>,
    opstamp: Opstamp,
    searcher: Searcher,
    segments: Vec<Arc<SegmentFiles>>,
}

/// The two vector files of one segment, mapped and checked.
pub struct SegmentFiles {
    id: SegmentId,
    impacts: ImpactFile<Mapped>,
    dense: DenseFile<Mapped>,
}

/// Bytes that the storage layer keeps mapped.
struct Mapped(OwnedBytes);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.deref()
    }
}

impl Commit {
    /// Opens the vector files of a commit whose other files are checked and open in `searcher`. Those
    /// that `previous` has open are taken over.
    ///
    /// # Errors
    /// `Damaged`, `DamagedImpacts`, `Missing`, `Io`.
    pub(crate) fn open(
        path: &Path,
        (metas, manifest): (&IndexMeta, Manifest),
        searcher: Searcher,
        previous: Option<&Self>,
    ) -> Result<Self, CatalogError> {
        let known = previous.map_or(&[][..], |previous| &previous.segments);
        let open = |reader: &SegmentReader| {
            let id = reader.segment_id();
            let files = match known.iter().find(|files| files.id == id) {
                Some(files) => Arc::clone(files),
                None => Arc::new(SegmentFiles::open(path, reader)?),
            };
            files.check(path, reader, &manifest)?;
            Ok(files)
        };
        let segments = searcher.segment_readers().iter().map(open);
        let segments = segments.collect::<Result<_, CatalogError>>()?;
        let (payload, opstamp) = (metas.payload.clone(), metas.opstamp);
        Ok(Self { manifest, payload, opstamp, searcher, segments })
    }

    /// Whether this is the commit that a list of segments describes.
    pub(crate) fn is_of(&self, metas: &IndexMeta) -> bool {
        // A merge keeps the commit's number and changes its segments. An index that was removed and
        // created again may have both, and another manifest.
        metas.opstamp == self.opstamp
            && metas.payload == self.payload
            && *self.searcher.generation().segments() == segment_ids(metas)
    }

    /// How many vector files are open here that were not open in `previous`.
    pub(crate) fn opened_since(&self, previous: Option<&Self>) -> u64 {
        let known = previous.map_or(&[][..], |previous| &previous.segments);
        let is_new = |files: &&Arc<SegmentFiles>| !known.iter().any(|known| known.id == files.id);
        2 * self.segments.iter().filter(is_new).count() as u64
    }

    /// What the commit says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Number of the commit; grows with every commit.
    pub fn generation(&self) -> u64 {
        self.opstamp
    }

    /// The files of the segments, in the storage layer's order.
    pub fn segments(&self) -> &[Arc<SegmentFiles>] {
        &self.segments
    }

    /// Whether nothing was ever indexed by the commit or before it.
    pub fn is_unused(&self) -> bool {
        self.segments.is_empty() && self.manifest.inputs.is_empty()
    }

    /// The storage layer's view of the same commit.
    pub fn searcher(&self) -> &Searcher {
        &self.searcher
    }
}

impl SegmentFiles {
    fn open(path: &Path, reader: &SegmentReader) -> Result<Self, CatalogError> {
        let id = reader.segment_id();
        let name = |extension: &str| path.join(format!("{}.{extension}", id.uuid_string()));
        let bytes = |extension: &str| -> Result<OwnedBytes, CatalogError> {
            reader
                .open_read(SegmentComponent::Custom(extension.to_owned()))
                .map_err(|error| damage(error.into(), name(extension)))?
                .read_bytes()
                .map_err(|source| damage(source.into(), name(extension)))
        };
        let damaged = |file, source| CatalogError::DamagedImpacts { file, source };
        let impacts = ImpactFile::open(Mapped(bytes(IMPACT_EXTENSION)?))
            .map_err(|source| damaged(name(IMPACT_EXTENSION), source))?;
        let dense = DenseFile::open(Mapped(bytes(DENSE_EXTENSION)?))
            .map_err(|source| damaged(name(DENSE_EXTENSION), source))?;
        Ok(Self { id, impacts, dense })
    }

    /// Compares the files with each other and with what the commit says of their segment.
    fn check(
        &self,
        path: &Path,
        reader: &SegmentReader,
        manifest: &Manifest,
    ) -> Result<(), CatalogError> {
        let name = |extension: &str| path.join(format!("{}.{extension}", self.name()));
        let damaged = |file, reason| Err(CatalogError::Damaged { file, reason });
        let (rows, dense_rows) = (self.impacts().rows(), self.dense().rows());
        for (extension, rows) in [(IMPACT_EXTENSION, rows), (DENSE_EXTENSION, dense_rows)] {
            if rows != reader.max_doc() as usize {
                let reason = format!("{rows} rows for {} documents", reader.max_doc());
                return damaged(name(extension), reason);
            }
        }
        let found = self.dense();
        if !found
            .fields()
            .map(|field| field.spec())
            .eq(manifest.dense.iter().map(|field| &field.spec))
        {
            let reason = "its dense fields are not those of the index".to_owned();
            return damaged(name(DENSE_EXTENSION), reason);
        }
        if let Some(reason) = missing_id(reader)? {
            return damaged(name("fast"), reason);
        }
        let living = reader.alive_bitset().map_or(rows as u64, |alive| {
            (0..reader.max_doc()).filter(|&doc| alive.is_alive(doc)).count() as u64
        });
        if living != u64::from(reader.num_docs()) {
            let reason = format!("{living} living rows, meta.json says {}", reader.num_docs());
            return damaged(path.join("meta.json"), reason);
        }
        Ok(())
    }

    /// The segment's name, the stem of its files.
    pub fn name(&self) -> String {
        self.id.uuid_string()
    }

    /// The impact file.
    #[inline]
    pub fn impacts(&self) -> ImpactView<'_> {
        self.impacts.view()
    }

    /// The dense vector file.
    #[inline]
    pub fn dense(&self) -> DenseView<'_> {
        self.dense.view()
    }
}

/// The first living row of the document with an `_id`, in the storage layer's numbers. `ids` is the field of
/// the `_id`s.
///
/// # Errors
/// The storage layer's.
pub fn living_row(
    searcher: &Searcher,
    ids: Field,
    id: &str,
) -> tantivy::Result<Option<DocAddress>> {
    let term = Term::from_field_text(ids, id);
    for (segment, reader) in searcher.segment_readers().iter().enumerate() {
        let postings =
            reader.inverted_index(ids)?.read_postings(&term, IndexRecordOption::Basic)?;
        let Some(mut rows) = postings else { continue };
        while rows.doc() != TERMINATED {
            if !reader.is_deleted(rows.doc()) {
                return Ok(Some(DocAddress::new(segment as u32, rows.doc())));
            }
            rows.advance();
        }
    }
    Ok(None)
}

/// What is wrong with a segment's column of ids, if it is not one id for every document.
///
/// # Errors
/// `Storage` if the column cannot be asked.
fn missing_id(reader: &SegmentReader) -> Result<Option<String>, CatalogError> {
    let column = reader.fast_fields().str("_id").map_err(storage_error)?;
    let Some(column) = column else { return Ok(Some("the _id column is missing".to_owned())) };
    let ordinals = column.ords();
    let docs = reader.max_doc();
    if ordinals.get_cardinality().is_full() && ordinals.num_docs() == docs {
        return Ok(None);
    }
    let missing = (0..docs).find(|&doc| ordinals.first(doc).is_none());
    Ok(missing.map(|doc| format!("document {doc} has no _id")))
}
