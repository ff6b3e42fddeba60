//! Which segments are to become one: tiers of sizes, and shares of deleted rows.
//!
//! Segments of one tier are merged when there are enough of them, so a row is written again once a tier
//! and not once a commit (O'Neil et al., The log-structured merge-tree, 1996; Lucene's tiered policy).
//! A segment of which a good part is deleted is written again by itself. Running merges is `merge.rs`'s.

use tantivy::index::SegmentId;

/// Segments of a tier that become one.
pub(super) const TIER_SEGMENTS: usize = 8;
/// Rows of the largest segment of the lowest tier. Below, a merge costs its files and not its rows.
const LOWEST_TIER_ROWS: u64 = 64;
/// A segment of which this part is deleted is written again: one in four.
const DELETED_ONE_IN: u64 = 4;

/// What counts of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentSize {
    pub(super) id: SegmentId,
    /// Rows, the deleted ones included.
    pub(super) rows: u64,
    pub(super) living: u64,
}

impl SegmentSize {
    /// By the rows that a merge would copy.
    fn tier(&self) -> u32 {
        let over = self.living.max(1).div_ceil(LOWEST_TIER_ROWS);
        over.next_power_of_two().trailing_zeros().div_ceil(TIER_SEGMENTS.trailing_zeros())
    }

    fn is_rotten(&self) -> bool {
        let deleted = self.rows - self.living;
        let is_much = deleted * DELETED_ONE_IN >= self.rows && self.rows > LOWEST_TIER_ROWS;
        deleted > 0 && (is_much || self.living == 0)
    }
}

/// The next merge that is due, if one is: segments of the lowest tier that is full, or one of which much
/// is deleted. No merge makes more than `limit_rows` rows of several segments.
pub(super) fn due(segments: &[SegmentSize], limit_rows: u64) -> Option<Vec<SegmentId>> {
    let mut by_size = segments.to_vec();
    by_size.sort_by_key(|segment| (segment.living, segment.id));
    let mut tiers = by_size.chunk_by(|a, b| a.tier() == b.tier());
    let full = tiers.find_map(|tier| {
        let tier = &tier[..fitting(tier, limit_rows)];
        (tier.len() >= TIER_SEGMENTS).then(|| tier.iter().map(|segment| segment.id).collect())
    });
    full.or_else(|| by_size.iter().find(|segment| segment.is_rotten()).map(|one| vec![one.id]))
}

/// How many of the smallest segments are no more than `limit_rows` together.
fn fitting(segments: &[SegmentSize], limit_rows: u64) -> usize {
    let mut rows = 0;
    let fits = |segment: &&SegmentSize| {
        rows += segment.living;
        rows <= limit_rows
    };
    segments.iter().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1 << 19;

    fn segment(rows: u64, living: u64) -> SegmentSize {
        SegmentSize { id: SegmentId::generate_random(), rows, living }
    }

    /// Commits of so many rows, and all merges that become due: rows written in all, and the most
    /// segments that there were.
    fn simulate(commits: usize, rows: u64) -> (u64, usize) {
        let (mut segments, mut written, mut most) = (Vec::new(), 0, 0);
        for _ in 0..commits {
            segments.push(segment(rows, rows));
            written += rows;
            while let Some(merged) = due(&segments, LIMIT) {
                assert!(merged.len() > 1, "no segment is merged with itself without a reason");
                let is_merged = |it: &SegmentSize| merged.contains(&it.id);
                let sum: u64 = segments.iter().filter(|it| is_merged(it)).map(|it| it.rows).sum();
                assert!(sum <= LIMIT);
                segments.retain(|it| !is_merged(it));
                segments.push(segment(sum, sum));
                written += sum;
            }
            most = most.max(segments.len());
        }
        (written, most)
    }

    #[test]
    fn segments_are_few_and_rows_are_written_again_a_few_times() {
        for (commits, rows) in [(20_000, 1), (3_000, 64), (2_000, 1_000), (300, 10_000)] {
            let (written, most) = simulate(commits, rows);
            let amplification = written as f64 / (commits as u64 * rows) as f64;
            // At most seven of each of six tiers, and those that are too large to be merged.
            let unmergeable = (commits as u64 * rows * 2 / LIMIT) as usize;
            assert!(most <= 42 + unmergeable, "{most} segments of {commits} commits of {rows}");
            assert!(amplification < 12.0, "{amplification} of {commits} commits of {rows}");
        }
    }

    #[test]
    fn what_is_deleted_is_written_away() {
        let (fresh, rotten, gone) = (segment(1_000, 760), segment(1_000, 750), segment(5, 0));
        assert_eq!(due(&[fresh], LIMIT), None);
        assert_eq!(due(&[fresh, rotten], LIMIT), Some(vec![rotten.id]));
        assert_eq!(due(&[gone], LIMIT), Some(vec![gone.id]));
        assert_eq!(due(&[], LIMIT), None);
        // More than the limit, and still only one segment.
        let large = segment(3 * LIMIT, LIMIT);
        assert_eq!(due(&[large], LIMIT), Some(vec![large.id]));
    }

    #[test]
    fn merges_keep_below_the_limit_of_rows() {
        let large: Vec<SegmentSize> = (0..20).map(|_| segment(LIMIT / 8, LIMIT / 8)).collect();
        assert_eq!(due(&large, LIMIT).map(|merged| merged.len()), Some(8));
        let larger: Vec<SegmentSize> = (0..20).map(|_| segment(LIMIT / 4, LIMIT / 4)).collect();
        assert_eq!(due(&larger, LIMIT), None);
    }
}
