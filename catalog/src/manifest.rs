//! What a commit says about itself: the model it was encoded with and how far its input got.
//!
//! Stored as the payload of tantivy's commit, so that it is atomic with the documents. Every
//! commit carries it on.

use std::{collections::BTreeMap, path::Path};

use gleaner_format::DenseSpec;
use serde::{Deserialize, Serialize};

use crate::{error::CatalogError, long::LongTexts, seal::FileSeal};

/// Version of the payload.
pub const MANIFEST_VERSION: u32 = 2;

/// The version before, which is read, too: it has no ids and no seals.
const UNSEALED_VERSION: u32 = 1;

/// Hits of each leg that take part in fusion unless the index or the request says otherwise.
pub const FUSION_DEPTH: usize = 1_000;

/// Most hits of each leg that can take part in fusion.
pub const FUSION_DEPTH_LIMIT: usize = 100_000;

/// The payload of every commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`] of the writer.
    pub version: u32,
    /// The model that encodes queries for this index; `None` for an index of given vectors.
    pub model: Option<ModelBinding>,
    /// The files of the latest indexing run, in order.
    pub inputs: Vec<InputProgress>,
    /// What becomes of texts that are longer than the model reads.
    #[serde(default, skip_serializing_if = "LongTexts::is_cut")]
    pub long: LongTexts,
    /// Dense fields, in the order of the segments' dense vector files; fixed when the index is
    /// created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dense: Vec<DenseField>,
    /// Hits of each leg that take part in fusion; fixed when the index is created. The stored key is
    /// the name that it had first.
    #[serde(
        rename = "fusion_window",
        default = "default_depth",
        skip_serializing_if = "is_default_depth"
    )]
    pub fusion_depth: usize,
    /// What tells the index from every other, made when it is created; `None` in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What tells the commit from every other; a merge keeps it. `None` in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The files of all segments by name; none in version 1.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, FileSeal>,
}

fn default_depth() -> usize {
    FUSION_DEPTH
}

fn is_default_depth(depth: &usize) -> bool {
    *depth == FUSION_DEPTH
}

/// Dense vectors of one kind, one for every document or row that has one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenseField {
    /// Name, dimensions, metric, storage.
    #[serde(flatten)]
    pub spec: DenseSpec,
    /// The model that makes the vectors of texts; `None` where documents bring their vectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelBinding>,
}

impl Manifest {
    /// The manifest of a new index.
    pub fn new(model: Option<ModelBinding>, long: LongTexts) -> Self {
        let (inputs, dense) = (Vec::new(), Vec::new());
        let (version, fusion_depth) = (MANIFEST_VERSION, FUSION_DEPTH);
        let (id, commit, files) = (None, None, BTreeMap::new());
        Self { version, model, inputs, long, dense, fusion_depth, id, commit, files }
    }

    /// Whether it names the files of its commit.
    pub fn is_sealed(&self) -> bool {
        self.version > UNSEALED_VERSION
    }

    /// The dense field of a name; without one, the only one.
    ///
    /// # Errors
    /// `DenseField`.
    pub fn dense_field(&self, name: Option<&str>) -> Result<&DenseField, CatalogError> {
        let found = match (name, &self.dense[..]) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(name), fields) => fields.iter().find(|field| field.spec.name == name),
        };
        found.ok_or_else(|| CatalogError::DenseField {
            field: name.map(str::to_owned),
            known: self.dense.iter().map(|field| field.spec.name.clone()).collect(),
        })
    }

    /// What the dense vector files hold, in order.
    pub fn dense_specs(&self) -> Vec<DenseSpec> {
        self.dense.iter().map(|field| field.spec.clone()).collect()
    }

    /// The payload: a checksum of eight hexadecimal digits, a space, JSON. (tantivy keeps the
    /// payload in `meta.json`, which has no checksum of its own.)
    ///
    /// # Errors
    /// Those of writing JSON.
    pub fn to_payload(&self) -> Result<String, serde_json::Error> {
        let json = serde_json::to_string(self)?;
        Ok(format!("{:08x} {json}", crc32fast::hash(json.as_bytes())))
    }

    /// Reads a payload. `path` is the index folder, for errors.
    ///
    /// # Errors
    /// `Manifest` with what is wrong.
    pub fn read(payload: Option<&str>, path: &Path) -> Result<Self, CatalogError> {
        let unreadable =
            |reason: &str| CatalogError::Manifest { path: path.into(), reason: reason.to_owned() };
        let payload = payload.ok_or_else(|| unreadable("the commit carries none"))?;
        let (crc, json) =
            payload.split_once(' ').ok_or_else(|| unreadable("its checksum is missing"))?;
        if crc != format!("{:08x}", crc32fast::hash(json.as_bytes())) {
            return Err(unreadable("its checksum does not match"));
        }
        let manifest: Self =
            serde_json::from_str(json).map_err(|error| unreadable(&error.to_string()))?;
        match manifest.version {
            MANIFEST_VERSION if manifest.id.is_none() => Err(unreadable("the index has no id")),
            UNSEALED_VERSION | MANIFEST_VERSION => Ok(manifest),
            found => Err(unreadable(&format!(
                "version {found}; this build reads {UNSEALED_VERSION} and {MANIFEST_VERSION}"
            ))),
        }
    }
}

/// Which model an index belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelBinding {
    /// Where the model folder was; a hint that `--model` overrides.
    pub path: String,
    /// Fingerprint of graph, tokeniser and settings: queries of another model are refused.
    pub fingerprint: String,
}

/// How far one input file got, as of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputProgress {
    /// The file, as an absolute path.
    pub path: String,
    /// Size of the file in bytes when it was opened.
    pub size_bytes: u64,
    /// Decompressed bytes whose documents are committed; all of a file that has postings by term.
    pub consumed_bytes: u64,
    /// SHA-256 of those bytes.
    pub consumed_sha256: String,
    /// Lines whose documents are committed, rows of a binary file.
    pub lines: u64,
    /// Documents committed from this file.
    pub documents: u64,
    /// Lines or rows refused so far.
    pub rejected: u64,
    /// Whether the end of the file was reached.
    pub complete: bool,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_keys_are_the_names_that_they_had_first() {
        let mut manifest = Manifest::new(None, LongTexts::Cut);
        let plain = r#"{"version":2,"model":null,"inputs":[]}"#;
        assert_eq!(serde_json::to_string(&manifest).unwrap(), plain);
        manifest.fusion_depth = 50;
        let deep = r#"{"version":2,"model":null,"inputs":[],"fusion_window":50}"#;
        assert_eq!(serde_json::to_string(&manifest).unwrap(), deep);
        manifest.id = Some("an id".to_owned());
        manifest.files.insert("a.imp".to_owned(), FileSeal { len_bytes: 3, crc32: 7 });
        let sealed = r#""id":"an id","files":{"a.imp":{"len_bytes":3,"crc32":7}}}"#;
        assert!(serde_json::to_string(&manifest).unwrap().ends_with(sealed));
        let payload = manifest.to_payload().unwrap();
        assert_eq!(Manifest::read(Some(&payload), Path::new("x")).unwrap(), manifest);
    }

    #[test]
    fn a_manifest_of_the_version_before_is_read_and_one_of_the_next_is_not() {
        let read = |json: &str| {
            let payload = format!("{:08x} {json}", crc32fast::hash(json.as_bytes()));
            Manifest::read(Some(&payload), Path::new("x"))
        };
        let before = read(r#"{"version":1,"model":null,"inputs":[]}"#).unwrap();
        assert!(!before.is_sealed() && before.files.is_empty());
        for (json, says) in [
            (r#"{"version":2,"model":null,"inputs":[]}"#, "no id"),
            (r#"{"version":3,"model":null,"inputs":[],"id":"x"}"#, "reads 1 and 2"),
        ] {
            let error = read(json).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_payload_that_was_changed_is_damage() {
        let mut manifest = Manifest::new(None, LongTexts::Cut);
        manifest.id = Some("an id".to_owned());
        let payload = manifest.to_payload().unwrap();
        let others = [None, Some("no checksum".to_owned()), Some(payload.replace('2', "1"))];
        for payload in others {
            let error = Manifest::read(payload.as_deref(), Path::new("x")).unwrap_err();
            assert!(error.is_damage(), "{error}");
        }
    }
}
