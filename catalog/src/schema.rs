//! The fields of an index and the names of its files: what indexer and searcher agree on.
//!
//! `_id` (raw, unique, 1 to 512 bytes), `_source` (the stored document), `text` (analysed for
//! BM25), `words` (its words as they are), `fields` (every other key of the document, for filters),
//! `times` (those that are times, as keys that sort), `impacts` and `dense` (the sparse vector and the
//! dense ones on their way to the impact file and to the dense vector file).

use serde_json::json;
use tantivy::{
    Index,
    schema::{
        FAST, Field, FieldType, IndexRecordOption, JsonObjectOptions, STORED, STRING, Schema,
        SchemaBuilder, TextFieldIndexing, TextOptions,
    },
};

use crate::{analyzer::Analyzer, error::CatalogError};

/// Extension of a segment's impact file.
pub const IMPACT_EXTENSION: &str = "imp";
/// Extension of a segment's dense vector file.
pub const DENSE_EXTENSION: &str = "vec";
/// Type name of the custom field that carries the sparse vector.
pub const IMPACTS_TYPE: &str = "gleaner_sparse_vector";
/// Type name of the custom field that carries the dense vectors.
pub const DENSE_TYPE: &str = "gleaner_dense_vectors";

/// The index's fields.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    /// The document's identifier.
    pub id: Field,
    /// The stored document, a JSON object.
    pub source: Field,
    /// Title and text, analysed for BM25.
    pub text: Field,
    /// The words of the text, lower-cased and no more, for conditions on how a word begins.
    pub words: Field,
    /// Everything else in the document, for filters.
    pub fields: Field,
    /// The keys that hold times, each as [`TimeKey`](crate::TimeKey)s.
    pub times: Field,
    /// The sparse vector.
    pub impacts: Field,
    /// The dense vectors.
    pub dense: Field,
    /// How `text` becomes words.
    pub analyzer: Analyzer,
}

impl Fields {
    /// The schema of a new index.
    pub fn schema(analyzer: Analyzer) -> Schema {
        let positions = IndexRecordOption::WithFreqsAndPositions;
        let mut schema = Self::second_schema(&analyzer.tokenizer(), positions);
        let words = TextFieldIndexing::default()
            .set_tokenizer(&analyzer.words_tokenizer())
            .set_index_option(IndexRecordOption::Basic)
            .set_fieldnorms(false);
        schema.add_text_field("words", TextOptions::default().set_indexing_options(words));
        let times = JsonObjectOptions::default().set_fast("raw").set_expand_dots_enabled();
        schema.add_json_field("times", times);
        schema.build()
    }

    /// What the schema was before words and times had fields of their own.
    fn second_schema(tokenizer: &str, text: IndexRecordOption) -> SchemaBuilder {
        let mut schema = Self::first_schema(tokenizer, text);
        schema.add_custom_field("dense", DENSE_TYPE, json!({}));
        schema
    }

    /// What the schema began as: indexes without dense vectors have no more.
    fn first_schema(tokenizer: &str, text: IndexRecordOption) -> SchemaBuilder {
        let mut schema = Schema::builder();
        schema.add_text_field("_id", STRING | FAST);
        schema.add_text_field("_source", STORED);
        let analysed = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(text);
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
        schema
    }

    /// Finds the fields in an existing index, whose schema must be ours to the letter: a changed
    /// option would change answers without any other symptom.
    ///
    /// # Errors
    /// `EarlierVersion` for an index from before dense vectors; `ForeignIndex` naming the missing field;
    /// `Damaged` if an option differs.
    pub fn find(index: &Index) -> Result<Self, CatalogError> {
        let schema = index.schema();
        let with_freqs = IndexRecordOption::WithFreqs;
        if schema == Self::first_schema(Analyzer::ENGLISH.name(), with_freqs).build() {
            return Err(CatalogError::EarlierVersion { missing: "dense vectors" });
        }
        if Analyzer::all().any(|it| schema == Self::second_schema(it.name(), with_freqs).build()) {
            return Err(CatalogError::EarlierVersion { missing: "words and times of their own" });
        }
        let find = |name: &'static str| {
            schema.get_field(name).map_err(|_| CatalogError::ForeignIndex { missing: name })
        };
        let (id, source, text) = (find("_id")?, find("_source")?, find("text")?);
        let damaged = |reason: String| CatalogError::Damaged { file: "meta.json".into(), reason };
        let analyzer = match schema.get_field_entry(text).field_type() {
            FieldType::Str(options) => options.get_indexing_options(),
            _ => None,
        };
        let name = analyzer.map_or("", |options| options.tokenizer());
        let Some(analyzer) = Analyzer::of_tokenizer(name) else {
            return Err(match name.parse::<Analyzer>() {
                Ok(_) => CatalogError::EarlierVersion { missing: "the words of Unicode" },
                Err(error) => damaged(error.to_string()),
            });
        };
        let found = Self {
            id,
            source,
            text,
            words: find("words")?,
            fields: find("fields")?,
            times: find("times")?,
            impacts: find("impacts")?,
            dense: find("dense")?,
            analyzer,
        };
        match schema == Self::schema(analyzer) {
            true => Ok(found),
            false => Err(damaged("its schema is not the one that this version writes".to_owned())),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_names_its_analyzer() {
        for analyzer in Analyzer::all() {
            let index = Index::create_in_ram(Fields::schema(analyzer));
            assert_eq!(Fields::find(&index).unwrap().analyzer, analyzer);
        }
    }

    #[test]
    fn other_schemas_are_told_apart() {
        let error = |schema: SchemaBuilder| {
            Fields::find(&Index::create_in_ram(schema.build())).unwrap_err().to_string()
        };
        let earlier = error(Fields::first_schema("english", IndexRecordOption::WithFreqs));
        assert!(
            earlier.contains("earlier version") && earlier.contains("index again"),
            "{earlier}"
        );
        let foreign = error(Schema::builder());
        assert!(foreign.contains("field _id is missing"), "{foreign}");
        let mut unknown = Schema::builder();
        for name in ["_id", "_source", "text"] {
            unknown.add_text_field(name, STRING);
        }
        assert!(error(unknown).contains("is no analyser"));
        let mut other = Fields::first_schema("simple.2", IndexRecordOption::WithFreqsAndPositions);
        other.add_text_field("words", STRING);
        other.add_text_field("times", STRING);
        other.add_custom_field("dense", DENSE_TYPE, json!({"other": 1}));
        assert!(error(other).contains("its schema is not the one"));
    }
}
