//! Bounds from 8-bit codes: which rows of a dense field can still belong to the k best.
//!
//! With a query `q = s·q̂ + e` and a stored vector `x = t·x̂ + f` (codes with a hat), `q·x` is
//! `s·t·(q̂·x̂)` plus `e·(t·x̂)` plus `q·f`. So it differs from the estimate by at most
//! `|e|·|t·x̂| + |q|·|f|` (Cauchy and Schwarz). The norms of rows are stored, rounded up; those of
//! the query are computed here. Scoring what is left is `scan.rs`'s.

use std::{cmp::Reverse, collections::BinaryHeap};

/// Largest code.
const CODE_LIMIT: f32 = 127.0;

/// What arithmetic may lose of an estimate, as a share of it: rounding to f32, with room.
const ROUNDING: f64 = 1e-6;
/// What the exact sum may lose, as a share of the product of the norms.
const SUM_ROUNDING: f64 = 1e-9;

/// A query vector as codes, and how far these are from it.
#[derive(Debug, Clone)]
pub(crate) struct QueryCodes {
    pub(crate) codes: Vec<i8>,
    scale: f64,
    /// Length of what the codes leave over, rounded up.
    left: f64,
    /// Length of the vector, rounded up.
    norm: f64,
}

impl QueryCodes {
    /// Shapes: `vector [dims]`, finite.
    pub(crate) fn new(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        // Twice smaller than the smallest normal number there would be no room for 127 steps.
        let scale = largest / CODE_LIMIT;
        let code = |&value: &f32| match scale > 0.0 {
            true => (value / scale).round().clamp(-CODE_LIMIT, CODE_LIMIT) as i8,
            false => 0,
        };
        let codes: Vec<i8> = vector.iter().map(code).collect();
        let scale = f64::from(scale);
        let left = |(&value, &code): (&f32, &i8)| f64::from(value) - scale * f64::from(code);
        let length = |squares: f64| squares.sqrt() * (1.0 + SUM_ROUNDING);
        let left = vector.iter().zip(&codes).map(|pair| left(pair).powi(2)).sum();
        let squares = vector.iter().map(|&value| f64::from(value).powi(2)).sum();
        Self { codes, scale, left: length(left), norm: length(squares) }
    }

    /// The lowest and the highest score that a row can have.
    ///
    /// Shapes: `sum` the product of the codes; the row's scale, length of its decoded codes, and
    /// length of what they leave over.
    pub(crate) fn bounds(&self, sum: i32, scale: f32, norm: f32, error: f32) -> (f32, f32) {
        let (norm, error) = (f64::from(norm), f64::from(error));
        let estimate = f64::from(sum) * self.scale * f64::from(scale);
        let off = self.left * norm + self.norm * (error + SUM_ROUNDING * (norm + error));
        let off = off + ROUNDING * (estimate.abs() + off) + f64::from(f32::MIN_POSITIVE);
        // Rounding to f32 moves a number by far less than `ROUNDING` of it.
        ((estimate - off) as f32, (estimate + off) as f32)
    }
}

/// A row that may belong to the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ScreenedRow {
    pub(crate) upper: f32,
    pub(crate) row: u32,
}

/// f32 in its total order.
#[derive(PartialEq, Clone, Copy)]
struct Ordered(f32);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Collects candidates under a threshold that lower bounds raise.
pub(crate) struct Screen {
    k: usize,
    threshold: f32,
    /// The k highest lower bounds, the lowest of them on top.
    lowers: BinaryHeap<Reverse<Ordered>>,
    candidates: Vec<ScreenedRow>,
    highest_ruled_out: Option<f32>,
}

impl Screen {
    /// `floor` is a score that `k` rows already reach elsewhere.
    pub(crate) fn new(k: usize, floor: Option<f32>) -> Self {
        Self {
            k,
            threshold: floor.unwrap_or(f32::NEG_INFINITY),
            lowers: BinaryHeap::new(),
            candidates: Vec::new(),
            highest_ruled_out: None,
        }
    }

    /// Whether a row with this upper bound is a candidate; if not, that is remembered.
    pub(crate) fn would_enter(&mut self, upper: f32) -> bool {
        if upper >= self.threshold {
            return true;
        }
        self.rule_out(upper);
        false
    }

    fn rule_out(&mut self, upper: f32) {
        self.highest_ruled_out =
            Some(self.highest_ruled_out.map_or(upper, |highest| highest.max(upper)));
    }

    /// Takes a candidate and raises the threshold by its lower bound.
    pub(crate) fn offer(&mut self, row: u32, lower: f32, upper: f32) {
        self.candidates.push(ScreenedRow { upper, row });
        if self.lowers.len() < self.k {
            self.lowers.push(Reverse(Ordered(lower)));
        } else if let Some(mut least) = self.lowers.peek_mut()
            && lower > least.0.0
        {
            *least = Reverse(Ordered(lower));
        }
        if self.lowers.len() == self.k
            && let Some(Reverse(Ordered(least))) = self.lowers.peek()
        {
            self.threshold = self.threshold.max(*least);
        }
    }

    /// The candidates that are left, the highest bound first, and the highest bound ruled out.
    pub(crate) fn into_candidates(mut self) -> (Vec<ScreenedRow>, Option<f32>) {
        let (mut candidates, threshold) = (std::mem::take(&mut self.candidates), self.threshold);
        candidates.retain(|candidate| {
            let stays = candidate.upper >= threshold;
            if !stays {
                self.rule_out(candidate.upper);
            }
            stays
        });
        candidates.sort_unstable_by(|a, b| b.upper.total_cmp(&a.upper).then(a.row.cmp(&b.row)));
        (candidates, self.highest_ruled_out)
    }
}
