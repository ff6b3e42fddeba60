//! Where a list of scores stops being good: the knee of its curve.
//!
//! Kneedle for convex falling curves (Satopää et al., ICDCS workshops 2011), without its smoothing:
//! of the scores over their ranks, both scaled to 0 to 1, the point farthest below the line from
//! the first to the last. Which list is looked at is `query/search.rs`'s; it must not depend on the
//! page.

/// Lists of fewer hits have no knee.
const LEAST_HITS: usize = 3;

/// How many of the hits stand before the knee, the first always among them; all where there is
/// none: too few hits, equal scores, or a curve that nowhere falls below the line.
///
/// Shapes: scores descending.
pub(crate) fn hits_to_knee(scores: &[f32]) -> usize {
    let (Some(&first), Some(&last)) = (scores.first(), scores.last()) else { return 0 };
    let range = f64::from(first) - f64::from(last);
    if scores.len() < LEAST_HITS || range <= 0.0 {
        return scores.len();
    }
    let line_end = (scores.len() - 1) as f64;
    let fall = |(rank, &score): (usize, &f32)| {
        let line = 1.0 - rank as f64 / line_end;
        line - (f64::from(score) - f64::from(last)) / range
    };
    let mut farthest = (scores.len(), 0.0);
    for (rank, fall) in scores.iter().enumerate().map(|point| (point.0, fall(point))) {
        // Roundings are no knee.
        if fall > farthest.1 + 1e-9 {
            farthest = (rank, fall);
        }
    }
    match farthest.0 {
        none if none == scores.len() => none,
        // The farthest point already lies in the flat part: what stands before it is the steep one.
        knee => knee.max(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fall_ends_the_list() {
        assert_eq!(hits_to_knee(&[9.0, 8.8, 8.6, 2.0, 1.9, 1.8, 1.7, 1.6, 1.5]), 3);
        assert_eq!(hits_to_knee(&[10.0, 1.0, 0.9, 0.8]), 1);
    }

    #[test]
    fn lists_without_a_knee_stay_whole() {
        let (none, few, equal, line) =
            (&[][..], &[2.0, 1.0][..], &[3.0; 5][..], &[4.0, 3.0, 2.0, 1.0][..]);
        for scores in [none, few, equal, line, &[9.0, 8.9, 8.8, 1.0]] {
            assert_eq!(hits_to_knee(scores), scores.len(), "{scores:?}");
        }
    }

    #[test]
    fn negative_scores_have_knees_too() {
        assert_eq!(hits_to_knee(&[0.5, 0.4, -0.6, -0.62, -0.64, -0.66, -0.68]), 2);
    }
}
