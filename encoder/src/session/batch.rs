//! Grouping texts into batches by length, under a token budget, and laying them out as tensors.
//!
//! Longest texts first, so that the runtime's memory reaches its size in the first run. How much
//! runs at once follows from what the graph returns. Running a batch is `encoder.rs`.

use crate::family::choices::Batching;
use crate::family::detect::GraphLayout;
use crate::family::detect::inputs::Role;
use crate::family::layout::Layout;
use crate::text::tokenize::TokenizedText;

/// Padded tokens per batch. On passages of 88 tokens, batches of 256 to 1,024 tokens encode twice
/// as many texts per second as single texts do; beyond that the working set leaves the caches.
const BUDGET_TOKENS: usize = 512;
/// The same where the graph returns hidden states: there is no wide output to leave the caches.
/// 512, 768, 1,024 and 2,048 tokens gave 546, 571, 578 and 554 passages per CPU-second in runs that
/// compared only that.
const BUDGET_HIDDEN_TOKENS: usize = 768;
/// Texts per batch, which bounds the output tensor when texts are very short.
const BUDGET_ROWS: usize = 64;
/// Values in an output tensor, 128 MiB as float32. Decides, rather than the token budget, for
/// logits over a large vocabulary.
const BUDGET_VALUES: usize = 1 << 25;

/// Texts that run together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Positions of the texts, at least one.
    pub(crate) texts: Vec<usize>,
    /// Tokens per row after padding, at least one.
    pub(crate) length: usize,
}

/// How much may run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    tokens: usize,
    rows: usize,
}

impl Budget {
    /// The budget of a graph that returns `values_per_token` and `values_per_row` values.
    pub(crate) fn new(batching: Batching, values_per_token: usize, values_per_row: usize) -> Self {
        Self::within(BUDGET_TOKENS, batching, values_per_token, values_per_row)
    }

    /// The budget of a graph that returns hidden states of this width.
    pub(crate) fn of_hidden_states(batching: Batching, width: usize) -> Self {
        Self::within(BUDGET_HIDDEN_TOKENS, batching, width, 0)
    }

    /// The budget of a graph by what it returns; a graph that takes one text runs one.
    pub(crate) fn of(graph: &GraphLayout, batching: Batching) -> Self {
        let columns = graph.columns;
        let batching = if graph.is_single { Batching::Single } else { batching };
        let budget = match graph.layout {
            Layout::Logits => Self::new(batching, columns, 0),
            Layout::Hidden => Self::of_hidden_states(batching, columns),
            Layout::TokenWeights => Self::new(batching, 1, 0),
            Layout::Gated => Self::new(batching, 0, 2 * columns),
            Layout::Pooled | Layout::Sparse | Layout::Lookup => Self::new(batching, 0, columns),
        };
        budget.at_most(graph.fixed.batch)
    }

    fn within(
        tokens: usize,
        batching: Batching,
        values_per_token: usize,
        values_per_row: usize,
    ) -> Self {
        match batching {
            Batching::Single => Self { tokens: 1, rows: 1 },
            Batching::Padded => Self {
                tokens: tokens.min(BUDGET_VALUES / values_per_token.max(1)),
                rows: BUDGET_ROWS.min(BUDGET_VALUES / values_per_row.max(1)),
            },
        }
    }

    /// The same for a graph that takes `rows` texts at most.
    pub(crate) fn at_most(self, rows: Option<usize>) -> Self {
        Self { rows: self.rows.min(rows.unwrap_or(self.rows)), ..self }
    }
}

/// Puts every text that has tokens into exactly one batch. A text longer than the budget is a batch
/// of its own; a text without tokens is in none.
pub(crate) fn plan(lengths: &[usize], budget: Budget) -> Vec<Batch> {
    let mut order: Vec<usize> = (0..lengths.len()).filter(|&text| lengths[text] > 0).collect();
    order.sort_by_key(|&text| std::cmp::Reverse(lengths[text]));
    let mut batches: Vec<Batch> = Vec::new();
    for text in order {
        match batches.last_mut() {
            Some(batch)
                if (batch.texts.len() + 1) * batch.length <= budget.tokens
                    && batch.texts.len() < budget.rows =>
            {
                batch.texts.push(text);
            }
            _ => batches.push(Batch { texts: vec![text], length: lengths[text] }),
        }
    }
    batches
}

impl Batch {
    /// A batch of one.
    pub(crate) fn single(text: usize, length: usize) -> Self {
        Self { texts: vec![text], length }
    }

    /// One input of the graph, `[rows, length]` row by row, padded on the right with zeros: the
    /// mask says what is padding, so any valid token id will do there. Rows beyond the texts, which
    /// a graph of a fixed batch wants, repeat the last text: a row without tokens may be no number.
    pub(crate) fn input(&self, role: Role, tokens: &[TokenizedText], rows: usize) -> Vec<i64> {
        let mut values = Vec::with_capacity(rows * self.length);
        let last = self.texts.last();
        for &text in self.texts.iter().chain(last.into_iter().cycle()).take(rows) {
            let TokenizedText { ids, types, .. } = &tokens[text];
            match role {
                Role::Ids => values.extend_from_slice(ids),
                Role::Types => values.extend_from_slice(types),
                Role::Mask => values.extend(std::iter::repeat_n(1, ids.len())),
            }
            values.extend(std::iter::repeat_n(0, self.length - ids.len()));
        }
        values
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const BUDGET: Budget = Budget { tokens: 512, rows: 64 };

    proptest! {
        #[test]
        fn every_text_with_tokens_is_in_one_batch_within_the_budget(
            lengths in proptest::collection::vec(0usize..700, 0..200)
        ) {
            let mut seen = vec![0; lengths.len()];
            for batch in plan(&lengths, BUDGET) {
                prop_assert!(batch.texts.len() == 1 || batch.texts.len() * batch.length <= 512);
                prop_assert!(batch.texts.len() <= 64);
                let longest = batch.texts.iter().map(|&text| lengths[text]).max();
                prop_assert_eq!(longest, Some(batch.length));
                batch.texts.iter().for_each(|&text| seen[text] += 1);
            }
            for (text, &length) in lengths.iter().enumerate() {
                prop_assert_eq!(seen[text], usize::from(length > 0));
            }
        }
    }

    #[test]
    fn single_batching_never_joins_texts() {
        let budget = Budget::new(Batching::Single, 1, 1);
        assert_eq!(plan(&[3, 3, 3], budget).len(), 3);
    }

    #[test]
    fn wide_outputs_shrink_the_budget() {
        let budget = Budget::new(Batching::Padded, 250_002, 250_002);
        assert!(budget.tokens < 512 && budget.tokens * 250_002 <= BUDGET_VALUES);
        assert_eq!(Budget::new(Batching::Padded, 30_522, 30_522), BUDGET);
    }

    #[test]
    fn rows_are_padded_on_the_right() {
        let tokens = [
            TokenizedText { ids: vec![101, 102], types: vec![0, 1], ..TokenizedText::default() },
            TokenizedText { ids: vec![101, 7, 102], types: vec![0; 3], ..TokenizedText::default() },
        ];
        let batch = &plan(&[2, 3], BUDGET)[0];
        assert_eq!(batch.texts, [1, 0]);
        assert_eq!(batch.input(Role::Ids, &tokens, 2), [101, 7, 102, 101, 102, 0]);
        assert_eq!(batch.input(Role::Mask, &tokens, 2), [1, 1, 1, 1, 1, 0]);
        assert_eq!(batch.input(Role::Mask, &tokens, 3)[6..], [1, 1, 0], "the last text again");
        assert_eq!(batch.input(Role::Types, &tokens, 2), [0, 0, 0, 0, 1, 0]);
    }
}
