//! The member `hybrid` of a search: a fused ranking at length, read to a [`Rank`].
//!
//! The short form, `rank`, is read by the engine. This form is checked here as far as no index is
//! needed, so that an error names the part that is wrong. Its member `depth` says how many hits of
//! each leg are fused; `window` is an older name of it.

use std::fmt::Display;

use gleaner::{
    FUSION_DEPTH_LIMIT, FUSION_NUMBER_LIMIT, Fusion, LEGS_LIMIT, Leg, Method, Normaliser, RRF_K,
    Rank, WeightedLeg, is_rank_constant, is_weight,
};
use serde::Deserialize;

use super::{
    members::{Members, Object},
    names::NameOf,
};
use crate::{
    error::{Code, Problem, brief, quoted},
    limits::Limits,
};

/// Legs and how they are fused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HybridBody {
    legs: Vec<Object<LegBody>>,
    fusion: Option<Object<FusionBody>>,
    depth: Option<usize>,
    /// An older name.
    window: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LegBody {
    name: String,
    field: Option<String>,
    weight: Option<f64>,
    depth: Option<usize>,
    /// An older name.
    window: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FusionBody {
    method: Option<String>,
    k: Option<f64>,
    #[serde(alias = "norm")]
    normalizer: Option<String>,
    weights: Option<Members<f64>>,
}

/// For legs of the written-out form, the part of the request that names the dense field.
#[derive(Debug, Default)]
pub(crate) struct LegParts(Vec<(Leg, String)>);

impl LegParts {
    /// The part of the request that names the dense field of a leg, for errors.
    pub(crate) fn part_of(&self, field: Option<&str>) -> &str {
        let is_it = |leg: &Leg| match leg {
            Leg::Dense(name) => name.as_deref() == field,
            Leg::Sparse | Leg::Bm25 => false,
        };
        let part = self.0.iter().find(|(leg, _)| is_it(leg));
        part.map_or("rank", |(_, part)| part)
    }
}

/// A part of the object, for errors: `hybrid.` is put before it.
fn part(name: impl Display) -> String {
    format!("hybrid.{name}")
}

fn invalid(field: impl Display, detail: impl Into<String>) -> Problem {
    Problem::invalid_request(part(field), detail)
}

impl HybridBody {
    /// The ranking, and for each leg the part of the request that its dense field would be wrong
    /// in.
    ///
    /// Errors: `unknown_rank` for names that mean nothing, `invalid_request` for values out of
    /// range and parts that contradict each other, `limit_exceeded`.
    pub(super) fn rank(self, limits: &Limits) -> Result<(Rank, LegParts), Problem> {
        // Before anything looks at every leg, or for each weight at all of them.
        let weights = self.fusion.as_ref().and_then(|Object(fusion)| fusion.weights.as_ref());
        for (found, name) in
            [(self.legs.len(), "legs"), (weights.map_or(0, Members::len), "fusion.weights")]
        {
            if found > LEGS_LIMIT {
                let detail = format!("{found} of them, the limit is {LEGS_LIMIT}");
                return Err(Problem::new(Code::LimitExceeded, detail).field(part(name)));
            }
        }
        let depth = self.depth(limits)?;
        let fusion = self.fusion.map(|Object(fusion)| fusion).unwrap_or_default();
        let method = fusion.method()?;
        let mut legs = Vec::with_capacity(self.legs.len());
        for (place, Object(leg)) in self.legs.into_iter().enumerate() {
            legs.push(leg.weighted(place)?);
        }
        if let Some(weights) = fusion.weights {
            weigh(&mut legs, weights)?;
        }
        let parts = |(place, (leg, _)): (usize, &(Leg, Option<f64>))| {
            (leg.clone(), part(format_args!("legs[{place}].field")))
        };
        let parts = LegParts(legs.iter().enumerate().map(parts).collect());
        let weighted =
            |(leg, weight): (Leg, Option<f64>)| WeightedLeg { leg, weight: weight.unwrap_or(1.0) };
        let legs = legs.into_iter().map(weighted).collect();
        let fusion =
            Fusion::new(method, legs, depth).map_err(|reason| invalid("legs", brief(reason)))?;
        Ok((Rank::Fused(fusion), parts))
    }

    /// How many hits of each leg are fused: the one `depth` of all legs.
    fn depth(&self, limits: &Limits) -> Result<Option<usize>, Problem> {
        let legs = self.legs.iter().map(|Object(leg)| leg.depth.is_some() && leg.window.is_some());
        if legs.fold(self.depth.is_some() && self.window.is_some(), |any, leg| any || leg) {
            return Err(invalid("depth", "`window` is an older name of `depth`; give one of them"));
        }
        let whole = given_depths(self.depth, self.window, "");
        let of_legs = self.legs.iter().enumerate().flat_map(|(place, Object(leg))| {
            given_depths(leg.depth, leg.window, &format!("legs[{place}]."))
        });
        let mut given = whole.into_iter().chain(of_legs);
        let Some((depth, field)) = given.next() else { return Ok(None) };
        if let Some((other, field)) = given.find(|(other, _)| *other != depth) {
            let detail = format!(
                "the depths {depth} and {other} differ; all legs have one depth, so that scores \
                 depend on nothing else"
            );
            return Err(invalid(field, detail));
        }
        if !(1..=FUSION_DEPTH_LIMIT).contains(&depth) {
            let detail = format!("the depth is a number from 1 to {FUSION_DEPTH_LIMIT}");
            return Err(invalid(field, detail));
        }
        if depth > limits.k {
            let detail = format!("the depth is {depth}, the limit is {}", limits.k);
            return Err(Problem::new(Code::LimitExceeded, detail).field(part(field)));
        }
        Ok(Some(depth))
    }
}

/// The depths that are given in one place, with the part of the object that gives each.
fn given_depths(depth: Option<usize>, window: Option<usize>, place: &str) -> Vec<(usize, String)> {
    let given = [(depth, "depth"), (window, "window")];
    given.into_iter().filter_map(|(depth, name)| Some((depth?, format!("{place}{name}")))).collect()
}

impl LegBody {
    /// The leg, and its weight where one is given.
    fn weighted(self, place: usize) -> Result<(Leg, Option<f64>), Problem> {
        let unknown =
            |_| NameOf::Leg.unknown(&self.name).field(part(format_args!("legs[{place}].name")));
        let leg = match (self.name.parse().map_err(unknown)?, self.field) {
            (Leg::Dense(None), field) => Leg::Dense(field),
            (leg @ (Leg::Sparse | Leg::Bm25 | Leg::Dense(Some(_))), None) => leg,
            (leg @ (Leg::Sparse | Leg::Bm25 | Leg::Dense(Some(_))), Some(_)) => {
                let detail = format!("`field` is for the name `dense`; this is {}", brief(&leg));
                return Err(invalid(format_args!("legs[{place}].field"), detail));
            }
        };
        if let Some(weight) = self.weight {
            check_weight(weight, format_args!("legs[{place}].weight"))?;
        }
        Ok((leg, self.weight))
    }
}

fn check_weight(weight: f64, field: impl Display) -> Result<(), Problem> {
    match is_weight(weight) {
        true => Ok(()),
        false => {
            let detail = format!("the weight is {weight}; it is 0, or a number from 1e-6 to 1e6");
            Err(invalid(field, detail))
        }
    }
}

/// The names of fusion methods in this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MethodName {
    Rrf,
    Convex,
    /// Another name for `convex`.
    Linear,
}

impl MethodName {
    fn read(name: &str) -> Result<Self, Problem> {
        match name {
            "rrf" => Ok(Self::Rrf),
            "convex" => Ok(Self::Convex),
            "linear" => Ok(Self::Linear),
            other => Err(NameOf::FusionMethod.unknown(other).field(part("fusion.method"))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rrf => "rrf",
            Self::Convex => "convex",
            Self::Linear => "linear",
        }
    }
}

impl FusionBody {
    fn method(&self) -> Result<Method, Problem> {
        let name = self.method.as_deref().map_or(Ok(MethodName::Rrf), MethodName::read)?;
        match name {
            MethodName::Rrf => self.rrf(),
            MethodName::Convex | MethodName::Linear => self.convex(name),
        }
    }

    fn rrf(&self) -> Result<Method, Problem> {
        if self.normalizer.is_some() {
            return Err(invalid("fusion.normalizer", "rrf normalises no scores"));
        }
        let k = self.k.unwrap_or(RRF_K);
        match is_rank_constant(k) {
            true => Ok(Method::Rrf { k }),
            false => {
                let limit = FUSION_NUMBER_LIMIT;
                Err(invalid("fusion.k", format!("k is {k}; it is a number from 0 to {limit}")))
            }
        }
    }

    fn convex(&self, name: MethodName) -> Result<Method, Problem> {
        if self.k.is_some() {
            return Err(invalid("fusion.k", format!("{} has no rank constant", name.name())));
        }
        let Some(normalizer) = &self.normalizer else {
            return Ok(Method::Convex(Normaliser::default()));
        };
        let unknown = |_| NameOf::Normaliser.unknown(normalizer).field(part("fusion.normalizer"));
        normalizer.parse().map(Method::Convex).map_err(unknown)
    }
}

/// Gives weights by the names of legs; `dense` is a name for the only dense leg.
fn weigh(legs: &mut [(Leg, Option<f64>)], weights: Members<f64>) -> Result<(), Problem> {
    let bad = |detail| invalid("fusion.weights", detail);
    let twice = |name: String| bad(format!("the leg {} is given twice", quoted(&name)));
    for (name, weight) in weights.distinct().map_err(twice)? {
        check_weight(weight, "fusion.weights")?;
        let unknown = |_| NameOf::Leg.unknown(&name).field(part("fusion.weights"));
        let wanted: Leg = name.parse().map_err(unknown)?;
        let is_meant = |leg: &Leg| match (leg, &wanted) {
            (Leg::Dense(_), Leg::Dense(None)) => true,
            (Leg::Sparse | Leg::Bm25 | Leg::Dense(_), wanted) => leg == wanted,
        };
        let mut meant = legs.iter_mut().filter(|(leg, _)| is_meant(leg));
        match (meant.next(), meant.next()) {
            (None, _) => return Err(bad(format!("{} is no leg here", quoted(&name)))),
            (Some(_), Some(_)) => {
                return Err(bad("`dense` is several legs; write `dense:FIELD`".to_owned()));
            }
            (Some((leg, Some(_))), None) => {
                let detail = format!("{} has a weight already", brief(leg));
                return Err(bad(detail));
            }
            (Some((_, weight_of_leg)), None) => *weight_of_leg = Some(weight),
        }
    }
    Ok(())
}
