//! The output layer of a model whose graph stops at the hidden states: which vocabulary entries can
//! be active at all, and exactly how active those are.
//!
//! A term's weight needs its largest logit over the text's tokens, and nearly all of them are
//! negative. So: rows `w` of the output matrix and hidden states `h` are rounded to 8 bits
//! (`ŵ`, `ĥ`; one scale per row, one per text), and
//!
//! `h·w = ĥ·ŵ + (h − ĥ)·ŵ + h·(w − ŵ) ≤ ĥ·ŵ + |h − ĥ||ŵ| + |h||w − ŵ|`.
//!
//! With the lengths on the right bounded per text and per row, the largest integer product over the
//! tokens bounds every logit of a row from above. If that bound and the bias are not above 0, the
//! term is inactive, whatever the token; about 345 of 30,522 rows of the shipped model are left, of
//! which 180 are active. Those are computed in float32, every product one chain of additions in a
//! fixed order. Hence the weights are those of the plain output layer, they do not depend on what
//! else is in the batch, and no `[batch, length, vocabulary]` tensor is ever formed.
//!
//! The bounds hold for what float32 arithmetic returns, not just in real numbers: [`Head::new`]
//! adds what roundings can amount to.

use std::path::Path;

use gleaner_kernels::{Kernels, MAX_DIMS, PackedRows, ROWS_AT_ONCE, TokenCodes, TokenValues};

use crate::error::{Cause, EncodeError};
use crate::family::choices::{Activation, Pooling};
use crate::family::settings::sparse::HeadTensors;
use crate::onnx::graph::Graph;
use crate::onnx::protobuf::OnnxError;

/// Half the distance from 1 to the next larger f32: the largest relative error of a rounding.
const ROUNDING: f64 = 1.0 / 16_777_216.0;
/// Adding this to a small f32 rounds it to a whole number, which then stands in the low bits.
const TO_WHOLE: f32 = 12_582_912.0;
/// Hidden states smaller than this are rounded to 0: their scale could not be inverted.
const SMALLEST: f32 = 1e-30;
/// Rows that are looked at together.
const ROWS: usize = 16;

/// An output layer: matrix, bias, and what is needed to rule rows out. Workers share it.
pub(crate) struct Head {
    kernels: Kernels,
    dims: usize,
    /// Rows from here on are padding.
    terms: usize,
    /// `[vocabulary, dims]`
    matrix: Vec<f32>,
    /// `[vocabulary]`
    bias: Vec<f32>,
    codes: PackedRows,
    bounds: Vec<Bounds>,
}

/// What a row's logit is at most: `code product × scale × the text's scale + the text's error ×
/// length + the text's length × error + bias`. For 16 rows.
#[derive(Clone)]
struct Bounds {
    scale: [f32; ROWS],
    /// At least the length of the rounded row.
    length: [f32; ROWS],
    /// At least the distance of the row from the rounded row, and what float32 adds to it.
    error: [f32; ROWS],
    /// At least the bias.
    bias: [f32; ROWS],
}

/// Space for one text, reused.
#[derive(Default)]
pub(crate) struct Scratch {
    codes: TokenCodes,
    values: TokenValues,
    maxima: Vec<i32>,
    survivors: Vec<u32>,
    dots: Vec<f32>,
    pooled: Vec<(u32, f32)>,
}

/// What a text's hidden states and their 8-bit codes are to the bound.
struct TextBound {
    /// Value of one code.
    scale: f32,
    /// At least the length of every hidden state.
    length: f32,
    /// At least the distance of every hidden state from its rounded form.
    error: f32,
}

impl Head {
    /// Takes an output layer. Shapes: `matrix [vocabulary, dims]`, `bias [vocabulary]`.
    ///
    /// Errors: when the shapes do not fit each other, or a value is not finite.
    /// Cost: one pass over the matrix.
    pub(crate) fn new(matrix: Vec<f32>, bias: Vec<f32>, dims: usize) -> Result<Self, Cause> {
        let rows = bias.len();
        if dims == 0 || dims > MAX_DIMS || rows == 0 || matrix.len() / dims != rows {
            return Err(format!("{} values for {rows} rows of {dims}", matrix.len()).into());
        }
        if !all_finite(&matrix) || !all_finite(&bias) {
            return Err("the output layer has values that are not finite".into());
        }
        let mut codes = PackedRows::new(rows, dims);
        let none = Bounds {
            scale: [0.0; ROWS],
            length: [0.0; ROWS],
            error: [0.0; ROWS],
            bias: [-1.0; ROWS],
        };
        let mut bounds = vec![none; codes.maxima_len() / ROWS];
        let mut row_codes = vec![0; dims];
        for (row, (values, &bias)) in matrix.chunks_exact(dims).zip(&bias).enumerate() {
            let bound = RowBound::of(values, bias, &mut row_codes);
            codes.set(row, &row_codes);
            let (group, lane) = (&mut bounds[row / ROWS], row % ROWS);
            group.scale[lane] = bound.scale;
            group.length[lane] = bound.length;
            group.error[lane] = bound.error;
            group.bias[lane] = bound.bias;
        }
        Ok(Self { kernels: Kernels::detect(), dims, terms: rows, matrix, bias, codes, bounds })
    }

    /// Reads the output layer from a model file whose bytes are at hand; `path` is where it lies.
    ///
    /// Errors: when a tensor is missing, or is not `[V, dims]` or `[dims, V]`, and `[V]`.
    pub(crate) fn read(
        bytes: &[u8],
        path: &Path,
        tensors: &HeadTensors,
        dims: usize,
    ) -> Result<Self, Cause> {
        let graph = Graph::read(bytes)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let matrix = graph.tensor(&tensors.matrix)?;
        let values = matrix.floats(folder)?;
        let (rows, values) = match matrix.dims[..] {
            [rows, width] if width == dims => (rows, values),
            [height, rows] if height == dims => (rows, turned(&values, rows)),
            _ => {
                let reason = format!("{:?} is not a matrix for {dims} dimensions", matrix.dims);
                return Err(OnnxError::Tensor { name: tensors.matrix.clone(), reason }.into());
            }
        };
        let bias = match &tensors.bias {
            Some(name) => graph.tensor(name)?.floats(folder)?,
            None => vec![0.0; rows],
        };
        Self::new(values, bias, dims)
    }

    /// Entries of the vocabulary that it has rows for.
    pub(crate) fn rows(&self) -> usize {
        self.bias.len()
    }

    /// Leaves rows from `terms` on out of every answer.
    pub(crate) fn limit(&mut self, terms: usize) {
        self.terms = terms;
    }

    /// One text's terms and their pooled values, terms ascending: largest logits, or sums of
    /// activated ones. What is left out has no logit above 0.
    ///
    /// Shapes: `hidden [tokens, dims]` without padding. Errors: `NonFinite` naming `text`.
    pub(crate) fn pool<'s>(
        &self,
        hidden: &[f32],
        text: usize,
        (pooling, activation): (Pooling, Activation),
        scratch: &'s mut Scratch,
    ) -> Result<&'s [(u32, f32)], EncodeError> {
        if !all_finite(hidden) {
            return Err(EncodeError::NonFinite { text, term: 0, weight: f32::NAN });
        }
        self.survivors(hidden, scratch);
        self.repair(hidden, pooling, activation, scratch);
        Ok(&scratch.pooled)
    }

    /// The first token with the largest logit of a term. Shapes: `hidden [tokens, dims]`.
    pub(crate) fn position(&self, hidden: &[f32], term: u32) -> usize {
        let row = self.row(term as usize);
        let logit = |state: &[f32]| -> f32 { state.iter().zip(row).map(|(h, w)| h * w).sum() };
        let logits = hidden.chunks_exact(self.dims).map(logit).enumerate();
        logits
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map_or(0, |best| best.0)
    }

    /// Collects, in ascending order, the terms whose logit may be above 0.
    fn survivors(&self, hidden: &[f32], scratch: &mut Scratch) {
        let text = round_tokens(hidden, self.dims, &mut scratch.codes);
        scratch.maxima.resize(self.codes.maxima_len(), 0);
        self.kernels.screen(&self.codes, &scratch.codes, &mut scratch.maxima);
        scratch.survivors.clear();
        if hidden.is_empty() {
            return;
        }
        let groups = self.bounds.iter().zip(scratch.maxima.chunks_exact(ROWS));
        for (first, (bounds, maxima)) in (0u32..).step_by(ROWS).zip(groups) {
            let mut may_be = [false; ROWS];
            for lane in 0..ROWS {
                let product = maxima[lane] as f32 * bounds.scale[lane] * text.scale;
                let error = text.error * bounds.length[lane] + text.length * bounds.error[lane];
                let upper = product + error + bounds.bias[lane];
                // What is not a number, because something overflowed, is not ruled out.
                may_be[lane] = upper > 0.0 || upper.is_nan();
            }
            if may_be.iter().fold(false, |any, &may_be| any | may_be) {
                let rows = (first..).zip(may_be).filter(|(_, may_be)| *may_be).map(|(row, _)| row);
                scratch.survivors.extend(rows.filter(|&row| (row as usize) < self.terms));
            }
        }
    }

    /// Computes the survivors exactly and pools them over the tokens.
    fn repair(
        &self,
        hidden: &[f32],
        pooling: Pooling,
        activation: Activation,
        scratch: &mut Scratch,
    ) {
        let Scratch { values, survivors, dots, pooled, .. } = scratch;
        pooled.clear();
        values.fill(hidden, self.dims);
        dots.resize(ROWS_AT_ONCE * values.width(), 0.0);
        let tokens = hidden.len() / self.dims;
        for rows in survivors.chunks(ROWS_AT_ONCE) {
            // A last incomplete group repeats its first row.
            let four: [u32; ROWS_AT_ONCE] =
                std::array::from_fn(|lane| rows.get(lane).map_or(rows[0], |&row| row));
            self.kernels.dots(four.map(|row| self.row(row as usize)), values, dots);
            for (&row, dots) in rows.iter().zip(dots.chunks_exact(values.width())) {
                let bias = self.bias[row as usize];
                let logits = dots[..tokens].iter().map(|dot| dot + bias);
                pooled.push((row, pool(logits, pooling, activation)));
            }
        }
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.matrix[row * self.dims..(row + 1) * self.dims]
    }
}

/// The largest logit, or the sum of the activated ones. What is not a number survives.
fn pool(logits: impl Iterator<Item = f32>, pooling: Pooling, activation: Activation) -> f32 {
    match pooling {
        Pooling::Sum => logits.fold(0.0, |sum, logit| sum + activation.apply(logit)),
        Pooling::Max | Pooling::Graph => logits.fold(f32::NEG_INFINITY, |largest, logit| {
            if logit > largest || logit.is_nan() { logit } else { largest }
        }),
    }
}

/// The transpose. Shapes: `[any, columns]` → `[columns, any]`.
fn turned(values: &[f32], columns: usize) -> Vec<f32> {
    let column = |column| values.iter().skip(column).step_by(columns.max(1)).copied();
    (0..columns).flat_map(column).collect()
}

fn all_finite(values: &[f32]) -> bool {
    values.iter().fold(true, |all, value| all & value.is_finite())
}

/// Rounded up to f32, with room for the roundings of a few operations on it.
fn up(value: f64) -> f32 {
    (value * (1.0 + 32.0 * ROUNDING)) as f32
}

/// A row's share of [`Bounds`].
struct RowBound {
    scale: f32,
    length: f32,
    error: f32,
    bias: f32,
}

impl RowBound {
    /// Rounds a row to `codes` and bounds what that changes.
    fn of(values: &[f32], bias: f32, codes: &mut [i8]) -> Self {
        let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let scale = if largest < SMALLEST { 0.0 } else { largest / 127.0 };
        let (mut exact, mut rounded, mut distance) = (0.0f64, 0.0f64, 0.0f64);
        for (code, &value) in codes.iter_mut().zip(values) {
            let value = f64::from(value);
            let whole = if scale == 0.0 { 0.0 } else { (value / f64::from(scale)).round() };
            let whole = whole.clamp(-127.0, 127.0);
            *code = whole as i8;
            let near = whole * f64::from(scale);
            exact += value * value;
            rounded += near * near;
            distance += (value - near) * (value - near);
        }
        let (exact, rounded, distance) = (exact.sqrt(), rounded.sqrt(), distance.sqrt());
        // A chain of n fused steps is off by up to n roundings of |h||w|, the bias by one, and the
        // bound itself, in survivors(), by a few of its largest part.
        let chain = (values.len() + 1) as f64 * ROUNDING * 1.001 * exact;
        let evaluation = 32.0 * ROUNDING * (rounded + exact);
        let bias = f64::from(bias) + 32.0 * ROUNDING * f64::from(bias).abs();
        Self {
            scale,
            length: up(rounded),
            error: up(distance + chain + evaluation),
            bias: bias as f32,
        }
    }
}

/// Rounds a text's hidden states with one scale. Shapes: `hidden [tokens, dims]`.
fn round_tokens(hidden: &[f32], dims: usize, codes: &mut TokenCodes) -> TextBound {
    let largest = hidden.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    let scale = if largest < SMALLEST { 0.0 } else { largest / 127.0 };
    let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
    codes.clear(dims);
    let (mut longest, mut farthest) = (0.0f32, 0.0f32);
    for token in hidden.chunks_exact(dims) {
        // Eight sums side by side.
        let (mut lengths, mut distances) = ([0.0f32; 8], [0.0f32; 8]);
        for values in token.chunks(8) {
            for ((value, length), distance) in values.iter().zip(&mut lengths).zip(&mut distances) {
                let near = ((value * inverse + TO_WHOLE) - TO_WHOLE) * scale;
                *length += value * value;
                *distance += (value - near) * (value - near);
            }
        }
        longest = longest.max(lengths.iter().sum());
        farthest = farthest.max(distances.iter().sum());
        codes.push(token.iter().map(|value| (value * inverse + TO_WHOLE).to_bits() as i8));
    }
    // A sum of n squares is off by up to n roundings; each difference by two of the value.
    let slack = (dims + 64) as f64 * ROUNDING;
    let length = f64::from(longest).sqrt() * (1.0 + slack);
    let error = f64::from(farthest).sqrt() * (1.0 + slack) + 4.0 * ROUNDING * length;
    // Squares of what is smaller than this vanish.
    let vanished = (dims as f64).sqrt() * 1e-19;
    TextBound { scale, length: up(length + vanished), error: up(error + vanished) }
}

#[cfg(test)]
mod tests;
