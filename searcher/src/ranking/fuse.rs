//! Lists to one list: reciprocal ranks, convex combinations of normalised scores.
//!
//! Pure arithmetic on the lists of the legs and on true scores. What a document gets depends on the
//! query, the index and the fusion depth, never on `k`, `offset` or segments. Where lists and
//! scores come from is `list.rs`'s and `completion.rs`'s.

use std::collections::{HashMap, hash_map::Entry};

use crate::ranking::{
    hits::SegmentHit,
    rank::{Method, Normaliser},
};

/// What fusion knows of one leg.
pub(crate) struct LegList<'a> {
    /// Share of the leg, not negative.
    pub(crate) weight: f64,
    /// The best documents, in order.
    pub(crate) best: &'a [SegmentHit],
    /// The scores that this query can have at all, unless no normaliser asks.
    pub(crate) range: Option<ScoreRange>,
}

/// The scores that a query can have in a leg, whatever document it meets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ScoreRange {
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// A document in the list of some leg.
#[derive(Debug, Clone)]
pub(crate) struct ListedDocument {
    pub(crate) found: SegmentHit,
    /// By leg, its place from 1 and its score there; `None` outside the list.
    pub(crate) places: Vec<Option<(usize, f32)>>,
}

/// The union of the lists of all legs that weigh anything, in the order in which they name
/// documents.
///
/// Shapes: `places` have an entry for every leg.
pub(crate) fn unite(legs: &[LegList<'_>]) -> Vec<ListedDocument> {
    let mut documents: Vec<ListedDocument> = Vec::new();
    // A living document is known by its segment and the ordinal of its id there.
    let mut known: HashMap<(usize, u64), usize> = HashMap::new();
    let weighty = |is_weighty: bool| {
        legs.iter().enumerate().filter(move |(_, leg)| (leg.weight > 0.0) == is_weighty)
    };
    // Legs without weight come last: they have places in their lists, but bring no document.
    for (leg, list) in weighty(true).chain(weighty(false)) {
        for (found, place) in list.best.iter().zip(1..) {
            let at = match known.entry((found.segment, found.hit.tie)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(_) if list.weight == 0.0 => continue,
                Entry::Vacant(new) => {
                    let places = vec![None; legs.len()];
                    documents.push(ListedDocument { found: *found, places });
                    *new.insert(documents.len() - 1)
                }
            };
            documents[at].places[leg] = Some((place, found.hit.score));
        }
    }
    documents
}

/// How one leg's place or score becomes a part of the fused score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Share {
    /// `weight ÷ (k + place)`, nothing outside the list.
    Reciprocal {
        /// The leg's weight.
        weight: f64,
        /// The rank constant.
        k: f64,
    },
    /// `weight × (score − least) ÷ (most − least)`.
    Scaled {
        /// The leg's weight over the sum of all.
        weight: f64,
        /// What becomes 0.
        least: f64,
        /// What becomes 1.
        most: f64,
        /// Whether what lies below `least` is 0, too.
        is_cut: bool,
    },
}

impl Share {
    /// How the leg's part is computed.
    pub(crate) fn of(method: Method, leg: &LegList<'_>, weights: f64) -> Self {
        let normaliser = match method {
            Method::Rrf { k } => return Self::Reciprocal { weight: leg.weight, k },
            Method::Convex(normaliser) => normaliser,
        };
        let weight = leg.weight / weights;
        let score =
            |found: Option<&SegmentHit>| found.map_or(0.0, |found| f64::from(found.hit.score));
        let (first, last) = (score(leg.best.first()), score(leg.best.last()));
        let range = leg.range.unwrap_or(ScoreRange { least: 0.0, most: first });
        let (least, most, is_cut) = match normaliser {
            Normaliser::MinMax => (last, first, true),
            Normaliser::TheoreticalMinMax => (range.least, first, false),
            Normaliser::Bound => (0.0, range.most, false),
        };
        Self::Scaled { weight, least, most, is_cut }
    }

    /// The part that a document gets for its place in the leg's list and its true score; nothing
    /// for neither.
    pub(crate) fn part(self, place: Option<usize>, score: Option<f32>) -> f64 {
        match (self, place, score) {
            (Self::Reciprocal { weight, k }, Some(place), _) => weight / (k + place as f64),
            (Self::Reciprocal { .. }, None, _) | (Self::Scaled { .. }, _, None) => 0.0,
            (Self::Scaled { weight, least, most, is_cut }, place, Some(score)) => {
                let above = f64::from(score) - least;
                weight
                    * match most > least {
                        true if is_cut => (above / (most - least)).max(0.0),
                        true => above / (most - least),
                        // All of the list are equally good, and better than what is outside.
                        false => f64::from(u8::from(place.is_some())),
                    }
            }
        }
    }
}

/// The fused score: f32 of the f64 sum of the parts, in the order of the legs.
pub(crate) fn fused_score(parts: &[f64]) -> f32 {
    parts.iter().sum::<f64>() as f32
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sparse::topk::RowHit;

    fn list(scores: &[(u64, f32)]) -> Vec<SegmentHit> {
        let found = |&(tie, score): &(u64, f32)| SegmentHit {
            segment: 0,
            hit: RowHit { score, tie, row: tie as u32 },
        };
        scores.iter().map(found).collect()
    }

    #[test]
    fn lists_unite_and_keep_their_places() {
        let (a, b) = (list(&[(7, 3.0), (1, 2.0)]), list(&[(1, 9.0), (4, 8.0), (7, 1.0)]));
        let leg = |weight, best| LegList { weight, best, range: None };
        let places = |legs: &[LegList<'_>]| -> Vec<(u64, Vec<Option<usize>>)> {
            let place = |place: &Option<(usize, f32)>| place.map(|place| place.0);
            let of = |document: &ListedDocument| {
                (document.found.hit.tie, document.places.iter().map(place).collect())
            };
            unite(legs).iter().map(of).collect()
        };
        let expected =
            [(7, vec![Some(1), Some(3)]), (1, vec![Some(2), Some(1)]), (4, vec![None, Some(2)])];
        assert_eq!(places(&[leg(1.0, &a), leg(2.0, &b)]), expected);
        // A leg without weight brings no document, and has its places nevertheless.
        assert_eq!(
            places(&[leg(0.0, &b), leg(1.0, &a)]),
            [(7, vec![Some(3), Some(1)]), (1, vec![Some(1), Some(2)])]
        );
    }

    #[test]
    fn shares_are_their_formulas() {
        let best = list(&[(1, 8.0), (2, 6.0), (3, 4.0)]);
        let range = Some(ScoreRange { least: -2.0, most: 16.0 });
        let leg = LegList { weight: 3.0, best: &best, range };
        let part = |method, place, score| Share::of(method, &leg, 6.0).part(place, score);
        let rrf = Method::Rrf { k: 60.0 };
        assert_eq!(part(rrf, Some(2), Some(6.0)), 3.0 / 62.0);
        assert_eq!(part(rrf, None, Some(6.0)), 0.0);
        let [minmax, tmm, bound] =
            [Normaliser::MinMax, Normaliser::TheoreticalMinMax, Normaliser::Bound]
                .map(Method::Convex);
        assert_eq!(part(minmax, Some(2), Some(6.0)), 0.25);
        assert_eq!(part(minmax, None, Some(1.0)), 0.0);
        assert_eq!(part(tmm, Some(1), Some(8.0)), 0.5);
        assert_eq!(part(tmm, None, Some(3.0)), 0.25);
        assert_eq!(part(bound, None, Some(8.0)), 0.25);
        assert_eq!(part(bound, None, Some(-8.0)), -0.25);
        for method in [minmax, tmm, bound] {
            assert_eq!(part(method, None, None), 0.0);
        }
    }

    #[test]
    fn one_hit_alone_is_the_best_and_no_hit_is_nothing() {
        let minmax = Method::Convex(Normaliser::MinMax);
        for best in [list(&[(1, 8.0)]), list(&[(1, 8.0), (2, 8.0)])] {
            let leg = LegList { weight: 1.0, best: &best, range: None };
            let share = Share::of(minmax, &leg, 1.0);
            assert_eq!((share.part(Some(1), Some(8.0)), share.part(None, Some(1.0))), (1.0, 0.0));
        }
        let leg = LegList { weight: 1.0, best: &[], range: None };
        for method in [minmax, Method::Convex(Normaliser::TheoreticalMinMax)] {
            assert_eq!(Share::of(method, &leg, 1.0).part(None, Some(0.0)), 0.0);
        }
    }
}
