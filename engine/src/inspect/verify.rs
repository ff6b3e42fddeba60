//! Is every byte what was written, and every bound true?
//!
//! Opening an index checks structure and checksums. [`examine`] with [`Level::Full`] also derives columns,
//! maxima and codes again, and reads every document.

use std::{collections::HashMap, path::Path};

use gleaner_catalog::CatalogError;
use gleaner_indexer::IndexError;
use gleaner_searcher::{SearchError, Segment};
use serde::Serialize;

use crate::{
    error::{Error, chain},
    index::Index,
    snapshot::Snapshot,
};

/// How much is examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Structure and checksums of all files.
    Files,
    /// Also every bound, every vector and every document.
    Full,
}

/// What is examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Structure and checksums.
    Files,
    /// Columns and block maxima of a segment.
    Bounds,
    /// Dense vectors of a segment.
    Dense,
    /// Stored documents and their ids.
    Documents,
}

impl Check {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Bounds => "bounds",
            Self::Dense => "dense",
            Self::Documents => "documents",
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// Whether everything is as it should be.
    pub ok: bool,
    /// What was looked at, or what is wrong.
    pub detail: String,
}

/// Examines an index. Damage is a finding, not an error.
///
/// ```
/// # use gleaner::{Document, SparseVector};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("my.index");
/// # let mut index = gleaner::Index::create(&path).open()?;
/// # let vector = SparseVector::from_pairs([(7, 1.0)])?;
/// # index.upsert([Document::bare("a").vector(vector.clone())])?;
/// # index.commit()?;
/// use gleaner::{Level, examine};
///
/// assert!(examine(&path, Level::Full)?.iter().all(|finding| finding.ok));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `Catalog` and `Search` when there is no index, or it cannot be read.
pub fn examine(path: &Path, level: Level) -> Result<Vec<Finding>, Error> {
    let snapshot = match Index::open(path) {
        Ok(index) => index.snapshot(),
        Err(error) if error.is_damage() => {
            let detail = chain(&error);
            return Ok(vec![Finding { check: Check::Files, ok: false, detail }]);
        }
        Err(error) => return Err(error),
    };
    let segments = snapshot.commit.segments().len();
    let detail = format!(
        "{} documents in {segments} segments; structure and checksums of all files hold",
        snapshot.documents()
    );
    let mut findings = vec![Finding { check: Check::Files, ok: true, detail }];
    if level == Level::Full {
        findings.extend(snapshot.bounds());
        findings.extend(snapshot.dense_codes());
        findings.push(snapshot.stored_documents());
    }
    Ok(findings)
}

impl Error {
    /// Whether this says that stored bytes are not what was written.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Catalog(error) => error.is_damage(),
            Self::Search(error) => error.is_damage(),
            Self::Index(IndexError::Storage(error)) => error.is_damage(),
            Self::Index(IndexError::Catalog(error)) => error.is_damage(),
            _ => false,
        }
    }

    /// Whether another index, or an earlier or a diverged commit of it, lies where an index was opened.
    pub fn is_replaced(&self) -> bool {
        let error = match self {
            Self::Catalog(error) | Self::Search(SearchError::Catalog(error)) => error,
            Self::Index(IndexError::Catalog(error)) => error,
            _ => return false,
        };
        matches!(error, CatalogError::Replaced { .. })
    }
}

impl Snapshot {
    /// Every segment's columns and maxima, derived again from its rows.
    fn bounds(&self) -> Vec<Finding> {
        let check = Check::Bounds;
        let audit = |segment: &Segment| match segment.impacts().verify() {
            Ok(audit) => {
                let detail = format!(
                    "{}: {} postings, {} lists and {} block maxima recomputed, all equal",
                    segment.name(),
                    audit.postings,
                    audit.lists,
                    audit.block_maxima
                );
                Finding { check, ok: true, detail }
            }
            Err(error) => damaged(check, segment, &error),
        };
        self.commit.segments().iter().map(|segment| audit(segment)).collect()
    }

    /// Every dense vector read, every code and bound derived again.
    fn dense_codes(&self) -> Vec<Finding> {
        let check = Check::Dense;
        let audit = |segment: &Segment| {
            let (mut vector, mut read) = (Vec::new(), 0);
            for field in segment.dense_fields() {
                read += field.vectors();
                (0..field.vectors()).for_each(|ordinal| field.read(ordinal, &mut vector));
            }
            match segment.dense().verify() {
                Ok(codes) => {
                    let detail = format!(
                        "{}: {read} vectors read, the codes of {codes} recomputed, all equal",
                        segment.name()
                    );
                    Finding { check, ok: true, detail }
                }
                Err(error) => damaged(check, segment, &error),
            }
        };
        let segments = match self.manifest().dense.is_empty() {
            true => &[],
            false => self.commit.segments(),
        };
        segments.iter().map(|segment| audit(segment)).collect()
    }

    /// Every living document readable, every id once.
    fn stored_documents(&self) -> Finding {
        let (ok, detail) = match self.read_documents() {
            Ok(count) => (true, format!("{count} stored documents read, every _id unique")),
            Err(detail) => (false, detail),
        };
        Finding { check: Check::Documents, ok, detail }
    }

    fn read_documents(&self) -> Result<usize, String> {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let segments = self.commit.segments();
        for (ordinal, segment) in segments.iter().enumerate() {
            let view = segment.impacts();
            for row in 0..view.rows() {
                if segment.alive().is_some_and(|alive| !alive.contains(row)) {
                    continue;
                }
                let doc = view.doc(row);
                // The first row of several stands for the document.
                if segment.first_row(doc) != doc {
                    continue;
                }
                let id = segment.id(doc);
                self.commit.stored(ordinal, doc).map_err(|error| chain(&error))?;
                if let Some(other) = seen.insert(id, ordinal) {
                    let (first, second) = (segments[other].name(), segments[ordinal].name());
                    return Err(format!("_id {id:?} lives in {first} and {second}"));
                }
            }
        }
        Ok(seen.len())
    }
}

fn damaged(check: Check, segment: &Segment, error: &dyn std::error::Error) -> Finding {
    let detail = format!("the index is damaged: {}: {}", segment.name(), chain(error));
    Finding { check, ok: false, detail }
}
