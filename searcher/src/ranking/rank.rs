//! What orders the hits: one leg, or several fused.
//!
//! A [`Rank`] names legs, their weights, and how their lists become one. How that is written is
//! `notation.rs`'s. Computing anything is left to `legs.rs` and `fuse.rs`.

use gleaner_catalog::FUSION_DEPTH_LIMIT;

/// Rank constant of reciprocal rank fusion unless another is given (Cormack, Clarke, Buettcher,
/// SIGIR 2009).
pub const RRF_K: f64 = 60.0;

/// Largest weight of a leg and largest rank constant; the smallest weight but 0 is one over it.
/// Beyond, fused scores would not fit f32 with their order.
pub const FUSION_NUMBER_LIMIT: f64 = 1e6;

/// Most legs of one fusion.
pub const LEGS_LIMIT: usize = 16;

/// What orders the hits.
#[derive(Debug, Clone, PartialEq)]
pub enum Rank {
    /// One leg alone.
    Leg(Leg),
    /// Several legs.
    Fused(Fusion),
}

/// A way to score a document by itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leg {
    /// Learned sparse weights.
    Sparse,
    /// BM25 over the text.
    Bm25,
    /// A dense field by its name; without one, the index's only dense field.
    Dense(Option<String>),
}

/// Legs and how their lists become one.
#[derive(Debug, Clone, PartialEq)]
pub struct Fusion {
    /// How.
    pub method: Method,
    /// At least one; none twice; in the order of [`Leg`], so that a sum does not depend on how the
    /// legs were listed.
    pub legs: Vec<WeightedLeg>,
    /// Hits of each leg that take part; `None` for the index's setting. Never a function of `k` or
    /// `offset`, or pages would change scores.
    pub depth: Option<usize>,
}

/// A leg and its share.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedLeg {
    /// The leg.
    pub leg: Leg,
    /// 0, or from 1 ÷ [`FUSION_NUMBER_LIMIT`] to it; not all legs weigh 0.
    pub weight: f64,
}

/// How lists become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Reciprocal rank fusion: Σ weight ÷ (k + rank), 0 beyond the fusion depth.
    Rrf {
        /// The rank constant, from 0 to [`FUSION_NUMBER_LIMIT`].
        k: f64,
    },
    /// Σ weight × normalised score, over weights that are scaled to sum to 1.
    Convex(Normaliser),
}

/// How a leg's scores are brought to a common scale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Normaliser {
    /// (score − least of the list) ÷ (greatest − least), cut at 0. A list of equal scores is 1. The
    /// default, because it is what users of other engines know.
    #[default]
    MinMax,
    /// As min-max, but from the least score that the leg can give: 0 for sparse and BM25, minus the
    /// bound for dense vectors (Bruch, Gai, Ingber, TOIS 2023).
    TheoreticalMinMax,
    /// Score ÷ the most that this query could score in this index: the lists have no say.
    Bound,
}

impl Rank {
    /// Learned sparse weights alone.
    pub const SPARSE: Self = Self::Leg(Leg::Sparse);
    /// BM25 alone.
    pub const BM25: Self = Self::Leg(Leg::Bm25);

    /// The legs that take part.
    pub fn legs(&self) -> impl Iterator<Item = &Leg> {
        let (one, several) = match self {
            Self::Leg(leg) => (Some(leg), &[][..]),
            Self::Fused(fusion) => (None, &fusion.legs[..]),
        };
        one.into_iter().chain(several.iter().map(|weighted| &weighted.leg))
    }

    /// Whether a sparse query vector is needed.
    pub fn needs_sparse(&self) -> bool {
        self.legs().any(|leg| *leg == Leg::Sparse)
    }

    /// Whether the query's text is needed.
    pub fn needs_text(&self) -> bool {
        self.legs().any(|leg| *leg == Leg::Bm25)
    }

    /// The dense fields whose query vectors are needed; `None` stands for the only one.
    pub fn dense_fields(&self) -> impl Iterator<Item = Option<&str>> {
        self.legs().filter_map(|leg| match leg {
            Leg::Dense(field) => Some(field.as_deref()),
            Leg::Sparse | Leg::Bm25 => None,
        })
    }
}

impl Leg {
    /// Whether it ranks by a dense field.
    pub(crate) fn is_dense(&self) -> bool {
        match self {
            Self::Dense(_) => true,
            Self::Sparse | Self::Bm25 => false,
        }
    }
}

impl Fusion {
    /// Checks and orders the legs.
    ///
    /// Errors: the reason, fit to follow a colon.
    pub fn new(
        method: Method,
        mut legs: Vec<WeightedLeg>,
        depth: Option<usize>,
    ) -> Result<Self, String> {
        if legs.is_empty() {
            return Err("no leg is named; for example rrf:sparse,bm25".to_owned());
        }
        if legs.len() > LEGS_LIMIT {
            return Err(format!("{} legs, the limit is {LEGS_LIMIT}", legs.len()));
        }
        if let Some(WeightedLeg { leg, weight }) = legs.iter().find(|leg| !is_weight(leg.weight)) {
            return Err(format!("the weight of {leg} is {weight}; {WEIGHTS}"));
        }
        if legs.iter().all(|leg| leg.weight == 0.0) {
            return Err("all legs weigh 0".to_owned());
        }
        legs.sort_by(|a, b| a.leg.cmp(&b.leg));
        if let Some(pair) = legs.windows(2).find(|pair| pair[0].leg == pair[1].leg) {
            return Err(format!("the leg {} is named twice", pair[0].leg));
        }
        if depth.is_some_and(|depth| !(1..=FUSION_DEPTH_LIMIT).contains(&depth)) {
            return Err(format!("the depth is a number from 1 to {FUSION_DEPTH_LIMIT}"));
        }
        match method {
            Method::Rrf { k } if !is_rank_constant(k) => {
                Err(format!("k is {k}; it is a number from 0 to {FUSION_NUMBER_LIMIT}"))
            }
            Method::Rrf { .. } | Method::Convex(_) => Ok(Self { method, legs, depth }),
        }
    }
}

/// What weights are, for errors.
const WEIGHTS: &str = "it is 0, or a number from 1e-6 to 1e6";

/// Whether a leg can have this weight.
pub fn is_weight(weight: f64) -> bool {
    weight == 0.0 || (FUSION_NUMBER_LIMIT.recip()..=FUSION_NUMBER_LIMIT).contains(&weight)
}

/// Whether ranks can be added to this.
pub fn is_rank_constant(k: f64) -> bool {
    (0.0..=FUSION_NUMBER_LIMIT).contains(&k)
}
