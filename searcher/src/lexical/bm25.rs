//! The BM25 leg: words of the query against the text of living documents.
//!
//! Robertson and Zaragoza 2009 with k1 = 1.2 and b = 0.75, tantivy's postings and arithmetic. Every
//! document that has a word is scored; there is nothing to prune. What a word is worth follows from
//! statistics over living documents (`statistics.rs`).

use std::collections::BTreeMap;

use tantivy::{
    DocSet, Score, TERMINATED, Term,
    fieldnorm::FieldNormReader,
    postings::{BlockSegmentPostings, Postings},
    query::{Bm25StatisticsProvider, Bm25Weight},
    schema::{Field, IndexRecordOption},
};

use crate::{
    error::{SearchError, storage},
    filter::rows::RowSet,
    lexical::statistics::{LivingStatistics, check_text},
    snapshot::{commit::Snapshot, segment::Segment},
    sparse::topk::{RowHit, TopK},
};

/// Words of a document that is the query, at most.
const LIKE_WORDS_LIMIT: usize = 256;
/// Words of it that are looked up, at most.
const LIKE_WORDS_SEEN: usize = 4_096;

/// A word of the query, and what one occurrence in a document is worth.
struct Word {
    term: Term,
    text: String,
    /// Occurrences in the query.
    count: u32,
    weight: Bm25Weight,
}

/// An analysed query with the statistics of one commit.
pub(crate) struct Bm25Query {
    /// Those that occur in a living document, in byte order.
    words: Vec<Word>,
    field: Field,
}

/// What one word adds to a document's score.
pub(crate) struct WordScore {
    pub(crate) word: String,
    /// Occurrences in the query.
    pub(crate) count: u32,
    /// The score of one occurrence.
    pub(crate) score: f32,
}

impl Bm25Query {
    /// Analyses a text.
    ///
    /// Errors: `NoText`; the storage layer's.
    pub(crate) fn new(snapshot: &Snapshot, text: &str) -> Result<Self, SearchError> {
        Self::of_words(snapshot, words(snapshot, text)?)
    }

    /// Analyses the text of a document, which may be long, and keeps its [`LIKE_WORDS_LIMIT`]
    /// strongest words: of the [`LIKE_WORDS_SEEN`] most frequent those that could add most to a
    /// score. Ties go by the bytes of words.
    ///
    /// Errors: as [`Bm25Query::new`].
    pub(crate) fn like(snapshot: &Snapshot, text: &str) -> Result<Self, SearchError> {
        let mut counts: Vec<(String, u32)> = words(snapshot, text)?.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.truncate(LIKE_WORDS_SEEN);
        let mut query = Self::of_words(snapshot, counts.into_iter().collect())?;
        query.words.sort_by(|a, b| b.most().total_cmp(&a.most()).then_with(|| a.text.cmp(&b.text)));
        query.words.truncate(LIKE_WORDS_LIMIT);
        query.words.sort_by(|a, b| a.text.cmp(&b.text));
        Ok(query)
    }

    fn of_words(snapshot: &Snapshot, counts: BTreeMap<String, u32>) -> Result<Self, SearchError> {
        check_text(snapshot)?;
        let field = snapshot.fields().text;
        let statistics = LivingStatistics(snapshot);
        let (documents, tokens) = (
            statistics.total_num_docs().map_err(storage)?,
            statistics.total_num_tokens(field).map_err(storage)?,
        );
        let average = tokens as Score / documents as Score;
        let mut words = Vec::with_capacity(counts.len());
        for (text, count) in counts {
            let term = Term::from_field_text(field, &text);
            let having = statistics.doc_freq(&term).map_err(storage)?;
            if having > 0 {
                let weight = Bm25Weight::for_one_term_without_explain(having, documents, average);
                words.push(Word { term, text, count, weight });
            }
        }
        Ok(Self { words, field })
    }

    /// Why no document has a word of the text that this was made of; nothing if one has.
    ///
    /// Errors: those of the storage layer.
    pub(crate) fn unmet_note(
        &self,
        snapshot: &Snapshot,
        text: &str,
    ) -> Result<Option<String>, SearchError> {
        if !self.words.is_empty() || snapshot.live_docs() == 0 {
            return Ok(None);
        }
        Ok(Some(match snapshot.words_of(text, self.field)?.is_empty() {
            true => format!(
                "bm25 finds nothing: the analyser {} keeps no word of the text, as of stop words \
                 and signs",
                snapshot.analyzer()
            ),
            false => "bm25 finds nothing: no document has a word of the text".to_owned(),
        }))
    }

    /// The most that any document could score: every word without end in a text of no length.
    pub(crate) fn bound(&self) -> f64 {
        self.words.iter().map(Word::most).sum()
    }

    /// The score of every document of a segment, 0 where no word occurs: f32 of the f64 sum over
    /// words in byte order, a word counted as often as the query has it. Dead documents have
    /// scores, too.
    ///
    /// Shapes: by the storage layer's number.
    pub(crate) fn scores(
        &self,
        snapshot: &Snapshot,
        ordinal: usize,
    ) -> Result<Vec<f32>, SearchError> {
        let reader = snapshot.searcher().segment_reader(ordinal as u32);
        let index = reader.inverted_index(self.field).map_err(storage)?;
        let mut sums = vec![0f64; reader.max_doc() as usize];
        if let Some(lengths) = reader.fieldnorms_readers().get_field(self.field).map_err(storage)? {
            for word in &self.words {
                let postings = index.read_block_postings(&word.term, IndexRecordOption::WithFreqs);
                if let Some(postings) = postings.map_err(|error| storage(error.into()))? {
                    word.add(postings, &lengths, &mut sums);
                }
            }
        }
        Ok(sums.into_iter().map(|sum| sum as f32).collect())
    }

    /// What every word of the query adds to one document's score, in byte order.
    pub(crate) fn contributions(
        &self,
        snapshot: &Snapshot,
        ordinal: usize,
        doc: u32,
    ) -> Result<Vec<WordScore>, SearchError> {
        let reader = snapshot.searcher().segment_reader(ordinal as u32);
        let index = reader.inverted_index(self.field).map_err(storage)?;
        let Some(lengths) = reader.fieldnorms_readers().get_field(self.field).map_err(storage)?
        else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for Word { term, text, count, weight } in &self.words {
            let postings = index.read_postings(term, IndexRecordOption::WithFreqs);
            let Some(mut postings) = postings.map_err(|error| storage(error.into()))? else {
                continue;
            };
            let at = if postings.doc() < doc { postings.seek(doc) } else { postings.doc() };
            if at == doc && at != TERMINATED {
                let score = weight.score(lengths.fieldnorm_id(doc), postings.term_freq());
                found.push(WordScore { word: text.clone(), count: *count, score });
            }
        }
        Ok(found)
    }

    /// The score of one document: what [`Bm25Query::scores`] says of it.
    pub(crate) fn score(
        &self,
        snapshot: &Snapshot,
        ordinal: usize,
        doc: u32,
    ) -> Result<f32, SearchError> {
        let words = self.contributions(snapshot, ordinal, doc)?;
        let sum: f64 = words.iter().map(|word| f64::from(word.count) * f64::from(word.score)).sum();
        Ok(sum as f32)
    }
}

/// The words of a text and how often each occurs.
fn words(snapshot: &Snapshot, text: &str) -> Result<BTreeMap<String, u32>, SearchError> {
    let field = snapshot.fields().text;
    let mut analyzer = snapshot.searcher().index().tokenizer_for_field(field).map_err(storage)?;
    let mut counts = BTreeMap::new();
    analyzer.token_stream(text).process(&mut |token| {
        *counts.entry(token.text.clone()).or_insert(0) += 1;
    });
    Ok(counts)
}

impl Word {
    /// The most that it could add to a score.
    fn most(&self) -> f64 {
        f64::from(self.count) * f64::from(self.weight.score(0, u32::MAX))
    }

    /// Adds what the word is worth to every document that has it.
    fn add(&self, mut postings: BlockSegmentPostings, lengths: &FieldNormReader, sums: &mut [f64]) {
        let count = f64::from(self.count);
        while !postings.docs().is_empty() {
            for (&doc, &occurrences) in postings.docs().iter().zip(postings.freqs()) {
                let score = self.weight.score(lengths.fieldnorm_id(doc), occurrences);
                sums[doc as usize] += count * f64::from(score);
            }
            postings.advance();
        }
    }
}

/// Offers the admitted documents of a segment.
///
/// Shapes: `scores` by the storage layer's number.
pub(crate) fn offer(segment: &Segment, scores: &[f32], admitted: Option<&RowSet>, top: &mut TopK) {
    let view = segment.impacts();
    for row in 0..view.rows() {
        let doc = view.doc(row);
        let score = scores[doc as usize];
        if score > 0.0
            && top.would_enter(score)
            && admitted.is_none_or(|admitted| admitted.contains(row))
        {
            top.offer(RowHit { score, tie: segment.id_ordinal(doc), row: row as u32 });
        }
    }
}
