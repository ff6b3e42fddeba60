//! A file of queries, texts or vectors, for `batch-search` and `inspect`.
//!
//! The file is read whole. Texts are encoded by whoever searches for them; tokens of vectors are
//! named by a model here.

use std::path::PathBuf;

use gleaner::{
    InputFile, InputFormat, InputKind, Manifest, Models, Side, SparseVector,
    eval::{Query, read_queries},
    exchange::{Input, find_inputs},
    vocabulary_of,
};

use crate::{args::QueryFormatArg, failure::Failure};

/// Whether there is nothing in a text to search for. A model would make a vector of it
/// nevertheless.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// Queries of one kind, with their ids.
pub(crate) enum QueryFile {
    Texts(Vec<Query>),
    Vectors(Vec<(String, SparseVector)>),
}

impl QueryFile {
    /// Reads a file; a model that was named names tokens where vectors have them.
    pub(crate) fn read(
        path: &PathBuf,
        format: QueryFormatArg,
        manifest: &Manifest,
        models: &Models,
    ) -> anyhow::Result<Self> {
        let kind = match format {
            QueryFormatArg::Jsonl => InputKind::Texts,
            QueryFormatArg::Vectors => InputKind::Vectors,
            QueryFormatArg::VectorsJsonl => InputKind::VectorsJsonl,
            QueryFormatArg::Auto if !path.is_file() => InputKind::Texts,
            QueryFormatArg::Auto => {
                find_inputs(std::slice::from_ref(path), InputFormat::Auto)?[0].kind
            }
        };
        match kind {
            InputKind::Texts => Ok(Self::Texts(read_queries(path)?)),
            InputKind::Ciff => {
                let message = "queries are texts or vectors, not CIFF; see --format";
                Err(Failure::Usage(message.to_owned()).into())
            }
            InputKind::Vectors | InputKind::VectorsJsonl => {
                let mut input = InputFile::new(path, kind);
                if !models.names_sparse() && manifest.model.is_some() {
                    say!("note: the index is bound to a model; vectors must come from the same");
                }
                if models.names_sparse() {
                    // It is compared with the index's even where no token is to be named.
                    let model = models.sparse_of(manifest)?;
                    if kind == InputKind::VectorsJsonl {
                        input.vocabulary = Some(vocabulary_of(&model));
                    }
                }
                Ok(Self::Vectors(read_vectors(&input)?))
            }
        }
    }

    /// All vectors, those of texts by the index's model.
    pub(crate) fn into_vectors(
        self,
        manifest: &Manifest,
        models: &Models,
    ) -> anyhow::Result<Vec<SparseVector>> {
        match self {
            Self::Texts(queries) => {
                let texts: Vec<&str> = queries.iter().map(|query| &query.text[..]).collect();
                Ok(models.encode(manifest, Side::Query, &texts)?)
            }
            Self::Vectors(queries) => Ok(queries.into_iter().map(|query| query.1).collect()),
        }
    }

    /// Names the first query without a text: a run has no line that could say it.
    pub(crate) fn warn_of_blanks(&self) {
        let Self::Texts(queries) = self else { return };
        let mut blank = queries.iter().filter(|query| is_blank(&query.text));
        if let Some(first) = blank.next() {
            let count = 1 + blank.count();
            say!("warning: {count} queries are blank and find nothing, first {:?}", first.id);
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Texts(queries) => queries.len(),
            Self::Vectors(queries) => queries.len(),
        }
    }

    /// The id of a query by its place.
    pub(crate) fn id(&self, query: usize) -> &str {
        match self {
            Self::Texts(queries) => &queries[query].id,
            Self::Vectors(queries) => &queries[query].0,
        }
    }
}

fn read_vectors(input: &InputFile) -> anyhow::Result<Vec<(String, SparseVector)>> {
    let mut input = Input::open(input)?;
    let mut queries = Vec::new();
    while let Some(query) = input.next_document()? {
        let query = query.map_err(Failure::Rejected)?;
        queries.push((query.document.id, query.vector.unwrap_or_default()));
    }
    Ok(queries)
}
