//! What orders the hits: one leg, or several fused; how a ranking is written.
//!
//! `sparse`, `bm25`, `dense` or `dense:FIELD` is a leg. `rrf:sparse,bm25,dense` and
//! `convex:sparse=.6,bm25=.4` fuse legs; options stand among them, `rrf:k=60,window=1000,sparse,bm25`,
//! `convex:norm=bound,sparse,dense`. Computing anything is left to `legs.rs` and `fuse.rs`.

use std::{fmt, str::FromStr};

use gleaner_catalog::FUSION_DEPTH_LIMIT;

use crate::error::SearchError;

/// Rank constant of reciprocal rank fusion unless another is given (Cormack, Clarke, Buettcher,
/// SIGIR 2009).
pub const RRF_K: f64 = 60.0;

/// Largest weight of a leg and largest rank constant; the smallest weight but 0 is one over it. Beyond,
/// fused scores would not fit f32 with their order.
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
    pub window: Option<usize>,
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
    /// Reciprocal rank fusion: Σ weight ÷ (k + rank), 0 outside the window.
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
    /// (score − least of the window) ÷ (greatest − least), cut at 0. A window of equal scores is 1. The
    /// default, because it is what users of other engines know.
    #[default]
    MinMax,
    /// As min-max, but from the least score that the leg can give: 0 for sparse and BM25, minus the
    /// bound for dense vectors (Bruch, Gai, Ingber, TOIS 2023).
    TheoreticalMinMax,
    /// Score ÷ the most that this query could score in this index: no window has a say.
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

impl Fusion {
    /// Checks and orders the legs.
    ///
    /// Errors: the reason, fit to follow a colon.
    pub fn new(
        method: Method,
        mut legs: Vec<WeightedLeg>,
        window: Option<usize>,
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
        if window.is_some_and(|window| !(1..=FUSION_DEPTH_LIMIT).contains(&window)) {
            return Err(format!("the window is a number from 1 to {FUSION_DEPTH_LIMIT}"));
        }
        match method {
            Method::Rrf { k } if !is_rank_constant(k) => {
                Err(format!("k is {k}; it is a number from 0 to {FUSION_NUMBER_LIMIT}"))
            }
            _ => Ok(Self { method, legs, window }),
        }
    }

    /// Reads what stands behind `rrf:` or `convex:`.
    fn parse(method: &str, items: &str) -> Result<Self, String> {
        let (mut legs, mut window, mut k, mut normaliser) = (Vec::new(), None, None, None);
        let items: Vec<&str> = items.split(',').map(str::trim).collect();
        for option in ["window", "k", "norm"] {
            let is_option =
                |item: &&&str| item.split_once('=').is_some_and(|(name, _)| name.trim() == option);
            if items.iter().filter(is_option).count() > 1 {
                return Err(format!("{option} is given twice"));
            }
        }
        for item in items {
            match item.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                Some(("window", value)) => window = Some(whole("window", value)?),
                Some(("k", value)) if method == "rrf" => k = Some(number("k", value)?),
                Some(("norm", value)) if method == "convex" => normaliser = Some(value.parse()?),
                Some((option @ ("k" | "norm"), _)) => {
                    return Err(format!("{option} is no option of {method}"));
                }
                Some((leg, weight)) => {
                    legs.push(WeightedLeg { leg: leg.parse()?, weight: number(leg, weight)? });
                }
                None => legs.push(WeightedLeg { leg: item.parse()?, weight: 1.0 }),
            }
        }
        let method = match method {
            "rrf" => Method::Rrf { k: k.unwrap_or(RRF_K) },
            _ => Method::Convex(normaliser.unwrap_or_default()),
        };
        Self::new(method, legs, window)
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

/// The value of an option, or the weight of a leg.
pub(crate) fn number(name: &str, value: &str) -> Result<f64, String> {
    value.parse().map_err(|_| format!("{name}={value} is not a number"))
}

/// The value of an option that counts something.
pub(crate) fn whole(name: &str, value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| format!("{name}={value} is not a whole number"))
}

impl FromStr for Leg {
    type Err = String;

    fn from_str(leg: &str) -> Result<Self, String> {
        match leg.split_once(':') {
            None if leg == "sparse" => Ok(Self::Sparse),
            None if leg == "bm25" => Ok(Self::Bm25),
            None if leg == "dense" => Ok(Self::Dense(None)),
            Some(("dense", field)) if !field.is_empty() => Ok(Self::Dense(Some(field.to_owned()))),
            _ => Err(format!("there is no leg {leg:?}; known: sparse, bm25, dense, dense:FIELD")),
        }
    }
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sparse => f.write_str("sparse"),
            Self::Bm25 => f.write_str("bm25"),
            Self::Dense(None) => f.write_str("dense"),
            Self::Dense(Some(field)) => write!(f, "dense:{field}"),
        }
    }
}

impl Normaliser {
    const ALL: [Self; 3] = [Self::MinMax, Self::TheoreticalMinMax, Self::Bound];

    /// Its name in a ranking.
    pub fn name(self) -> &'static str {
        match self {
            Self::MinMax => "minmax",
            Self::TheoreticalMinMax => "tmm",
            Self::Bound => "bound",
        }
    }
}

impl FromStr for Normaliser {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|normaliser| normaliser.name() == name);
        known.ok_or_else(|| format!("there is no norm {name:?}; known: minmax, tmm, bound"))
    }
}

impl FromStr for Rank {
    type Err = SearchError;

    fn from_str(rank: &str) -> Result<Self, SearchError> {
        let unknown = |reason| SearchError::Rank { rank: rank.to_owned(), reason };
        let known = "known: sparse, bm25, dense, dense:FIELD, rrf:LEG,… and convex:LEG=WEIGHT,…";
        match rank.split_once(':') {
            Some((method @ ("rrf" | "convex"), items)) => {
                Fusion::parse(method, items).map(Self::Fused).map_err(unknown)
            }
            _ => rank.parse().map(Self::Leg).map_err(|_| unknown(known.to_owned())),
        }
    }
}

impl fmt::Display for Rank {
    /// The canonical form, which reads back as the same ranking.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fusion = match self {
            Self::Leg(leg) => return leg.fmt(f),
            Self::Fused(fusion) => fusion,
        };
        match fusion.method {
            Method::Rrf { k } => write!(f, "rrf:k={k}")?,
            Method::Convex(normaliser) => write!(f, "convex:norm={}", normaliser.name())?,
        }
        if let Some(window) = fusion.window {
            write!(f, ",window={window}")?;
        }
        fusion.legs.iter().try_for_each(|leg| write!(f, ",{}={}", leg.leg, leg.weight))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parsed(rank: &str) -> Rank {
        rank.parse().unwrap()
    }

    #[test]
    fn legs_are_read() {
        assert_eq!(parsed("sparse"), Rank::Leg(Leg::Sparse));
        assert_eq!(parsed("bm25"), Rank::Leg(Leg::Bm25));
        assert_eq!(parsed("dense"), Rank::Leg(Leg::Dense(None)));
        assert_eq!(parsed("dense:emb"), Rank::Leg(Leg::Dense(Some("emb".to_owned()))));
    }

    #[test]
    fn fusions_are_read_and_written_back() {
        let Rank::Fused(fusion) = parsed("rrf:dense, sparse=2,bm25") else { panic!("a fusion") };
        assert_eq!((fusion.method, fusion.window), (Method::Rrf { k: 60.0 }, None));
        let legs: Vec<_> =
            fusion.legs.iter().map(|leg| (leg.leg.to_string(), leg.weight)).collect();
        let expected = [("sparse", 2.0), ("bm25", 1.0), ("dense", 1.0)];
        assert!(legs.iter().zip(expected).all(|(a, b)| (&a.0[..], a.1) == b), "{legs:?}");
        for rank in [
            "rrf:k=10,window=100,sparse,dense:a=.5,dense:b",
            "convex:norm=minmax,sparse=.6,bm25=.4",
            "convex:sparse,bm25",
            "dense:emb",
        ] {
            let rank = parsed(rank);
            assert_eq!(parsed(&rank.to_string()), rank, "{rank}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused_with_a_reason() {
        for (rank, reason) in [
            ("splade", "known: sparse"),
            ("dense:", "known: sparse"),
            ("rrf:", "there is no leg \"\""),
            ("rrf:sparse,splade", "no leg \"splade\""),
            ("rrf:sparse,sparse=2", "named twice"),
            ("rrf:sparse=-1", "weight of sparse is -1"),
            ("rrf:sparse=1e41,bm25", "weight of sparse is 100000000000"),
            ("rrf:sparse=1e-50,bm25", "from 1e-6 to 1e6"),
            ("rrf:k=1e9,sparse", "k is 1000000000; it is a number from 0 to 1000000"),
            ("rrf:sparse=x", "sparse=x is not a number"),
            ("rrf:sparse=nan,bm25", "weight of sparse is NaN"),
            ("rrf:sparse=0,bm25=0", "all legs weigh 0"),
            ("rrf:k=-1,sparse", "k is -1"),
            ("rrf:norm=tmm,sparse", "norm is no option of rrf"),
            ("convex:k=60,sparse", "k is no option of convex"),
            ("convex:norm=l2,sparse", "no norm \"l2\""),
            ("rrf:window=0,sparse", "window is a number from 1"),
            ("rrf:window=many,sparse", "not a whole number"),
            ("rrf:window=5,window=6,sparse", "window is given twice"),
        ] {
            let error = rank.parse::<Rank>().unwrap_err().to_string();
            assert!(error.contains(reason), "{rank}: {error}");
        }
    }
}
