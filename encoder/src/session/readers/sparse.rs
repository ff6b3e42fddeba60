//! Term ids and weights: the graph has pooled, activated and thrown the zeros away.
//!
//! Three forms: both for one text; both `[batch, terms]`, padded with weight 0; ids `[candidates]`
//! shared by the whole batch, with weights `[batch, candidates]`.

use crate::error::EncodeError;
use crate::session::pool::{Pooled, sparse};
use crate::session::readers::outputs::{OutputTensor, Outputs};
use crate::session::readers::run::Run;

pub(super) fn read(run: &Run<'_>, outputs: &Outputs<'_>) -> Result<Vec<Pooled>, EncodeError> {
    let weights = &outputs.weights;
    let Some(ids) = &outputs.ids else { return Ok(Vec::new()) };
    let count = weights.values.len();
    let is_one_text = run.batch.texts.len() == 1 && run.rows == 1;
    let width = if is_one_text { count } else { count / run.rows.max(1) };
    let is_shared = ids.values.len() == width;
    let rows_fit = is_one_text || weights.shape.first() == Some(&(run.rows as i64));
    if width * run.rows != count || !rows_fit || !(is_shared || ids.values.len() == count) {
        return Err(weights.shape_error(vec![run.rows as i64, ids.values.len() as i64]));
    }
    if width == 0 {
        return run
            .batch
            .texts
            .iter()
            .map(|&text| sparse([].into_iter(), run.finish, text))
            .collect();
    }
    let row_ids = |row: usize| match is_shared {
        true => &ids.values[..],
        false => &ids.values[row * width..(row + 1) * width],
    };
    let rows = run.texts(weights, width).enumerate();
    rows.map(|(row, (text, weights))| {
        let pairs =
            pairs(run, ids, text, row_ids(row).iter().copied().zip(weights.iter().copied()))?;
        sparse(pairs.into_iter(), run.finish, text)
    })
    .collect()
}

/// The pairs by ascending term, each term once with its largest weight. What has weight 0 is
/// padding, whatever its id.
fn pairs(
    run: &Run<'_>,
    ids: &OutputTensor<'_, i64>,
    text: usize,
    pairs: impl Iterator<Item = (i64, f32)>,
) -> Result<Vec<(u32, f32)>, EncodeError> {
    let terms = run.terms.len();
    let known = |(id, weight): (i64, f32)| match u32::try_from(id) {
        Ok(term) if (term as usize) < terms => Ok((term, weight)),
        _ => Err(EncodeError::UnknownTerm { output: ids.name.to_owned(), text, term: id, terms }),
    };
    let pairs = pairs.filter(|&(_, weight)| weight != 0.0).map(known);
    let mut pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    // What is not a number comes first and is reported.
    pairs.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.abs().total_cmp(&a.1.abs())));
    pairs.dedup_by_key(|&mut (term, _)| term);
    Ok(pairs)
}
