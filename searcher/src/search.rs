//! Request to response: what is asked is made ready, listed, cut, completed and shown.
//!
//! One leg over all segments is `legs.rs`, feedback `refine.rs`, the arithmetic of fusion `fuse.rs`, true
//! scores of what a leg did not find `complete.rs`; how hits are shown is `present.rs`, the types of the
//! answer `response.rs`.

use std::time::Instant;

use gleaner_format::SparseVector;

use crate::{
    boost::{self, Boost, boosted},
    error::SearchError,
    feedback::Feedback,
    fuse::{Candidate, LegWindow, ScoreRange, Share, fused_score, unite},
    index::Snapshot,
    knee::hits_to_knee,
    legs::{Admission, Found, LegQuery, LegRun, Ranking, floor},
    like::Likeness,
    maxima::sparse_bound,
    profile::Counters,
    rank::{Leg, Method, Normaliser, Rank},
    response::{Certificate, LegProfile, PhasesUs, Profile, SearchResponse},
};

/// Most hits of one request, `k` and `offset` together.
pub const DEPTH_LIMIT: usize = 1_000_000;

/// Most threads of one query.
pub const THREADS_LIMIT: usize = 64;

/// A query vector for one dense field.
#[derive(Debug, Clone, Copy)]
pub struct DenseQuery<'a> {
    /// The field's name.
    pub field: &'a str,
    /// `[dims]`, as a model gives it: it need not have length 1.
    pub vector: &'a [f32],
}

/// One search.
pub struct SearchRequest<'a> {
    /// What orders the hits.
    pub rank: &'a Rank,
    /// The encoded query, needed by [`Leg::Sparse`].
    pub vector: Option<&'a SparseVector>,
    /// The query's text, needed by [`Leg::Bm25`].
    pub text: Option<&'a str>,
    /// Query vectors, needed by [`Leg::Dense`] for its field.
    pub dense: &'a [DenseQuery<'a>],
    /// The `_id` of a document that is itself the query: its vectors and its text are used in place of
    /// the three above, and it is left out of the answer.
    pub like: Option<&'a str>,
    /// Factors for terms of the sparse query.
    pub boosts: &'a [Boost],
    /// Legs whose queries are made anew from the first answers; none twice.
    pub feedback: &'a [Feedback],
    /// Hits to return.
    pub k: usize,
    /// Hits to pass over first.
    pub offset: usize,
    /// No hit scores below this.
    pub min_score: Option<f32>,
    /// Whether the list ends before its knee, where scores have fallen: of the whole fused list, or of
    /// as many hits of one leg as would take part in fusion.
    pub until_knee: bool,
    /// Only documents that match this.
    pub filter: Option<&'a str>,
    /// Keys of the stored document to return with each hit.
    pub fields: &'a [String],
    /// In (0, 1]. Below 1, [`Leg::Sparse`] may miss hits; what it returns has true scores.
    pub effort: f32,
    /// When to return the best found so far.
    pub deadline: Option<Instant>,
    /// Threads that share the rows of a large segment, at least 1. More of them answer one query of
    /// many rows sooner; many queries are answered soonest by one thread each.
    pub threads: usize,
    /// Whether to say where scores come from.
    pub explain: bool,
    /// Whether to say what the search did.
    pub profile: bool,
}

impl<'a> SearchRequest<'a> {
    /// The exact `k` best of all documents, with nothing else said; inputs are to be added.
    pub fn exact(rank: &'a Rank, k: usize) -> Self {
        Self {
            rank,
            vector: None,
            text: None,
            dense: &[],
            like: None,
            boosts: &[],
            feedback: &[],
            k,
            offset: 0,
            min_score: None,
            until_knee: false,
            filter: None,
            fields: &[],
            effort: 1.0,
            deadline: None,
            threads: 1,
            explain: false,
            profile: false,
        }
    }
}

/// A leg of the ranking with its query.
pub(crate) struct AskedLeg {
    pub(crate) leg: Leg,
    pub(crate) weight: f64,
    pub(crate) query: LegQuery,
}

/// A ranking with all its queries.
pub(crate) struct Asked {
    pub(crate) legs: Vec<AskedLeg>,
    /// Of a fused ranking; otherwise there is one leg.
    pub(crate) method: Option<Method>,
    /// How many hits of each leg are fused, and how many of a single one a knee is looked for in.
    pub(crate) window: usize,
    /// Whether the documents that feedback learned from are those of the exact ranking.
    pub(crate) is_fed_exactly: bool,
    /// Whether they were all found in time.
    pub(crate) is_fed_completely: bool,
}

/// What was found, best first, and how.
pub(crate) struct Listed {
    pub(crate) best: Vec<Found>,
    /// Beside `best` of a fused ranking: places and parts.
    pub(crate) fused: Vec<FusedHit>,
    /// By leg.
    pub(crate) rankings: Vec<Ranking>,
    fuse_us: u64,
}

/// What fusion knows of a hit.
pub(crate) struct FusedHit {
    pub(crate) places: Vec<Option<(usize, f32)>>,
    /// By leg, what it adds to the score.
    pub(crate) parts: Vec<f64>,
}

impl Snapshot {
    /// Answers one request from this commit.
    ///
    /// `token` names a term id where a vocabulary is at hand. Errors: `MissingInput`, `NoText`,
    /// `DenseField`, `DenseQuery`, `NoDocument`, `Unlike`, `Feedback`, `Filter`, `NoHits`, `Depth`, `Effort`,
    /// `MinScore`, `Boost`, `QueryTerms`; storage errors as they are. A deadline that has passed is no
    /// error: the answer says that it is not complete. Filters, fusion and explanations are not cut
    /// short.
    pub fn search(
        &self,
        request: &SearchRequest<'_>,
        token: &dyn Fn(u32) -> Option<String>,
    ) -> Result<SearchResponse, SearchError> {
        let start = Instant::now();
        let depth = check(request)?;
        let mut admission = Admission::new(self, request.filter)?;
        let filter_us = start.elapsed().as_micros() as u64;
        let mut counters = Counters::default();
        let asked = self.ask(request, &mut admission)?;
        let asked = self.feed_back(asked, request, &admission, &mut counters)?;
        let run = LegRun { request, admission: &admission, depth, keeps_scores: false };
        let mut listed = self.list(&asked, &run, &mut counters)?;
        let certificate = certificate(request, depth, &asked, &listed);
        cut(&mut listed, request, asked.window);
        let search_us = start.elapsed().as_micros() as u64 - filter_us;
        let page = request.offset.min(listed.best.len())..depth.min(listed.best.len());
        let hits = self.present(&asked, &mut listed, page, (request, token))?;
        let profile = request.profile.then(|| Profile {
            filter_us,
            filter_cached: admission.is_cached,
            search_us,
            phases: PhasesUs::of(&counters.phases, search_us),
            segments: self.segments().len(),
            counters,
            ..profile(&asked, &listed)
        });
        let exact = is_exact(&asked, &listed);
        let took_us = start.elapsed().as_micros() as u64;
        Ok(SearchResponse { exact, certificate, took_us, hits, profile })
    }

    /// Makes the queries of all legs ready.
    fn ask(
        &self,
        request: &SearchRequest<'_>,
        admission: &mut Admission<'_>,
    ) -> Result<Asked, SearchError> {
        for given in request.dense {
            self.manifest().dense_field(Some(given.field))?;
        }
        self.check_legs(request.rank)?;
        let likeness = request.like.map(|id| Likeness::find(self, id)).transpose()?;
        if let Some(likeness) = &likeness {
            admission.except(likeness.segment, likeness.rows.clone());
        }
        let ask = |leg: &Leg, weight| -> Result<AskedLeg, SearchError> {
            let query = match &likeness {
                Some(likeness) => self.query_like(leg, likeness)?,
                None => LegQuery::new(self, leg, request)?,
            };
            let query = match query {
                LegQuery::Sparse(vector) => LegQuery::Sparse(boosted(&vector, request.boosts)),
                other => other,
            };
            Ok(AskedLeg { leg: leg.clone(), weight, query })
        };
        let window = self.manifest().fusion_depth;
        let (legs, method, window) = match request.rank {
            Rank::Leg(leg) => (vec![ask(leg, 1.0)?], None, window),
            Rank::Fused(fusion) => {
                let legs = fusion.legs.iter().map(|leg| ask(&leg.leg, leg.weight));
                let legs = legs.collect::<Result<_, _>>()?;
                (legs, Some(fusion.method), fusion.window.unwrap_or(window))
            }
        };
        Ok(Asked { legs, method, window, is_fed_exactly: true, is_fed_completely: true })
    }

    /// Refuses a dense field that is named twice, once by being the only one.
    fn check_legs(&self, rank: &Rank) -> Result<(), SearchError> {
        let mut seen = Vec::new();
        for field in rank.dense_fields() {
            let name = &self.manifest().dense_field(field)?.spec.name;
            if seen.contains(&name) {
                let reason = format!("the dense field {name} is named twice");
                return Err(SearchError::Rank { rank: rank.to_string(), reason });
            }
            seen.push(name);
        }
        Ok(())
    }

    /// A leg's query by what a document has.
    fn query_like(&self, leg: &Leg, likeness: &Likeness) -> Result<LegQuery, SearchError> {
        let unlike = |what| {
            let (id, leg) = (likeness.id.clone(), leg.to_string());
            SearchError::Unlike { id, leg, what }
        };
        match leg {
            Leg::Sparse if likeness.vector.is_empty() => Err(unlike("sparse vector")),
            Leg::Bm25 if likeness.text.is_empty() => Err(unlike("text")),
            Leg::Sparse => LegQuery::sparse(likeness.vector.clone()),
            Leg::Bm25 => LegQuery::bm25_like(self, &likeness.text),
            Leg::Dense(field) => {
                let name = &self.manifest().dense_field(field.as_deref())?.spec.name;
                let vector = likeness.dense[self.dense_position(name)].as_ref();
                LegQuery::dense(self, name, vector.ok_or_else(|| unlike("dense vector"))?)
            }
        }
    }

    /// Finds the hits of a ranking.
    pub(crate) fn list(
        &self,
        asked: &Asked,
        run: &LegRun<'_>,
        counters: &mut Counters,
    ) -> Result<Listed, SearchError> {
        let depth = match (asked.method, run.request.until_knee) {
            (Some(_), _) => asked.window,
            (None, true) => run.depth.max(asked.window),
            (None, false) => run.depth,
        };
        let run = LegRun { depth, keeps_scores: asked.method.is_some(), ..*run };
        let rankings = asked.legs.iter().map(|leg| self.run_leg(&leg.query, &run, counters));
        let mut rankings = rankings.collect::<Result<Vec<_>, _>>()?;
        match asked.method {
            None => {
                let best =
                    rankings.iter_mut().flat_map(|ranking| std::mem::take(&mut ranking.best));
                let best = best.collect();
                Ok(Listed { best, fused: Vec::new(), rankings, fuse_us: 0 })
            }
            Some(method) => self.fuse(asked, method, rankings),
        }
    }

    /// Makes the lists of all legs one.
    fn fuse(
        &self,
        asked: &Asked,
        method: Method,
        rankings: Vec<Ranking>,
    ) -> Result<Listed, SearchError> {
        let start = Instant::now();
        let windows: Vec<LegWindow<'_>> = asked
            .legs
            .iter()
            .zip(&rankings)
            .map(|(leg, ranking)| LegWindow {
                weight: leg.weight,
                best: &ranking.best,
                range: needs_range(method).then(|| self.score_range(&leg.query, method)),
            })
            .collect();
        let weights: f64 = asked.legs.iter().map(|leg| leg.weight).sum();
        let shares: Vec<Share> =
            windows.iter().map(|window| Share::of(method, window, weights)).collect();
        let candidates = unite(&windows);
        let scores = match needs_range(method) {
            true => self.scores_of_all(asked, &rankings, &candidates)?,
            false => Vec::new(),
        };
        let fused = candidates.into_iter().enumerate().map(|(at, candidate)| {
            let part = |(leg, share): (usize, &Share)| {
                let place = candidate.places[leg];
                let known = scores.get(leg).map(|scores: &Vec<Option<f32>>| scores[at]);
                share.part(place.map(|place| place.0), known.unwrap_or(place.map(|place| place.1)))
            };
            let parts: Vec<f64> = shares.iter().enumerate().map(part).collect();
            let mut found = candidate.found;
            found.hit.score = fused_score(&parts);
            (found, FusedHit { places: candidate.places, parts })
        });
        let mut fused: Vec<(Found, FusedHit)> = fused.collect();
        fused.sort_by(|a, b| self.order(&a.0, &b.0));
        let (best, fused) = fused.into_iter().unzip();
        let fuse_us = start.elapsed().as_micros() as u64;
        Ok(Listed { best, fused, rankings, fuse_us })
    }

    /// By leg, the true score of every candidate.
    fn scores_of_all(
        &self,
        asked: &Asked,
        rankings: &[Ranking],
        candidates: &[Candidate],
    ) -> Result<Vec<Vec<Option<f32>>>, SearchError> {
        let founds: Vec<Found> = candidates.iter().map(|candidate| candidate.found).collect();
        let of_leg = |(leg, ranking): (&AskedLeg, &Ranking)| {
            let scores = self.complete(&leg.query, ranking, &founds)?;
            Ok(scores.into_iter().map(|score| score.score).collect())
        };
        asked.legs.iter().zip(rankings).map(of_leg).collect()
    }

    /// The scores that a query can have in this index; the most of them only where it is asked for,
    /// because finding it may take a pass over all rows.
    fn score_range(&self, query: &LegQuery, method: Method) -> ScoreRange {
        let segments = self.segments().iter().map(|segment| &**segment);
        let is_bound = method == Method::Convex(Normaliser::Bound);
        match query {
            LegQuery::Sparse(_) | LegQuery::Bm25(_) if !is_bound => {
                ScoreRange { least: 0.0, most: f64::INFINITY }
            }
            LegQuery::Sparse(query) => {
                ScoreRange { least: 0.0, most: sparse_bound(query, segments) }
            }
            LegQuery::Bm25(query) => ScoreRange { least: 0.0, most: query.bound() },
            LegQuery::Dense { spec, position, query } => {
                let most = match spec.metric {
                    gleaner_format::Metric::Cosine => 1.0,
                    gleaner_format::Metric::Dot => {
                        let longest = segments.map(|segment| segment.longest_vector(*position));
                        query.norm() * longest.fold(0.0, f64::max)
                    }
                };
                ScoreRange { least: -most, most }
            }
        }
    }
}

/// Whether fusion asks for true scores of all candidates and for what a query can score at all.
fn needs_range(method: Method) -> bool {
    matches!(method, Method::Convex(Normaliser::TheoreticalMinMax | Normaliser::Bound))
}

/// Ends the list where the request says.
fn cut(listed: &mut Listed, request: &SearchRequest<'_>, window: usize) {
    let scores: Vec<f32> = listed.best.iter().map(|found| found.hit.score).collect();
    let mut end = scores.len();
    if request.until_knee {
        let seen = &scores[..end.min(window)];
        let knee = hits_to_knee(seen);
        end = if knee < seen.len() { knee } else { end };
    }
    if let Some(least) = request.min_score {
        end = end.min(scores.partition_point(|&score| score >= least));
    }
    listed.best.truncate(end);
    listed.fused.truncate(end);
}

/// The number of hits to find, once the request is checked.
fn check(request: &SearchRequest<'_>) -> Result<usize, SearchError> {
    if request.k == 0 {
        return Err(SearchError::NoHits);
    }
    let depth = request.k.saturating_add(request.offset);
    if depth > DEPTH_LIMIT {
        return Err(SearchError::Depth { found: depth, limit: DEPTH_LIMIT });
    }
    boost::check(request.boosts)?;
    if let Some(min_score) = request.min_score.filter(|min_score| !min_score.is_finite()) {
        return Err(SearchError::MinScore { min_score });
    }
    // Not a number is not above 0 either.
    match request.effort > 0.0 && request.effort <= 1.0 {
        true => Ok(depth),
        false => Err(SearchError::Effort { effort: request.effort }),
    }
}

fn certificate(
    request: &SearchRequest<'_>,
    depth: usize,
    asked: &Asked,
    listed: &Listed,
) -> Certificate {
    let rankings = &listed.rankings;
    let kind = match (&asked.method, &rankings[..]) {
        _ if !is_exact(asked, listed) => "approximate",
        (None, [Ranking { choice, .. }]) if is_exhaustive(choice.plan) => "exhaustive",
        (None, _) => "rank_safe",
        (Some(_), _) => "fused",
    };
    let bound = match &rankings[..] {
        // Without a bound is what a deadline left unseen.
        [only] if asked.method.is_none() => {
            only.highest_bound_not_scored.filter(|bound| bound.is_finite())
        }
        _ => None,
    };
    Certificate {
        kind,
        effort: request.effort,
        complete: asked.is_fed_completely && rankings.iter().all(|ranking| ranking.is_complete),
        threshold: floor(&listed.best[..depth.min(listed.best.len())], depth).unwrap_or(0.0),
        highest_bound_not_scored: bound,
    }
}

/// Whether nothing was given up, in the first answers neither where feedback learned from them.
fn is_exact(asked: &Asked, listed: &Listed) -> bool {
    asked.is_fed_exactly && listed.rankings.iter().all(|ranking| ranking.is_exact)
}

/// Whether a plan scores every match.
fn is_exhaustive(plan: &str) -> bool {
    matches!(plan, "bm25_exhaustive" | "dense_scan")
}

/// What every leg did; times and counters are the caller's to fill in.
fn profile(asked: &Asked, listed: &Listed) -> Profile {
    let terms = |leg: &AskedLeg| match &leg.query {
        LegQuery::Sparse(query) => query.len(),
        LegQuery::Bm25(_) | LegQuery::Dense { .. } => 0,
    };
    let of_leg = |(leg, ranking): (&AskedLeg, &Ranking)| LegProfile {
        leg: leg.leg.to_string(),
        plan: ranking.choice.plan,
        why: ranking.choice.why,
        found: ranking.best.len(),
        search_us: ranking.took_us,
    };
    let (plan, why) = match (asked.method, &listed.rankings[..]) {
        (None, [only]) => (only.choice.plan, only.choice.why),
        _ => ("fused", "the best of every leg are found, then their lists become one"),
    };
    let legs = asked.legs.iter().zip(&listed.rankings).map(of_leg);
    Profile {
        plan,
        why,
        query_terms: asked.legs.iter().map(terms).sum(),
        segments: 0,
        filter_us: 0,
        filter_cached: false,
        search_us: 0,
        phases: PhasesUs::of(&Counters::default().phases, 0),
        legs: if asked.method.is_some() { legs.collect() } else { Vec::new() },
        fuse_us: listed.fuse_us,
        counters: Counters::default(),
    }
}
