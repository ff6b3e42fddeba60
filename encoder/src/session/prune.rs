//! Dropping the lightest terms of a vector at encoding time, by rules that a side states.
//!
//! Pure functions on slices. A rule whose outcome hangs on rounding says so, so that the caller can
//! encode the text again alone (`encoder.rs` says why).

use serde::{Deserialize, Serialize};

/// How close two weights must be for batch noise to decide which of them is kept: noise moves each
/// by up to 2.4e-7, so twice that, fourfold for safety, as for the threshold in `pool.rs`.
const DOUBT: f32 = 2e-6;

/// What is kept of a vector. Rules apply in the order of the fields; each may be left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prune {
    /// Terms of at least this share of the largest weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f32>,
    /// The heaviest terms, until they hold this share of the sum of all weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mass: Option<f32>,
    /// At most this many terms, the heaviest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_terms: Option<usize>,
}

impl Prune {
    /// Whether everything is kept.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Says what is wrong with a value.
    pub(crate) fn check(&self) -> Result<(), String> {
        let share = |name, value: Option<f32>| match value {
            Some(value) if !(value > 0.0 && value <= 1.0) => {
                Err(format!("{name} = {value} is not above 0 and at most 1"))
            }
            _ => Ok(()),
        };
        share("ratio", self.ratio)?;
        share("mass", self.mass)?;
        match self.top_terms {
            Some(0) => Err("top_terms = 0 keeps nothing".to_owned()),
            _ => Ok(()),
        }
    }

    /// Drops pairs in place; their order stays. Returns whether rounding may have decided.
    ///
    /// Equal weights are kept by the lower term first. Cost: a sort.
    pub(crate) fn apply(&self, terms: &mut Vec<u32>, weights: &mut Vec<f32>) -> bool {
        if self.is_nothing() || weights.is_empty() {
            return false;
        }
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by(|&a, &b| weights[b].total_cmp(&weights[a]).then(terms[a].cmp(&terms[b])));
        let sorted: Vec<f32> = order.iter().map(|&at| weights[at]).collect();
        let (kept, doubtful) = self.kept(&sorted);
        if kept < sorted.len() {
            let mut stays = vec![false; sorted.len()];
            order[..kept].iter().for_each(|&at| stays[at] = true);
            let mut at = stays.iter();
            terms.retain(|_| *at.next().unwrap_or(&false));
            let mut at = stays.iter();
            weights.retain(|_| *at.next().unwrap_or(&false));
        }
        doubtful
    }

    /// How many of some descending weights stay.
    fn kept(&self, sorted: &[f32]) -> (usize, bool) {
        let (mut kept, mut doubtful) = (sorted.len(), false);
        if let Some(ratio) = self.ratio {
            let floor = ratio * sorted[0];
            kept = sorted.partition_point(|&weight| weight >= floor);
            // The maximum itself is above its own share whatever the noise.
            doubtful |= sorted.iter().skip(1).any(|weight| (weight - floor).abs() <= DOUBT);
        }
        if let Some(mass) = self.mass {
            let total: f64 = sorted[..kept].iter().map(|&weight| f64::from(weight)).sum();
            let (wanted, mut held) = (f64::from(mass) * total, 0.0);
            // All noise of the sum, on either side.
            let noise = f64::from(DOUBT) * kept as f64;
            let reaches = |weight: &f32| {
                held += f64::from(*weight);
                doubtful |= (held - wanted).abs() <= noise;
                held >= wanted
            };
            kept = sorted[..kept].iter().position(reaches).map_or(kept, |last| last + 1);
        }
        kept = kept.min(self.top_terms.unwrap_or(kept));
        // Two weights that could change places across the cut.
        doubtful |= kept < sorted.len() && kept > 0 && sorted[kept - 1] - sorted[kept] <= DOUBT;
        (kept, doubtful)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prune(rule: Prune, pairs: &[(u32, f32)]) -> (Vec<(u32, f32)>, bool) {
        let (mut terms, mut weights): (Vec<u32>, Vec<f32>) = pairs.iter().copied().unzip();
        let doubtful = rule.apply(&mut terms, &mut weights);
        (terms.into_iter().zip(weights).collect(), doubtful)
    }

    const PAIRS: [(u32, f32); 4] = [(1, 0.5), (2, 2.0), (5, 1.0), (9, 0.5)];

    #[test]
    fn every_rule_keeps_the_heaviest_in_term_order() {
        let ratio = Prune { ratio: Some(0.3), ..Prune::default() };
        assert_eq!(prune(ratio, &PAIRS), (vec![(2, 2.0), (5, 1.0)], false));
        let mass = Prune { mass: Some(0.7), ..Prune::default() };
        assert_eq!(prune(mass, &PAIRS), (vec![(2, 2.0), (5, 1.0)], false));
        let top = Prune { top_terms: Some(1), ..Prune::default() };
        assert_eq!(prune(top, &PAIRS), (vec![(2, 2.0)], false));
        let all = Prune { ratio: Some(0.1), mass: Some(0.99), top_terms: Some(9) };
        assert_eq!(prune(all, &PAIRS).0, PAIRS);
        assert_eq!(prune(Prune::default(), &PAIRS), (PAIRS.to_vec(), false));
    }

    #[test]
    fn ties_at_the_cut_go_to_the_lower_term_and_are_in_doubt() {
        let top = Prune { top_terms: Some(3), ..Prune::default() };
        assert_eq!(prune(top, &PAIRS), (vec![(1, 0.5), (2, 2.0), (5, 1.0)], true));
        let ratio = Prune { ratio: Some(0.25), ..Prune::default() };
        assert_eq!(prune(ratio, &PAIRS), (PAIRS.to_vec(), true));
    }

    #[test]
    fn values_without_sense_are_named() {
        for rule in [
            Prune { ratio: Some(0.0), ..Prune::default() },
            Prune { mass: Some(f32::NAN), ..Prune::default() },
            Prune { mass: Some(1.5), ..Prune::default() },
            Prune { top_terms: Some(0), ..Prune::default() },
        ] {
            assert!(rule.check().is_err(), "{rule:?}");
        }
    }
}
