//! A file of queries, texts or vectors, for `batch-search` and `inspect`.
//!
//! The file is read whole. Texts are encoded by whoever searches for them; tokens of vectors are
//! named by a model here.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use gleaner::{
    InputFile, InputFormat, InputKind, Manifest, Models, Side, SparseVector,
    eval::{Query, read_queries},
    exchange::{Input, find_inputs, is_source, read_encoded},
    is_blank, vocabulary_of,
};

use super::token_names::{TokenNames, is_word, with_terms};
use crate::{args::QueryFormatArg, failure::Failure};

/// Queries of one kind, with their ids.
pub(crate) enum QueryFile {
    Texts(Vec<Query>),
    Vectors(Vec<(String, SparseVector)>),
}

impl QueryFile {
    /// Reads a file; the model that is named, or the index's own, names tokens where vectors have
    /// them. Answers of `/v1/encode` are vectors, too.
    pub(crate) fn read(
        path: &PathBuf,
        format: QueryFormatArg,
        manifest: &Manifest,
        models: &Models,
    ) -> anyhow::Result<Self> {
        let can_be_answer = match format {
            QueryFormatArg::Auto | QueryFormatArg::VectorsJsonl => is_source(path),
            QueryFormatArg::Jsonl | QueryFormatArg::Vectors => false,
        };
        if can_be_answer && let Some(vectors) = read_encoded(path)? {
            return Ok(Self::Vectors(vectors));
        }
        let kind = match format {
            QueryFormatArg::Jsonl => InputKind::Texts,
            QueryFormatArg::Vectors => InputKind::Vectors,
            QueryFormatArg::VectorsJsonl => InputKind::VectorsJsonl,
            QueryFormatArg::Auto => kind_of(path)?,
        };
        match kind {
            InputKind::Texts => Ok(Self::Texts(read_queries(path)?)),
            InputKind::Csv | InputKind::Tsv => {
                Ok(Self::Texts(read_rows(&InputFile::new(path, kind))?))
            }
            InputKind::Ciff => {
                let message = "queries are texts or vectors, not CIFF; see --format";
                Err(Failure::Usage(message.to_owned()).into())
            }
            InputKind::Vectors | InputKind::VectorsJsonl => {
                let input = InputFile::new(path, kind);
                Ok(Self::Vectors(named_vectors(input, manifest, models)?))
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

/// What a file holds; what is no regular file is read as texts.
fn kind_of(path: &PathBuf) -> anyhow::Result<InputKind> {
    match is_source(path) {
        true => Ok(find_inputs(std::slice::from_ref(path), InputFormat::Auto)?[0].kind),
        false => Ok(InputKind::Texts),
    }
}

/// Queries that are texts: JSON lines, or a table with a header.
pub(crate) fn read_texts(path: &PathBuf) -> anyhow::Result<Vec<Query>> {
    match kind_of(path)? {
        kind @ (InputKind::Csv | InputKind::Tsv) => read_rows(&InputFile::new(path, kind)),
        InputKind::Texts | InputKind::Vectors | InputKind::VectorsJsonl | InputKind::Ciff => {
            Ok(read_queries(path)?)
        }
    }
}

/// The queries of a table, whose ids must differ.
fn read_rows(input: &InputFile) -> anyhow::Result<Vec<Query>> {
    let mut input = Input::open(input)?;
    let (mut queries, mut seen) = (Vec::new(), HashSet::new());
    while let Some(query) = input.next_document()? {
        let document = query.map_err(Failure::Rejected)?.document;
        if !seen.insert(document.id.clone()) {
            let file = input.path().display();
            let message = format!("{file} has two queries with the id {:?}", document.id);
            return Err(Failure::Twice(message).into());
        }
        queries.push(Query { id: document.id, text: document.text });
    }
    Ok(queries)
}

/// The vectors of a file, whose tokens are those of the model that is named, or of the index's own,
/// or term ids.
fn named_vectors(
    mut input: InputFile,
    manifest: &Manifest,
    models: &Models,
) -> anyhow::Result<Vec<(String, SparseVector)>> {
    let has_tokens = input.kind == InputKind::VectorsJsonl;
    if models.names_sparse() {
        // It is compared with the index's even where no token is to be named.
        let model = models.sparse_of(manifest)?;
        input.vocabulary = has_tokens.then(|| vocabulary_of(&model));
        return read_vectors(&input);
    }
    if manifest.model.is_none() {
        return read_vectors(&input);
    }
    say!("note: the index is bound to a model; vectors must come from the same");
    if !has_tokens {
        return read_vectors(&input);
    }
    let names = Arc::new(TokenNames::default());
    input.vocabulary = Some(names.clone());
    let queries = read_vectors(&input)?;
    let tokens = names.into_tokens();
    let model = match tokens.iter().any(|token| is_word(token)) {
        true => Some(models.sparse_of(manifest)?),
        false => {
            say!(
                "note: all tokens are numbers and are taken as term ids; with --model they are words"
            );
            None
        }
    };
    Ok(with_terms(queries, &tokens, model.as_ref())?)
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
