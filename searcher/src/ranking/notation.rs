//! How a ranking is written: `rrf:k=60,depth=1000,sparse,bm25=.5` to a [`Rank`], and back.
//!
//! A leg is `sparse`, `bm25`, `dense` or `dense:FIELD`. A fusion is a method, a colon, and items
//! between commas: legs with their weights, and options. What the numbers may be is checked in
//! `rank.rs`.

use std::{fmt, str::FromStr};

use crate::{
    error::SearchError,
    ranking::rank::{Fusion, Leg, Method, Normaliser, RRF_K, Rank, WeightedLeg},
};

impl Fusion {
    /// Reads what stands behind `rrf:` or `convex:`.
    fn parse(method: MethodName, items: &str) -> Result<Self, String> {
        let items: Vec<(&str, Option<&str>)> = items.split(',').map(split_item).collect();
        check_options(&items)?;
        let (mut legs, mut depth, mut k, mut normaliser) = (Vec::new(), None, None, None);
        for (name, value) in items {
            let Some(value) = value else {
                legs.push(WeightedLeg { leg: name.parse()?, weight: 1.0 });
                continue;
            };
            match (FusionOption::find(name), method) {
                (None, _) => {
                    let leg = name.parse()?;
                    legs.push(WeightedLeg { leg, weight: parse_number(name, value)? });
                }
                (Some(FusionOption::Depth), _) => depth = Some(parse_count(name, value)?),
                (Some(FusionOption::K), MethodName::Rrf) => k = Some(parse_number(name, value)?),
                (Some(FusionOption::Norm), MethodName::Convex) => normaliser = Some(value.parse()?),
                (Some(FusionOption::K), MethodName::Convex)
                | (Some(FusionOption::Norm), MethodName::Rrf) => {
                    return Err(format!("{name} is no option of {}", method.name()));
                }
            }
        }
        let method = match method {
            MethodName::Rrf => Method::Rrf { k: k.unwrap_or(RRF_K) },
            MethodName::Convex => Method::Convex(normaliser.unwrap_or_default()),
        };
        Self::new(method, legs, depth)
    }
}

/// An item's name, and its value if it has one.
fn split_item(item: &str) -> (&str, Option<&str>) {
    match item.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim())),
        None => (item.trim(), None),
    }
}

/// Refuses an option that is given twice.
fn check_options(items: &[(&str, Option<&str>)]) -> Result<(), String> {
    let count = |option: &str| {
        items.iter().filter(|(name, value)| *name == option && value.is_some()).count()
    };
    match FusionOption::NAMES.into_iter().map(|(name, _)| name).find(|name| count(name) > 1) {
        Some(name) => Err(format!("{name} is given twice")),
        None if count("window") + count("depth") > 1 => {
            Err("window and depth are one option; give one of them".to_owned())
        }
        None if count("norm") + count("normalizer") > 1 => {
            Err("norm and normalizer are one option; give one of them".to_owned())
        }
        None => Ok(()),
    }
}

/// A method without its numbers: what a written fusion begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MethodName {
    Rrf,
    Convex,
}

impl MethodName {
    const ALL: [Self; 2] = [Self::Rrf, Self::Convex];

    fn name(self) -> &'static str {
        match self {
            Self::Rrf => "rrf",
            Self::Convex => "convex",
        }
    }

    fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }
}

impl Method {
    fn name(self) -> &'static str {
        let name = match self {
            Self::Rrf { .. } => MethodName::Rrf,
            Self::Convex(_) => MethodName::Convex,
        };
        name.name()
    }
}

/// What may stand among the legs of a written fusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FusionOption {
    /// How many hits of each leg are fused.
    Depth,
    /// The rank constant.
    K,
    /// The normaliser.
    Norm,
}

impl FusionOption {
    /// `window` is an older name of `depth`; `normalizer` is how the form at length says `norm`.
    const NAMES: [(&'static str, Self); 5] = [
        ("depth", Self::Depth),
        ("window", Self::Depth),
        ("k", Self::K),
        ("norm", Self::Norm),
        ("normalizer", Self::Norm),
    ];

    fn find(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, option)| option)
    }
}

/// The value of an option, or the weight of a leg.
pub(crate) fn parse_number(name: &str, value: &str) -> Result<f64, String> {
    value.parse().map_err(|_| format!("{name}={value} is not a number"))
}

/// The value of an option that counts something.
pub(crate) fn parse_count(name: &str, value: &str) -> Result<usize, String> {
    value.parse().map_err(|_| format!("{name}={value} is not a whole number"))
}

impl Leg {
    /// The names of legs, for messages.
    pub const KNOWN: &str = "sparse, bm25, dense, dense:FIELD";
}

impl FromStr for Leg {
    type Err = String;

    fn from_str(leg: &str) -> Result<Self, String> {
        match leg.split_once(':') {
            None if leg == "sparse" => Ok(Self::Sparse),
            None if leg == "bm25" => Ok(Self::Bm25),
            None if leg == "dense" => Ok(Self::Dense(None)),
            Some(("dense", field)) if !field.is_empty() => Ok(Self::Dense(Some(field.to_owned()))),
            _ => Err(format!("there is no leg {leg:?}; known: {}", Self::KNOWN)),
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

    /// The names of all normalisers, for messages.
    pub fn known() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

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
        let found = Self::ALL.into_iter().find(|normaliser| normaliser.name() == name);
        found.ok_or_else(|| format!("there is no norm {name:?}; known: {}", Self::known()))
    }
}

impl FromStr for Rank {
    type Err = SearchError;

    fn from_str(rank: &str) -> Result<Self, SearchError> {
        let unknown = |reason| SearchError::Rank { rank: rank.to_owned(), reason };
        let known =
            "known: hybrid, sparse, bm25, dense, dense:FIELD, rrf:LEG,… and convex:LEG=WEIGHT,…";
        let fusion = rank.split_once(':').and_then(|(name, items)| {
            let method = MethodName::find(name)?;
            Some(Fusion::parse(method, items))
        });
        match fusion {
            Some(fusion) => fusion.map(Self::Fused).map_err(unknown),
            None => rank.parse().map(Self::Leg).map_err(|_| unknown(known.to_owned())),
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
        write!(f, "{}:", fusion.method.name())?;
        match fusion.method {
            Method::Rrf { k } => write!(f, "k={k}")?,
            Method::Convex(normaliser) => write!(f, "norm={}", normaliser.name())?,
        }
        if let Some(depth) = fusion.depth {
            write!(f, ",depth={depth}")?;
        }
        fusion.legs.iter().try_for_each(|WeightedLeg { leg, weight }| match *weight == 1.0 {
            true => write!(f, ",{leg}"),
            false => write!(f, ",{leg}={weight}"),
        })
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
        assert_eq!((fusion.method, fusion.depth), (Method::Rrf { k: 60.0 }, None));
        let legs: Vec<_> =
            fusion.legs.iter().map(|leg| (leg.leg.to_string(), leg.weight)).collect();
        let expected = [("sparse", 2.0), ("bm25", 1.0), ("dense", 1.0)];
        assert!(legs.iter().zip(expected).all(|(a, b)| (&a.0[..], a.1) == b), "{legs:?}");
        for rank in [
            "rrf:k=10,depth=100,sparse,dense:a=.5,dense:b",
            "convex:norm=minmax,sparse=.6,bm25=.4",
            "convex:sparse,bm25",
            "dense:emb",
        ] {
            let rank = parsed(rank);
            assert_eq!(parsed(&rank.to_string()), rank, "{rank}");
        }
    }

    #[test]
    fn window_is_an_older_name_of_depth() {
        let (alias, written) = (parsed("rrf:depth=7,sparse"), parsed("rrf:window=7,sparse"));
        assert_eq!(alias, written);
        assert_eq!(alias.to_string(), "rrf:k=60,depth=7,sparse");
    }

    #[test]
    fn what_means_nothing_is_refused_with_a_reason() {
        for (rank, reason) in [
            ("splade", "known: hybrid, sparse"),
            ("dense:", "known: hybrid, sparse"),
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
            ("rrf:window=0,sparse", "depth is a number from 1"),
            ("rrf:window=many,sparse", "not a whole number"),
            ("rrf:window=5,window=6,sparse", "window is given twice"),
            ("rrf:depth=5,depth=6,sparse", "depth is given twice"),
            ("rrf:window=5,depth=5,sparse", "window and depth are one option"),
            ("rrf:depth=0,sparse", "depth is a number from 1"),
        ] {
            let error = rank.parse::<Rank>().unwrap_err().to_string();
            assert!(error.contains(reason), "{rank}: {error}");
        }
    }
}
