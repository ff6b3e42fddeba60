//! A document on its way into an index: identifier, text, vectors, keys.
//!
//! Documents are built here by programs; those in files are read by `indexer`. Both end as the same
//! type. Encoding them is `worker`'s.

use std::collections::BTreeMap;

use gleaner_catalog::{DenseField, OWN_KEYS, check_id, check_values};
use gleaner_encoder::SparseVector;
use gleaner_indexer::InputDocument;
use serde_json::{Map, Value};

use crate::error::Error;

/// A document to be indexed: a text, or vectors, or both.
///
/// ```
/// use gleaner::Document;
///
/// let document = Document::new("d1", "Penicillin was discovered in 1928.")
///     .title("Penicillin")
///     .field("year", 1928)
///     .field("lang", "en");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    id: String,
    title: Option<String>,
    text: Option<String>,
    fields: Map<String, Value>,
    vector: Option<SparseVector>,
    dense: BTreeMap<String, Vec<f32>>,
}

impl Document {
    /// A document with a text.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::bare(id) }
    }

    /// A document without a text. It has to be given a vector.
    pub fn bare(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: None,
            text: None,
            fields: Map::new(),
            vector: None,
            dense: BTreeMap::new(),
        }
    }

    /// The same with a title, which is encoded and searched in front of the text.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// The same with a key, which is stored, returned and filtered on.
    pub fn field(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(key.into(), value.into());
        self
    }

    /// The same with a sparse vector in place of the text's. It must come from the index's model, if
    /// the index has one.
    pub fn vector(mut self, vector: SparseVector) -> Self {
        self.vector = Some(vector);
        self
    }

    /// The same with a dense vector for a field that has no model.
    /// Shapes: `[dims]` of the field.
    pub fn dense(mut self, field: impl Into<String>, vector: Vec<f32>) -> Self {
        self.dense.insert(field.into(), vector);
        self
    }

    /// Its `_id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// As the index takes it.
    ///
    /// Errors: `Document`.
    pub(crate) fn into_given(self, dense_fields: &[DenseField]) -> Result<InputDocument, Error> {
        let refused = |reason: String| Error::Document { id: self.id.clone(), reason };
        check_id(&self.id).map_err(|reason| refused(reason.to_owned()))?;
        let is_reserved = |key: &str| {
            OWN_KEYS.contains(&key) || dense_fields.iter().any(|field| field.spec.name == key)
        };
        if let Some(key) = self.fields.keys().find(|key| is_reserved(key)) {
            return Err(refused(format!("the key {key:?} has a meaning of its own")));
        }
        check_values(&self.fields).map_err(&refused)?;
        let dense = self.prepared(dense_fields).map_err(&refused)?;
        let has_dense = dense.iter().any(Option::is_some);
        if self.title.is_none() && self.text.is_none() && self.vector.is_none() && !has_dense {
            return Err(refused("it has neither a text nor a vector".to_owned()));
        }
        let source = self.source();
        let parts = [self.title.unwrap_or_default(), self.text.unwrap_or_default()];
        let text = parts.join(" ").trim().to_owned();
        let document = gleaner_indexer::Document {
            id: self.id,
            text,
            source,
            fields: self.fields,
            is_deletion: false,
        };
        let dense = if has_dense { dense } else { Vec::new() };
        Ok(InputDocument { document, vector: self.vector, dense })
    }

    /// The dense vectors as they are stored, one entry per field of the index.
    fn prepared(&self, fields: &[DenseField]) -> Result<Vec<Option<Vec<f32>>>, String> {
        let takes = |name: &str| {
            fields.iter().any(|field| field.spec.name == name && field.model.is_none())
        };
        if let Some(name) = self.dense.keys().find(|name| !takes(name)) {
            return Err(format!("the index has no dense field {name:?} that takes given vectors"));
        }
        let prepare = |field: &DenseField| {
            let given = self.dense.get(&field.spec.name);
            let prepared = given.map(|vector| field.spec.prepare(vector)).transpose();
            prepared.map_err(|error| error.to_string())
        };
        fields.iter().map(prepare).collect()
    }

    /// What is stored of it; nothing if that leaves no more than the `_id`.
    fn source(&self) -> String {
        let [id, _, title, text] = OWN_KEYS;
        let texts = [(title, &self.title), (text, &self.text)];
        if self.fields.is_empty() && texts.iter().all(|(_, text)| text.is_none()) {
            return String::new();
        }
        let mut source = Map::new();
        source.insert(id.to_owned(), Value::from(self.id.clone()));
        for (key, text) in texts {
            source.extend(text.clone().map(|text| (key.to_owned(), Value::from(text))));
        }
        source.extend(self.fields.clone());
        // As of a line whose vectors were taken out (`indexer/src/document/read.rs`).
        let brings_vectors = self.vector.is_some() || !self.dense.is_empty();
        format!("{}{}", if brings_vectors { " " } else { "" }, Value::Object(source))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use gleaner_format::{DenseSpec, DenseStorage, Metric};

    use super::*;

    fn fields() -> Vec<DenseField> {
        let spec = DenseSpec {
            name: "emb".to_owned(),
            dims: 2,
            metric: Metric::Dot,
            storage: DenseStorage::F32,
        };
        vec![DenseField { spec, model: None }]
    }

    #[test]
    fn a_built_document_is_the_one_that_its_line_would_be() {
        let built = Document::new("7", "b c ").title("A").field("year", 2001);
        let built = built.into_given(&[]).unwrap().document;
        let line = br#"{"_id": "7", "title": "A", "text": "b c ", "year": 2001}"#;
        let read = gleaner_indexer::Document::parse(line).unwrap();
        assert_eq!((&built.id, &built.text, &built.fields), (&read.id, &read.text, &read.fields));
        let json = |source: &str| serde_json::from_str::<Value>(source).unwrap();
        assert_eq!(json(&built.source), json(&read.source));
    }

    #[test]
    fn a_bare_vector_leaves_no_source() {
        let vector = SparseVector::from_pairs([(3, 1.5)]).unwrap();
        let given = Document::bare("x").vector(vector.clone()).into_given(&[]).unwrap();
        assert_eq!((given.document.source.as_str(), given.vector), ("", Some(vector)));
    }

    #[test]
    fn what_cannot_be_indexed_is_refused_with_its_reason() {
        let refused = |document: Document| document.into_given(&fields()).unwrap_err().to_string();
        let cases = [
            (Document::bare("a"), "neither a text nor a vector"),
            (Document::new("", "x"), "empty"),
            (Document::new("a", "x").field("text", 1), "\"text\" has a meaning of its own"),
            (Document::new("a", "x").field("emb", 1), "\"emb\" has a meaning of its own"),
            (Document::new("a", "x").dense("other", vec![1.0, 2.0]), "no dense field \"other\""),
            (Document::new("a", "x").dense("emb", vec![1.0]), "dimension"),
            (Document::new("a", "x").dense("emb", vec![1.0, f32::NAN]), "emb"),
        ];
        for (document, reason) in cases {
            let found = refused(document);
            assert!(found.contains(reason), "{found:?} should contain {reason:?}");
        }
    }
}
