//! The query of `search`: vectors as they are given, and the text encoded for the other legs.

use gleaner::{
    Manifest, Model, Models, Prepared, Query, QueryEncoder, Rank, Search, Side,
    exchange::parse_weights, term_sources, vocabulary_of,
};
use serde::Deserialize;

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
        manifest: &Manifest,
        models: &Models,
        args: &SearchArgs,
        search: Search,
    ) -> anyhow::Result<Self> {
        let rank = search.ranking().clone();
        check_sparse_flags(args, &rank)?;
        let mut query = given(args, manifest, &rank)?;
        let is_encoded = args.query.is_some() && args.tokens.is_none() && rank.needs_sparse();
        // Tokens belong to the model named, or are term ids.
        let is_named = models.names_sparse() && (args.tokens.is_some() || args.like.is_some());
        let model = match is_encoded || is_named {
            true => Some(models.sparse_of(manifest)?),
            false => None,
        };
        if let Some(tokens) = &args.tokens {
            let vocabulary = model.as_ref().map(vocabulary_of);
            let vector = parse_weights(tokens, vocabulary.as_deref())
                .map_err(|reason| Failure::Usage(format!("--tokens: {reason}")))?;
            query = query.and_vector(vector);
        }
        let query = weighted(query, args)?;
        let prepared = Prepared::new(search.with_query(query), manifest, models);
        let mut search = prepared.map_err(with_rank(&rank))?;
        QueryEncoder::new(1).encode(&mut search)?;
        let words = match (&args.query, &model) {
            (Some(text), Some(model)) if args.explain && is_encoded => words(model, text)?,
            _ => QueryWords::new(),
        };
        let search = match model {
            Some(model) => search.with_vocabulary(model),
            None => search,
        };
        Ok(Self { search, words })
    }
}

/// Refuses what only a sparse leg could use where the ranking has none.
fn check_sparse_flags(args: &SearchArgs, rank: &Rank) -> anyhow::Result<()> {
    for (flag, is_given) in [
        ("--tokens", args.tokens.is_some()),
        ("--boost", !args.boost.is_empty()),
        ("--mute", !args.mute.is_empty()),
    ] {
        if is_given && !rank.needs_sparse() {
            return Err(Failure::NoLeg { flag, rank: rank.to_string() }.into());
        }
    }
    Ok(())
}

/// The query without its sparse vector.
fn given(args: &SearchArgs, manifest: &Manifest, rank: &Rank) -> anyhow::Result<Query> {
    let mut query = args.like.as_ref().map_or_else(Query::default, Query::like);
    if let Some(text) = &args.query {
        query = query.and_text(text);
    }
    if let Some(json) = &args.dense_vector {
        for (field, vector) in read_dense(manifest, rank, json)? {
            query = query.and_dense(field, vector);
        }
    }
    Ok(query)
}

/// Adds `--boost` and `--mute`.
fn weighted(mut query: Query, args: &SearchArgs) -> anyhow::Result<Query> {
    for boost in &args.boost {
        let usage = || Failure::Usage(format!("--boost {boost}: it is TOKEN=FACTOR"));
        let (token, factor) = boost.rsplit_once('=').ok_or_else(usage)?;
        query = query.boost(token, factor.parse().map_err(|_| usage())?);
    }
    Ok(args.mute.iter().fold(query, Query::mute))
}

/// The words of a text that gave the terms of its vector their weights.
fn words(model: &Model, text: &str) -> anyhow::Result<QueryWords> {
    Ok(term_sources(model, Side::Query, text)?.into_iter().flatten().collect())
}

/// Numbers of one field, or of several by name.
#[derive(Deserialize)]
#[serde(untagged)]
enum GivenDense {
    Only(Vec<f32>),
    ByField(std::collections::BTreeMap<String, Vec<f32>>),
}

/// Reads `--dense-vector`: a vector without a name is for the ranking's only dense leg, and every other
/// vector for a leg, too.
fn read_dense(
    manifest: &Manifest,
    rank: &Rank,
    json: &str,
) -> anyhow::Result<Vec<(String, Vec<f32>)>> {
    let legs: Vec<Option<&str>> = rank.dense_fields().collect();
    if legs.is_empty() {
        return Err(Failure::NoLeg { flag: "--dense-vector", rank: rank.to_string() }.into());
    }
    let usage = |_| {
        let message = "--dense-vector: it is an array of numbers, or an object of them by field";
        Failure::Usage(message.to_owned())
    };
    let field = |name| Ok(&manifest.dense_field(name)?.spec.name);
    match serde_json::from_str(json).map_err(usage)? {
        GivenDense::ByField(vectors) => {
            vectors.keys().try_for_each(|name| field(Some(name)).map(drop))?;
            let legs = legs.into_iter().map(field).collect::<anyhow::Result<Vec<&String>>>()?;
            if let Some(other) = vectors.keys().find(|name| !legs.contains(name)) {
                let message = format!("--dense-vector: {rank} has no leg dense:{other}");
                return Err(Failure::Usage(message).into());
            }
            Ok(vectors.into_iter().collect())
        }
        GivenDense::Only(vector) => {
            let [leg] = legs[..] else {
                let message = "--dense-vector: the ranking has several dense legs; give an object \
                               of vectors by field, {\"FIELD\": [0.1, …]}";
                return Err(Failure::Usage(message.to_owned()).into());
            };
            Ok(vec![(field(leg)?.clone(), vector)])
        }
    }
}
