//! The query of `search`: what the flags give, and the text encoded for the legs that have no vector.
//!
//! Which legs need what is `gleaner::Prepared`'s; here flags are read.

use std::collections::BTreeMap;

use gleaner::{
    Model, Models, Prepared, Query, QueryEncoder, QueryVector, Search, Side, Snapshot,
    exchange::parse_weights, term_sources, vocabulary_of,
};
use serde::Deserialize;

use super::given_json::{dense_reason, tokens_reason};
use crate::{
    args::SearchArgs,
    failure::{Failure, with_rank},
    io::answer::QueryWords,
};

/// A search with all its vectors.
pub(super) struct PreparedQuery {
    pub(super) search: Prepared,
    /// Empty where nobody asked, and where the model does not tell.
    pub(super) words: QueryWords,
}

impl PreparedQuery {
    /// Takes vectors as they are given, and encodes the text for the legs that have none.
    pub(super) fn new(
        snapshot: &Snapshot,
        models: &Models,
        args: &SearchArgs,
        search: Search,
    ) -> anyhow::Result<Self> {
        let (ranking, manifest) = (search.ranking().clone(), snapshot.manifest());
        // Tokens belong to the model named, or to the index's own, or are term ids. The terms of a
        // document are named by the model named, too.
        let tokens = args.tokens.as_deref();
        let have_words = tokens.is_some_and(|tokens| parse_weights(tokens, None).is_err());
        let is_named = models.names_sparse() && (tokens.is_some() || args.like.is_some());
        let is_bound = manifest.model.is_some() && have_words;
        let named = (is_named || is_bound).then(|| models.sparse_of(manifest)).transpose()?;
        let search = search.with_query(query(args, named.as_ref())?);
        let mut search = Prepared::new(search, snapshot, models).map_err(with_rank(&ranking))?;
        if let Some(model) = named {
            search = search.with_vocabulary(model);
        }
        let encoding = match search.sparse() {
            Some(QueryVector::Encode(model)) if args.explain => Some(model.clone()),
            Some(QueryVector::Encode(_) | QueryVector::Given(_)) | None => None,
        };
        QueryEncoder::new(1).encode(&mut search)?;
        let words = match (&args.text(), &encoding) {
            (Some(text), Some(model)) => words(model, text)?,
            (None, _) | (_, None) => QueryWords::default(),
        };
        Ok(Self { search, words })
    }
}

/// What the flags give; tokens are those of the model named.
fn query(args: &SearchArgs, named: Option<&Model>) -> anyhow::Result<Query> {
    let mut query = args.like.as_ref().map_or_else(Query::default, Query::like);
    if let Some(text) = args.text() {
        query = query.and_text(text);
    }
    if let Some(tokens) = &args.tokens {
        let vocabulary = named.map(vocabulary_of);
        let vector = parse_weights(tokens, vocabulary.as_deref()).map_err(|reason| {
            Failure::Usage(format!("--tokens: {}", tokens_reason(tokens, &reason)))
        })?;
        query = query.and_vector(vector);
    }
    if let Some(json) = &args.dense_vector {
        query = with_dense(query, json)?;
    }
    for boost in &args.boost {
        let usage =
            || Failure::Usage(format!("--boost {boost}: give TOKEN=FACTOR, such as vaccine=2"));
        let (token, factor) = boost.rsplit_once('=').ok_or_else(usage)?;
        query = query.boost(token, factor.parse().map_err(|_| usage())?);
    }
    Ok(args.mute.iter().fold(query, Query::mute))
}

/// The words of a text that gave the terms of its vector their weights.
fn words(model: &Model, text: &str) -> anyhow::Result<QueryWords> {
    Ok(QueryWords::new(term_sources(model, Side::Query, text)?.unwrap_or_default()))
}

/// Numbers of one field, or of several by name.
#[derive(Deserialize)]
#[serde(untagged)]
enum GivenDense {
    Only(Vec<f32>),
    ByField(BTreeMap<String, Vec<f32>>),
}

/// Adds `--dense-vector`: a vector without a name is for the ranking's only dense leg.
fn with_dense(query: Query, json: &str) -> anyhow::Result<Query> {
    let usage = |_| Failure::Usage(format!("--dense-vector: {}", dense_reason(json)));
    Ok(match serde_json::from_str(json).map_err(usage)? {
        GivenDense::Only(vector) => query.and_dense_of_only_leg(vector),
        GivenDense::ByField(vectors) => {
            vectors.into_iter().fold(query, |query, (field, vector)| query.and_dense(field, vector))
        }
    })
}
