//! Where a weight comes from: the token that gave a term its largest value, and that token's word.
//!
//! Known where the largest value over tokens is taken here (logits, hidden states with a `[head]`,
//! token weights) or a table is looked up; a graph that pools inside does not tell.

use std::ops::Range;
use std::sync::Arc;

use gleaner_format::SparseVector;
use serde::Serialize;

use crate::error::EncodeError;
use crate::family::side::Kind;
use crate::session::batch::Batch;
use crate::session::encoder::Encoder;
use crate::session::readers;
use crate::session::table::Table;
use crate::side::Side;
use crate::text::tokenize::TokenizedText;

/// What gave a term its weight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The term.
    pub term: u32,
    /// Position of the token, specials and what a template adds counted.
    pub position: usize,
    /// The bytes of the text that the token's word has; nothing for a special token, and for what
    /// a template adds.
    pub word: Option<Range<usize>>,
}

/// A vector and where its weights come from.
#[derive(Debug, Clone, PartialEq)]
pub struct TracedVector {
    /// The vector, the same as without its sources.
    pub vector: SparseVector,
    /// One per term of the vector, in its order.
    pub sources: Vec<Source>,
}

impl Encoder {
    /// Encodes one text and says where every weight comes from.
    ///
    /// Errors: `NoProvenance` where the graph pools inside or values are summed; those of
    /// [`Encoder::encode`], with position 0. Cost: one run of the text alone.
    pub fn encode_with_provenance(
        &mut self,
        side: Side,
        text: &str,
    ) -> Result<TracedVector, EncodeError> {
        let mut tokens = self.tokenize(side, &[text], true)?;
        self.prepare(side)?;
        let model = Arc::clone(&self.model);
        let vector = self.encode(side, &[text])?.pop().unwrap_or_default();
        let positions = match &model.side(side).kind {
            Kind::Table(table) => looked_up(table, &tokens[0], &vector),
            Kind::Graph(_) if tokens[0].ids.is_empty() => Vec::new(),
            Kind::Graph(_) => {
                let batch = Batch::single(0, tokens[0].ids.len());
                let card = &model.side(side).card;
                let (layout, pooling) = (card.layout.name(), card.pooling.name());
                let terms = vector.terms();
                self.run(side, &batch, &tokens, |run, outputs, _| {
                    Ok(readers::positions(run, outputs, terms))
                })?
                .ok_or(EncodeError::NoProvenance { layout, pooling })?
            }
        };
        let mut words = std::mem::take(&mut tokens[0].words);
        words.resize(words.len().max(tokens[0].ids.len()), None);
        let source = |(&term, position): (&u32, usize)| {
            let word = words.get(position).cloned().flatten();
            Source { term, position, word }
        };
        let sources = vector.terms().iter().zip(positions).map(source).collect();
        Ok(TracedVector { vector, sources })
    }
}

/// The first token that gives each term its weight.
fn looked_up(table: &Table, tokens: &TokenizedText, vector: &SparseVector) -> Vec<usize> {
    let first = |(term, weight): (u32, f32)| {
        let gives = |unit: &Option<u32>| unit.is_some_and(|unit| table.gives(unit, term, weight));
        tokens.units.iter().position(gives).unwrap_or(0)
    };
    vector.iter().map(first).collect()
}
