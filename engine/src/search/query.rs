//! What is looked for, and how: everything that a search can be told, with defaults.
//!
//! Both types are built by naming what differs from the default. What a ranking needs of them in one
//! index is `prepare`'s.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use gleaner_encoder::SparseVector;
use gleaner_format::is_blank;
use gleaner_searcher::{Feedback, Rank};

use crate::{
    error::{Error, Part},
    search::ranking::Ranking,
};

/// What is looked for: a text, vectors in its place, or a document to find others like.
///
/// ```
/// use gleaner::{Query, SparseVector};
///
/// let text = Query::text("who discovered penicillin");
/// let vector = Query::vector(SparseVector::from_pairs([(1012, 0.8), (2054, 1.3)])?);
/// let both = Query::text("penicillin").and_dense("emb", vec![0.1, 0.7]);
/// let similar = Query::like("doc-17");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    pub(crate) text: Option<String>,
    pub(crate) sparse: Option<SparseQuery>,
    pub(crate) dense: Vec<GivenDense>,
    pub(crate) like: Option<String>,
    pub(crate) boost: Vec<(String, f32)>,
    pub(crate) mute: Vec<String>,
}

/// A sparse vector that is given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SparseQuery {
    /// Tokens of the index's model with their weights.
    Tokens(Vec<(String, f32)>),
    /// Term ids with their weights.
    Vector(SparseVector),
}

/// A dense vector that is given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GivenDense {
    pub(crate) field: GivenFor,
    pub(crate) vector: Vec<f32>,
}

/// Which dense field a vector is given for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GivenFor {
    /// That of this name.
    Field(String),
    /// That of the ranking's only dense leg, or the index's only one.
    OnlyLeg,
    /// The index's only one, whichever legs the ranking has.
    OnlyField,
}

impl Query {
    /// A text, which is encoded and split into words as the ranking needs.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::default() }
    }

    /// A sparse vector by term ids.
    pub fn vector(vector: SparseVector) -> Self {
        Self::default().and_vector(vector)
    }

    /// A sparse vector by tokens of the index's model, for example `("##ing", 0.5)`.
    pub fn tokens(tokens: impl IntoIterator<Item = (String, f32)>) -> Self {
        Self::default().and_tokens(tokens)
    }

    /// A dense vector for the ranking's only dense leg.
    /// Shapes: `[dims]` of the field; it need not have length 1.
    pub fn dense(vector: Vec<f32>) -> Self {
        Self::default().and_dense_of_only_leg(vector)
    }

    /// A document by its `_id`: its own vectors and text are the query, and it is left out of the
    /// answer.
    pub fn like(id: impl Into<String>) -> Self {
        Self { like: Some(id.into()), ..Self::default() }
    }

    /// The same with a text, for the legs that have no vector.
    pub fn and_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// The same with a sparse vector in place of the text's.
    pub fn and_vector(mut self, vector: SparseVector) -> Self {
        self.sparse = Some(SparseQuery::Vector(vector));
        self
    }

    /// The same with a sparse vector by tokens in place of the text's.
    pub fn and_tokens(mut self, tokens: impl IntoIterator<Item = (String, f32)>) -> Self {
        self.sparse = Some(SparseQuery::Tokens(tokens.into_iter().collect()));
        self
    }

    /// The same with a dense vector for a field, in place of the text's.
    pub fn and_dense(mut self, field: impl Into<String>, vector: Vec<f32>) -> Self {
        self.dense.push(GivenDense { field: GivenFor::Field(field.into()), vector });
        self
    }

    /// The same with a dense vector for the ranking's only dense leg, in place of the text's.
    pub fn and_dense_of_only_leg(mut self, vector: Vec<f32>) -> Self {
        self.dense.push(GivenDense { field: GivenFor::OnlyLeg, vector });
        self
    }

    /// The same with a dense vector for the only dense field of the index, in place of the text's.
    /// In an index of several the search is refused, even if the ranking names one of them.
    pub fn and_dense_of_only_field(mut self, vector: Vec<f32>) -> Self {
        self.dense.push(GivenDense { field: GivenFor::OnlyField, vector });
        self
    }

    /// Multiplies the weight that the sparse query gives to a token. Without a model, a token is a term
    /// id in digits. Of several factors for one token, the product counts.
    pub fn boost(mut self, token: impl Into<String>, factor: f32) -> Self {
        self.boost.push((token.into(), factor));
        self
    }

    /// Silences a token of the sparse query.
    pub fn mute(mut self, token: impl Into<String>) -> Self {
        self.mute.push(token.into());
        self
    }

    /// Refuses a token that is to have a factor and to be silent.
    ///
    /// Errors: `SaidTwice`.
    fn check_factors(&self) -> Result<(), Error> {
        // A factor of 0 silences, too.
        let boosted = self.boost.iter().filter(|(_, factor)| *factor != 0.0);
        let boosted: HashSet<&str> = boosted.map(|(token, _)| &token[..]).collect();
        match self.mute.iter().find(|token| boosted.contains(&token[..])) {
            Some(token) => {
                let (part, said) = (Part::Mute, "boosted and muted");
                Err(Error::SaidTwice { part, token: token.clone(), said })
            }
            None => Ok(()),
        }
    }

    /// The text, where there is one.
    pub fn text_given(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Refuses what no leg of a ranking could use.
    ///
    /// Errors: `NoLeg`.
    pub(crate) fn check_legs(&self, rank: &Rank) -> Result<(), Error> {
        match self.part_without_leg(rank) {
            Some(part) => Err(Error::NoLeg { part, rank: rank.to_string(), field: None }),
            None => Ok(()),
        }
    }

    fn part_without_leg(&self, rank: &Rank) -> Option<Part> {
        let Query { sparse, dense, boost, mute, .. } = self;
        if !dense.is_empty() && rank.dense_fields().next().is_none() {
            return Some(Part::Dense);
        }
        match sparse {
            _ if rank.needs_sparse() => None,
            Some(SparseQuery::Tokens(_)) => Some(Part::Tokens),
            Some(SparseQuery::Vector(_)) => Some(Part::Vector),
            None if !boost.is_empty() => Some(Part::Boost),
            None if !mute.is_empty() => Some(Part::Mute),
            None => None,
        }
    }

    /// The `_id` of the document that is the query, where there is one.
    pub fn like_given(&self) -> Option<&str> {
        self.like.as_deref()
    }
}

impl From<&str> for Query {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Query {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<SparseVector> for Query {
    fn from(vector: SparseVector) -> Self {
        Self::vector(vector)
    }
}

/// One search: what is looked for, what orders the hits, which of them are returned.
///
/// Without more than a query it is the exact ten best of all documents by [`Ranking::Hybrid`].
///
/// ```
/// use gleaner::Search;
///
/// let search = Search::new("who discovered penicillin")
///     .rank("rrf:sparse,bm25".parse()?)
///     .k(20)
///     .filter("year:>=1928")
///     .fields(["title"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    pub(crate) query: Query,
    pub(crate) ranking: Ranking,
    pub(crate) feedback: Vec<Feedback>,
    pub(crate) k: usize,
    pub(crate) offset: usize,
    pub(crate) min_score: Option<f32>,
    pub(crate) until_knee: bool,
    pub(crate) filter: Option<String>,
    pub(crate) fields: Vec<String>,
    pub(crate) effort: f32,
    pub(crate) limit: TimeLimit,
    pub(crate) threads: usize,
    pub(crate) explain: bool,
    pub(crate) profile: bool,
}

/// When the best found so far is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeLimit {
    /// Never before everything was looked at.
    None,
    /// So long after the search begins.
    After(Duration),
    /// Then.
    At(Instant),
}

impl Search {
    /// The exact ten best documents for a query by [`Ranking::Hybrid`].
    pub fn new(query: impl Into<Query>) -> Self {
        Self {
            query: query.into(),
            ranking: Ranking::default(),
            feedback: Vec::new(),
            k: 10,
            offset: 0,
            min_score: None,
            until_knee: false,
            filter: None,
            fields: Vec::new(),
            effort: 1.0,
            limit: TimeLimit::None,
            threads: 1,
            explain: false,
            profile: false,
        }
    }

    /// What orders the hits: one leg, several fused, or `hybrid`.
    pub fn rank(mut self, ranking: Ranking) -> Self {
        self.ranking = ranking;
        self
    }

    /// Makes the query of a leg anew from the first answers; once a leg.
    pub fn feedback(mut self, feedback: impl IntoIterator<Item = Feedback>) -> Self {
        self.feedback.extend(feedback);
        self
    }

    /// Hits to return, at least 1.
    pub fn k(mut self, k: usize) -> Self {
        self.k = k;
        self
    }

    /// Hits to pass over first.
    pub fn offset(mut self, offset: usize) -> Self {
        self.offset = offset;
        self
    }

    /// Leaves out hits that score less.
    pub fn min_score(mut self, score: f32) -> Self {
        self.min_score = Some(score);
        self
    }

    /// Ends the list before its knee, where scores have fallen.
    pub fn until_knee(mut self, is_cut: bool) -> Self {
        self.until_knee = is_cut;
        self
    }

    /// Only documents that match, for example `year:>=2015 AND lang:en`.
    pub fn filter(mut self, filter: impl Into<String>) -> Self {
        self.filter = Some(filter.into());
        self
    }

    /// Keys of the stored documents that hits are returned with.
    pub fn fields<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.fields.extend(keys.into_iter().map(Into::into));
        self
    }

    /// Share of the work to do, above 0 and at most 1. Below 1 hits may be missed; the certificate says
    /// what could be missing.
    pub fn effort(mut self, effort: f32) -> Self {
        self.effort = effort;
        self
    }

    /// Returns the best found after so long; encoding is not counted.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limit = TimeLimit::After(timeout);
        self
    }

    /// Returns the best found by then.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.limit = TimeLimit::At(deadline);
        self
    }

    /// Threads that share a large segment, at least 1. More of them answer one query of many rows
    /// sooner; many queries are answered soonest by one thread each.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Whether hits say where their scores come from.
    pub fn explain(mut self, is_explained: bool) -> Self {
        self.explain = is_explained;
        self
    }

    /// Whether the answer says what the search did.
    pub fn profile(mut self, is_profiled: bool) -> Self {
        self.profile = is_profiled;
        self
    }

    /// The same search for another query.
    pub fn with_query(mut self, query: impl Into<Query>) -> Self {
        self.query = query.into();
        self
    }

    /// Checks what can be checked without an index. [`Prepared::new`](crate::Prepared::new) does so, too.
    ///
    /// # Errors
    /// `BlankQuery`; `SaidTwice`; `NoLeg` for what only a sparse or a dense leg could use where the ranking
    /// names none.
    pub fn check(&self) -> Result<(), Error> {
        let text = self.query.text.as_deref();
        if text.is_some_and(is_blank) {
            return Err(Error::BlankQuery);
        }
        self.query.check_factors()?;
        self.ranking.rank().map_or(Ok(()), |rank| self.query.check_legs(rank))
    }

    /// The query.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The ranking.
    pub fn ranking(&self) -> &Ranking {
        &self.ranking
    }
}

impl From<&str> for Search {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Search {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<Query> for Search {
    fn from(query: Query) -> Self {
        Self::new(query)
    }
}

impl TimeLimit {
    /// The moment, for a search that begins now. A time beyond what clocks can hold never comes.
    pub(crate) fn moment(self) -> Option<Instant> {
        match self {
            Self::None => None,
            Self::After(timeout) => Instant::now().checked_add(timeout),
            Self::At(moment) => Some(moment),
        }
    }
}
