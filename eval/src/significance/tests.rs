//! The laws of the test, exact enumeration as its oracle, and tables by hand.

use proptest::prelude::*;

use super::*;

const PERMUTATIONS: Permutations = Permutations { count: 20_000, seed: 3 };

fn test(differences: &[Vec<f64>]) -> Significance {
    randomisation_test(differences, PERMUTATIONS).unwrap()
}

/// The share of all 2^n ways to flip n signs whose statistic is at least the observed one.
fn enumerated_p(differences: &[Vec<f64>]) -> f64 {
    let statistic = |flips: u32| {
        let mut place = 0;
        let means = differences.iter().map(|values| {
            let signed = values.iter().map(|value| {
                let sign = if flips >> place & 1 == 1 { -1.0 } else { 1.0 };
                place += 1;
                sign * value
            });
            signed.sum::<f64>() / values.len() as f64
        });
        (means.sum::<f64>() / differences.len() as f64).abs()
    };
    let all = 1u32 << differences.iter().map(Vec::len).sum::<usize>();
    let observed = statistic(0);
    (0..all).filter(|&flips| statistic(flips) >= observed - 1e-9).count() as f64 / f64::from(all)
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} instead of {expected}");
}

#[test]
fn identical_systems_have_a_p_of_1() {
    for differences in [&[vec![0.0; 50]][..], &[vec![0.0], vec![0.0; 3]]] {
        let found = test(differences);
        assert_eq!((found.difference, found.effect, found.p), (0.0, None, 1.0));
    }
}

#[test]
fn p_agrees_with_values_by_hand() {
    // All of n differences are equal: only the two permutations with one sign are as extreme.
    assert_close(test(&[vec![0.5; 5]]).p, 2.0 / 32.0, 0.01);
    // One query: the sign may be either.
    assert_eq!(test(&[vec![0.7]]).p, 1.0);
    // Never 0, but as small as the number of permutations lets it be.
    assert_eq!(test(&[vec![0.1; 200]]).p, 1.0 / 20_001.0);
}

#[test]
fn collections_weigh_the_same_in_the_statistic() {
    let found = test(&[vec![1.0], vec![0.0; 9]]);
    assert_eq!(found.difference, 0.5);
    // The first query moves the statistic by 0.5, each query of the second collection by 0.005.
    let (few, many) = (vec![1.0], vec![-0.1; 10]);
    assert_close(test(&[few.clone(), many.clone()]).p, enumerated_p(&[few, many]), 0.02);
}

#[test]
fn the_effect_is_the_difference_in_standard_deviations() {
    let one = standardised_effect(&[vec![0.0, 0.2, 0.4]]).unwrap().unwrap();
    assert_close(one, 0.2 / 0.2, 1e-12);
    // Variances 0.04 and 0.02 (sum of squares 0.06 over 3), the mean of which is 0.03.
    let two = [vec![0.0, 0.2, 0.4], vec![0.1, 0.4, 0.1, 0.2]];
    let variance = (0.04 + 0.06 / 3.0) / 2.0;
    assert_close(standardised_effect(&two).unwrap().unwrap(), 0.2 / f64::sqrt(variance), 1e-12);
    assert_eq!(standardised_effect(&[vec![0.5], vec![0.1, 0.2]]).unwrap(), None);
    assert_eq!(standardised_effect(&[vec![0.25, 0.25], vec![0.1; 3]]).unwrap(), None);
}

#[test]
fn what_cannot_be_tested_is_an_error() {
    assert!(matches!(randomisation_test(&[], PERMUTATIONS), Err(EvalError::NoQueries)));
    assert!(matches!(randomisation_test(&[vec![]], PERMUTATIONS), Err(EvalError::NoQueries)));
    assert!(matches!(standardised_effect(&[vec![]]), Err(EvalError::NoQueries)));
    let infinite = randomisation_test(&[vec![f64::INFINITY]], PERMUTATIONS);
    assert!(matches!(infinite, Err(EvalError::NotFinite { .. })));
    let none = randomisation_test(&[vec![0.1]], Permutations { count: 0, seed: 1 });
    assert!(matches!(none, Err(EvalError::NoResamples)));
}

#[test]
fn holm_agrees_with_tables_by_hand() {
    let close = |found: Vec<f64>, expected: &[f64]| {
        assert_eq!(found.len(), expected.len());
        found.iter().zip(expected).for_each(|(&found, &expected)| {
            assert_close(found, expected, 1e-12);
        });
    };
    close(holm(&[0.01, 0.04, 0.03, 0.005]), &[0.03, 0.06, 0.06, 0.02]);
    close(holm(&[0.6, 0.02, 0.5]), &[1.0, 0.06, 1.0]);
    close(holm(&[0.02, 0.02, 0.02]), &[0.06, 0.06, 0.06]);
    close(holm(&[0.3]), &[0.3]);
    close(holm(&[]), &[]);
}

fn strata(queries: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<f64>>> {
    // Quarters make ties of the statistic likely, which rounding must not decide.
    let difference = prop_oneof![(-4i8..=4).prop_map(|n| f64::from(n) / 4.0), -1.0..=1.0f64];
    prop::collection::vec(prop::collection::vec(difference, queries), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sampled_p_agrees_with_all_permutations(differences in strata(1..5)) {
        let (sampled, exact) = (test(&differences).p, enumerated_p(&differences));
        prop_assert!((sampled - exact).abs() < 0.02, "{sampled} instead of {exact}");
    }

    #[test]
    fn swapping_the_systems_negates_the_difference_and_keeps_p(differences in strata(1..100)) {
        let swapped: Vec<Vec<f64>> =
            differences.iter().map(|values| values.iter().map(|value| -value).collect()).collect();
        let few = Permutations { count: 500, seed: 9 };
        let one = randomisation_test(&differences, few).unwrap();
        let other = randomisation_test(&swapped, few).unwrap();
        prop_assert_eq!(one.p, other.p);
        prop_assert_eq!(one.difference, -other.difference);
        prop_assert_eq!(one.effect, other.effect.map(|effect| -effect));
    }

    #[test]
    fn a_seed_decides_p(differences in strata(1..60), seed: u64) {
        let permutations = Permutations { count: 300, seed };
        let found = randomisation_test(&differences, permutations).unwrap();
        prop_assert_eq!(found, randomisation_test(&differences, permutations).unwrap());
        prop_assert!(found.p > 0.0 && found.p <= 1.0);
    }

    #[test]
    fn scale_changes_no_p(differences in strata(1..60)) {
        let half = |values: &Vec<f64>| values.iter().map(|value| value / 2.0).collect();
        let halves: Vec<Vec<f64>> = differences.iter().map(half).collect();
        let few = Permutations { count: 300, seed: 1 };
        let p = |differences: &[Vec<f64>]| randomisation_test(differences, few).unwrap().p;
        prop_assert_eq!(p(&differences), p(&halves));
    }

    #[test]
    fn adjusted_values_keep_the_order_and_are_no_smaller(
        p_values in prop::collection::vec(0.0..=1.0f64, 0..12)
    ) {
        let adjusted = holm(&p_values);
        prop_assert_eq!(adjusted.len(), p_values.len());
        for (i, &p) in p_values.iter().enumerate() {
            prop_assert!(p <= adjusted[i] && adjusted[i] <= 1.0);
            for (j, &other) in p_values.iter().enumerate() {
                prop_assert!(p > other || adjusted[i] <= adjusted[j]);
            }
        }
    }
}
