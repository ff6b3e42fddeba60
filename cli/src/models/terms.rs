//! Tokens and the words of a text, by the terms that a model makes of them.

use std::sync::Arc;

use gleaner_encoder::{EncodeError, Encoder, Model, Side};
use gleaner_indexer::Vocabulary;

/// What token texts mean to a model.
pub(crate) fn terms(model: &Model) -> Arc<dyn Vocabulary> {
    gleaner::vocabulary_of(model)
}

/// The words of a text that gave a vector's terms their weights, where that is known.
pub(crate) fn words(
    encoder: &mut Encoder,
    side: Side,
    text: &str,
) -> anyhow::Result<Option<Vec<(u32, String)>>> {
    let traced = match encoder.encode_with_provenance(side, text) {
        Err(EncodeError::NoProvenance { .. }) => return Ok(None),
        traced => traced?,
    };
    let named = traced.sources.into_iter().filter_map(|source| {
        let word = text.get(source.word?)?;
        Some((source.term, word.to_owned()))
    });
    Ok(Some(named.collect()))
}
