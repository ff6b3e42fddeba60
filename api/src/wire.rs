//! Request and response types, and the checks that need neither an index nor a model.
//!
//! `…Body` types are what arrives, with the defaults of the interface; [`Search`] is what is left
//! after checking. Unknown members are errors, so that a misspelt option is never ignored.

use std::{fmt, time::Duration};

use gleaner_encoder::{Side, SparseVector};
use gleaner_format::VectorError;
use gleaner_searcher::{Rank, SearchResponse};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, SeqAccess, Visitor},
};

use crate::{
    error::{Code, Problem},
    extract::object,
    serve::Limits,
};

/// Characters of a token or a name that a message repeats.
const QUOTED_CHARACTERS: usize = 64;

/// The body of a search.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchBody {
    #[serde(deserialize_with = "object")]
    query: QueryBody,
    #[serde(default = "default_k")]
    k: usize,
    #[serde(default)]
    offset: usize,
    #[serde(default = "default_rank")]
    rank: String,
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default = "default_effort")]
    effort: f32,
    #[serde(default)]
    timeout_ms: Option<u64>,
    #[serde(default)]
    explain: bool,
    #[serde(default)]
    profile: bool,
}

/// The parameters of a search by GET.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchParams {
    q: String,
    #[serde(default = "default_k")]
    k: usize,
    #[serde(default)]
    offset: usize,
    #[serde(default = "default_rank")]
    rank: String,
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    fields: String,
    #[serde(default = "default_effort")]
    effort: f32,
    #[serde(default)]
    timeout_ms: Option<u64>,
    #[serde(default)]
    explain: bool,
    #[serde(default)]
    profile: bool,
}

/// One of three ways to say what is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct QueryBody {
    text: Option<String>,
    tokens: Option<TokenWeights>,
    indices: Option<Vec<u32>>,
    values: Option<Vec<f32>>,
}

/// A JSON object of weights, kept as pairs so that a name given twice is seen.
#[derive(Debug)]
struct TokenWeights(Vec<(String, f32)>);

fn default_k() -> usize {
    10
}

fn default_effort() -> f32 {
    1.0
}

fn default_rank() -> String {
    "sparse".to_owned()
}

fn default_side() -> Side {
    Side::Query
}

impl From<SearchParams> for SearchBody {
    fn from(params: SearchParams) -> Self {
        let SearchParams { q, fields, k, offset, rank, filter, .. } = params;
        let SearchParams { effort, timeout_ms, explain, profile, .. } = params;
        let fields = fields.split(',').filter(|field| !field.is_empty());
        let fields = fields.map(str::to_owned).collect();
        let query = QueryBody { text: Some(q), ..QueryBody::default() };
        Self { query, k, offset, rank, filter, fields, effort, timeout_ms, explain, profile }
    }
}

/// How to search, within the limits; what for is a [`Query`].
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) rank: Rank,
    pub(crate) k: usize,
    pub(crate) offset: usize,
    pub(crate) filter: Option<String>,
    pub(crate) fields: Vec<String>,
    pub(crate) effort: f32,
    /// Time for the whole request, within the server's own limit.
    pub(crate) timeout: Option<Duration>,
    pub(crate) explain: bool,
    pub(crate) profile: bool,
}

/// What is looked for.
#[derive(Debug)]
pub(crate) enum Query {
    /// A text to encode, or to split into words.
    Text(String),
    /// Token texts of the model with their weights, none twice.
    Tokens(Vec<(String, f32)>),
    /// Term ids with their weights.
    Vector(SparseVector),
}

impl SearchBody {
    /// Checks everything that needs no index.
    ///
    /// Errors: `unknown_rank`, `invalid_request`, `invalid_query`, `limit_exceeded`.
    pub(crate) fn check(self, limits: &Limits) -> Result<(Search, Query), Problem> {
        let rank: Rank = self.rank.parse().map_err(|_| unknown_rank(&self.rank))?;
        if self.k == 0 {
            return Err(
                Problem::new(Code::InvalidRequest, "k is 0; ask for 1 hit or more").field("k")
            );
        }
        let depth = self.k.saturating_add(self.offset);
        if depth > limits.k {
            let detail = format!("k + offset is {depth}, the limit is {}", limits.k);
            return Err(Problem::new(Code::LimitExceeded, detail).field("k"));
        }
        // Not a number is not above 0 either.
        if !(self.effort > 0.0 && self.effort <= 1.0) {
            let detail = format!("effort is {}; it is above 0 and at most 1", self.effort);
            return Err(Problem::new(Code::InvalidRequest, detail).field("effort"));
        }
        if self.timeout_ms == Some(0) {
            let detail = "timeout_ms is 0; it is 1 or more, and without it the answer is exact";
            return Err(Problem::new(Code::InvalidRequest, detail).field("timeout_ms"));
        }
        let query = self.query.check(limits)?;
        if rank == Rank::BM25 {
            check_words(&query, limits)?;
        }
        // Nine tenths of the server's limit leave time to answer with what was found.
        let longest = limits.timeout * 9 / 10;
        let timeout = self.timeout_ms.map(|ms| Duration::from_millis(ms).min(longest));
        let Self { k, offset, filter, fields, effort, explain, profile, .. } = self;
        let search = Search { rank, k, offset, filter, fields, effort, timeout, explain, profile };
        Ok((search, query))
    }
}

impl QueryBody {
    fn check(self, limits: &Limits) -> Result<Query, Problem> {
        match self {
            Self { text: Some(text), tokens: None, indices: None, values: None } => {
                check_text(&text, "query.text", limits)?;
                if text.trim().is_empty() {
                    let detail = "the query's text is blank";
                    return Err(Problem::new(Code::InvalidQuery, detail).field("query.text"));
                }
                Ok(Query::Text(text))
            }
            Self { text: None, tokens: Some(tokens), indices: None, values: None } => {
                check_terms(tokens.0.len(), "query.tokens", limits)?;
                tokens.check().map(Query::Tokens)
            }
            Self { text: None, tokens: None, indices: Some(indices), values: Some(values) } => {
                check_terms(indices.len().max(values.len()), "query.indices", limits)?;
                SparseVector::new(indices, values).map(Query::Vector).map_err(vector_problem)
            }
            _ => {
                let detail = "a query has exactly one of: text; tokens; indices with values";
                Err(Problem::new(Code::InvalidQuery, detail).field("query"))
            }
        }
    }
}

impl TokenWeights {
    fn check(mut self) -> Result<Vec<(String, f32)>, Problem> {
        let bad = |token: &str, what: &str| {
            let detail = format!("token {} {what}", quoted(token));
            Err(Problem::new(Code::InvalidQuery, detail).field("query.tokens"))
        };
        for (token, weight) in &self.0 {
            if !weight.is_finite() || *weight < 0.0 || *weight > gleaner_format::MAX_WEIGHT {
                return bad(token, "has a weight that is negative or too large");
            }
        }
        self.0.sort_by(|a, b| a.0.cmp(&b.0));
        match self.0.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => bad(&pair[0].0, "is given twice"),
            None => Ok(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for TokenWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = TokenWeights;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of tokens with their weights")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TokenWeights, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(TokenWeights(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

fn unknown_rank(rank: &str) -> Problem {
    let detail = format!("unknown ranking {}", quoted(rank));
    Problem::new(Code::UnknownRank, detail).field("rank").hint("known: sparse, bm25")
}

fn vector_problem(error: VectorError) -> Problem {
    let field = match error {
        VectorError::Order { .. } => "query.indices",
        VectorError::Lengths { .. } => "query",
        _ => "query.values",
    };
    Problem::new(Code::InvalidQuery, error.to_string()).field(field)
}

/// BM25 reads a postings list per word, so words count as terms.
fn check_words(query: &Query, limits: &Limits) -> Result<(), Problem> {
    let Query::Text(text) = query else {
        let detail = "ranking by bm25 needs the query's text";
        return Err(Problem::new(Code::InvalidQuery, detail).field("query.text"));
    };
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    check_terms(words.count(), "query.text", limits)
}

fn check_terms(found: usize, field: &str, limits: &Limits) -> Result<(), Problem> {
    let limit = limits.query_terms;
    match found > limit {
        true => {
            let detail = format!("the query has {found} terms, the limit is {limit}");
            Err(Problem::new(Code::LimitExceeded, detail).field(field))
        }
        false => Ok(()),
    }
}

fn check_text(text: &str, field: &str, limits: &Limits) -> Result<(), Problem> {
    let (found, limit) = (text.len(), limits.text_bytes);
    match found > limit {
        true => {
            let detail = format!("a text has {found} bytes, the limit is {limit}");
            Err(Problem::new(Code::LimitExceeded, detail).field(field))
        }
        false => Ok(()),
    }
}

/// A piece of the request for a message: in quotes, escaped, not too long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARACTERS) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The answer to a search: the object that `gleaner search --json` prints, and where it is from.
#[derive(Debug, Serialize)]
pub(crate) struct SearchAnswer {
    pub(crate) index: String,
    /// The commit that was read.
    pub(crate) generation: u64,
    /// Microseconds spent on encoding the text, where there was one to encode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) encode_us: Option<u64>,
    #[serde(flatten)]
    pub(crate) response: SearchResponse,
}

/// The body of an encoding request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EncodeBody {
    pub(crate) inputs: Texts,
    #[serde(default = "default_side")]
    pub(crate) side: Side,
    #[serde(default)]
    pub(crate) index: Option<String>,
}

/// One text or a list of them.
#[derive(Debug)]
pub(crate) struct Texts(pub(crate) Vec<String>);

impl EncodeBody {
    /// Checks everything that needs no model. Errors: `limit_exceeded`.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), Problem> {
        self.inputs.check(limits)
    }
}

impl Texts {
    fn check(&self, limits: &Limits) -> Result<(), Problem> {
        let (found, limit) = (self.0.len(), limits.encode_inputs);
        if found > limit {
            let detail = format!("{found} texts, the limit is {limit}");
            return Err(Problem::new(Code::LimitExceeded, detail).field("inputs"));
        }
        self.0.iter().try_for_each(|text| check_text(text, "inputs", limits))
    }
}

/// The body of a request to TEI. As there, other members are passed over: clients send some that
/// mean nothing for sparse vectors, such as `normalize`.
#[derive(Debug, Deserialize)]
pub(crate) struct EmbedBody {
    pub(crate) inputs: Texts,
    /// Whether a text that is too long is cut (the default here) or refused.
    #[serde(default)]
    pub(crate) truncate: Option<bool>,
    #[serde(default)]
    truncation_direction: Option<String>,
    #[serde(default)]
    pub(crate) prompt_name: Option<String>,
}

impl EmbedBody {
    /// Checks everything that needs no model. Errors: `limit_exceeded`, `invalid_request`.
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), Problem> {
        let refuse = |field, detail| Err(Problem::new(Code::InvalidRequest, detail).field(field));
        if self.inputs.0.is_empty() {
            return refuse("inputs", "it is empty");
        }
        let direction = self.truncation_direction.as_deref();
        if direction.is_some_and(|direction| !direction.eq_ignore_ascii_case("right")) {
            return refuse("truncation_direction", "only the end of a text is cut: `Right`");
        }
        self.inputs.check(limits)
    }
}

/// One entry of a vector as TEI writes it.
#[derive(Debug, Serialize)]
pub(crate) struct TermValue {
    pub(crate) index: u32,
    pub(crate) value: f32,
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Texts;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

/// The answer to an encoding request.
#[derive(Debug, Serialize)]
pub(crate) struct EncodeAnswer {
    /// The model's fingerprint.
    pub(crate) model: String,
    /// One per input, in order.
    pub(crate) embeddings: Vec<Embedding>,
}

/// One text's vector.
#[derive(Debug, Serialize)]
pub(crate) struct Embedding {
    /// The heaviest first, ties by id.
    pub(crate) tokens: Vec<WeightedToken>,
}

/// One entry of a vector.
#[derive(Debug, Serialize)]
pub(crate) struct WeightedToken {
    pub(crate) token: Option<String>,
    pub(crate) id: u32,
    pub(crate) weight: f32,
}

/// What there is to say about one index that is served.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexSummary {
    /// The folder's name.
    pub name: String,
    /// Documents that are not deleted; null if the index could not be opened.
    pub documents: Option<u64>,
    /// Number of the commit that is served; null if the index could not be opened.
    pub generation: Option<u64>,
    /// Fingerprint of the model that the index was made with, null for an index of given vectors.
    pub model: Option<String>,
    /// The code of what keeps it from being served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<&'static str>,
}

/// The list of indexes.
#[derive(Debug, Serialize)]
pub(crate) struct IndexList {
    pub(crate) indexes: Vec<IndexSummary>,
}

/// Whether the server can do its work.
#[derive(Debug, Serialize)]
pub(crate) struct Readiness {
    /// `ready` or `not_ready`.
    pub(crate) status: &'static str,
    /// What was looked at; left out for strangers when a key is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checks: Option<Vec<Check>>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    /// `index_open`, `index_refreshed`, `model_loaded`, `model_matches` or `model_selftest`.
    pub(crate) check: &'static str,
    /// The index or the model it is about.
    pub(crate) subject: String,
    /// `pass`, `warn` (answers are still right) or `fail`.
    pub(crate) outcome: Outcome,
    /// Why it did not pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// As it should be.
    Pass,
    /// Worth knowing, no reason to stop sending requests.
    Warn,
    /// Some requests will be refused.
    Fail,
}
