//! The query of `search`: vectors as they are given, and the text encoded for the other legs.

use gleaner_encoder::{Model, Side};
use gleaner_indexer::{parse_weights, term_of};
use gleaner_searcher::{Boost, Snapshot};

use crate::{
    args::SearchArgs,
    failure::Failure,
    io::answer::QueryWords,
    models::{
        bound::open_for,
        queries::{EncodedQuery, QueryEncoders, Ranking, read_dense},
        terms::{terms, words as words_of},
    },
};

/// A query with the vocabulary that its terms are from.
pub(super) struct PreparedQuery {
    pub(super) query: EncodedQuery,
    /// The sparse model, where it was opened.
    model: Option<Model>,
    pub(super) boosts: Vec<Boost>,
    /// Empty where nobody asked, and where the model does not tell.
    pub(super) words: QueryWords,
}

impl PreparedQuery {
    /// Takes vectors as they are given, and encodes the text for the legs that have none.
    pub(super) fn new(
        snapshot: &Snapshot,
        args: &SearchArgs,
        ranking: &Ranking,
    ) -> anyhow::Result<Self> {
        let mut given = EncodedQuery::default();
        for (flag, is_given) in [
            ("--tokens", args.tokens.is_some()),
            ("--boost", !args.boost.is_empty()),
            ("--mute", !args.mute.is_empty()),
        ] {
            if is_given && !ranking.rank.needs_sparse() {
                return Err(Failure::NoLeg { flag, rank: ranking.rank.to_string() }.into());
            }
        }
        if let Some(json) = &args.dense_vector {
            given.dense = read_dense(snapshot, &ranking.rank, json)?;
        }
        let controls = !args.boost.is_empty() || !args.mute.is_empty();
        let named = args.tokens.is_some() || args.like.is_some();
        // Tokens belong to the model named, or are term ids.
        let mut model = (named && (args.model.model.is_some() || controls && is_bound(snapshot)))
            .then(|| open_for(snapshot, &args.model))
            .transpose()?;
        if let Some(tokens) = &args.tokens {
            let terms = model.as_ref().filter(|_| args.model.model.is_some()).map(terms);
            let vector = parse_weights(tokens, terms.as_deref())
                .map_err(|reason| Failure::Usage(format!("--tokens: {reason}")))?;
            given.vector = Some(vector);
        }
        let mut words = QueryWords::new();
        if let Some(text) = &args.query {
            let mut encoders =
                QueryEncoders::open(snapshot, &args.model, &ranking.rank, &given, 1)?;
            let encoded = encoders.encode(&[text])?.pop().unwrap_or_default();
            given.vector = given.vector.or(encoded.vector);
            given.dense.extend(encoded.dense);
            model = model.or_else(|| encoders.model().cloned());
            if let (true, Some(model)) = (args.explain, encoders.model()) {
                let traced = words_of(&mut model.encoder(1)?, Side::Query, text)?;
                words.extend(traced.into_iter().flatten());
            }
        }
        let boosts = boosts(args, model.as_ref())?;
        Ok(Self { query: given, model, boosts, words })
    }

    /// The text of a term, where the model is known.
    pub(super) fn token(&self, term: u32) -> Option<String> {
        self.model.as_ref()?.token(term).map(str::to_owned)
    }
}

/// Whether the index belongs to a model.
fn is_bound(snapshot: &Snapshot) -> bool {
    snapshot.manifest().model.is_some()
}

/// Reads `--boost` and `--mute`; without a vocabulary, tokens are term ids.
fn boosts(args: &SearchArgs, model: Option<&Model>) -> anyhow::Result<Vec<Boost>> {
    let terms = model.map(terms);
    let term = |flag: &str, token: &str| {
        term_of(token, terms.as_deref())
            .map_err(|reason| Failure::Usage(format!("{flag}: {reason}")))
    };
    let mut boosts = Vec::new();
    for boost in &args.boost {
        let usage = || Failure::Usage(format!("--boost {boost}: it is TOKEN=FACTOR"));
        let (token, factor) = boost.rsplit_once('=').ok_or_else(usage)?;
        let factor = factor.parse().map_err(|_| usage())?;
        boosts.push(Boost { term: term("--boost", token)?, factor });
    }
    for token in &args.mute {
        boosts.push(Boost { term: term("--mute", token)?, factor: 0.0 });
    }
    Ok(boosts)
}
