//! The fields of an index and the names of its files: what indexer and searcher agree on.
//!
//! `_id` (raw, unique, 1 to 512 bytes), `_source` (the stored document), `text` (analysed for
//! BM25), `fields` (every other key of the document, for filters) and `impacts` (the sparse
//! vector on its way to the impact file).

use serde_json::json;
use tantivy::{
    Index,
    schema::{
        FAST, Field, IndexRecordOption, JsonObjectOptions, STORED, STRING, Schema,
        TextFieldIndexing, TextOptions,
    },
    tokenizer::{
        Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, StopWordFilter,
        TextAnalyzer,
    },
};

use crate::error::SearchError;

/// Extension of a segment's impact file.
pub const IMPACT_EXTENSION: &str = "imp";
/// Extension of a segment's dense vector file.
pub const DENSE_EXTENSION: &str = "vec";
/// Type name of the custom field that carries the sparse vector.
pub const IMPACTS_TYPE: &str = "gleaner_sparse_vector";
/// Longest `_id` in bytes.
pub const ID_LIMIT_BYTES: usize = 512;
/// Name of the default analyser: lower case, English stop words, English stemming.
pub const ENGLISH: &str = "english";

/// Tokens longer than this are not words.
const WORD_LIMIT_BYTES: usize = 40;

/// The index's fields.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    /// The document's identifier.
    pub id: Field,
    /// The stored document, a JSON object.
    pub source: Field,
    /// Title and text, analysed for BM25.
    pub text: Field,
    /// Everything else in the document, for filters.
    pub fields: Field,
    /// The sparse vector.
    pub impacts: Field,
}

impl Fields {
    /// The schema of a new index.
    pub fn schema() -> Schema {
        let mut schema = Schema::builder();
        schema.add_text_field("_id", STRING | FAST);
        schema.add_text_field("_source", STORED);
        let analysed = TextFieldIndexing::default()
            .set_tokenizer(ENGLISH)
            .set_index_option(IndexRecordOption::WithFreqs);
        schema.add_text_field("text", TextOptions::default().set_indexing_options(analysed));
        let raw = TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_index_option(IndexRecordOption::Basic);
        let fields = JsonObjectOptions::default()
            .set_indexing_options(raw)
            .set_fast("raw")
            .set_expand_dots_enabled();
        schema.add_json_field("fields", fields);
        schema.add_custom_field("impacts", IMPACTS_TYPE, json!({}));
        schema.build()
    }

    /// Finds the fields in an existing index, whose schema must be ours to the letter: a changed
    /// option would change answers without any other symptom.
    ///
    /// Errors: `ForeignIndex` naming the missing field; `Damaged` if an option differs.
    pub fn find(index: &Index) -> Result<Self, SearchError> {
        let schema = index.schema();
        let find = |name: &'static str| {
            schema.get_field(name).map_err(|_| SearchError::ForeignIndex { missing: name })
        };
        let found = Self {
            id: find("_id")?,
            source: find("_source")?,
            text: find("text")?,
            fields: find("fields")?,
            impacts: find("impacts")?,
        };
        if schema != Self::schema() {
            let reason = "its schema is not the one that this version writes".to_owned();
            return Err(SearchError::Damaged { file: "meta.json".into(), reason });
        }
        Ok(found)
    }
}

/// Registers the analysers that fields name; needed on every open.
pub fn register_analyzers(index: &Index) {
    let words = TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(WORD_LIMIT_BYTES))
        .filter(LowerCaser)
        .filter(StopWordFilter::new(Language::English).expect("English stop words are compiled in"))
        .filter(Stemmer::new(Language::English))
        .build();
    index.tokenizers().register(ENGLISH, words);
}

/// Why an `_id` cannot be stored, if it cannot.
pub fn check_id(id: &str) -> Result<(), &'static str> {
    if id.is_empty() {
        return Err("_id is empty");
    }
    if id.len() > ID_LIMIT_BYTES {
        return Err("_id is longer than 512 bytes");
    }
    if id.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err("_id contains a space or a control character");
    }
    Ok(())
}
