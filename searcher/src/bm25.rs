//! BM25 over the text field: the lexical ranking beside the learned one.
//!
//! tantivy's postings and its BM25 (k1 = 1.2, b = 0.75, Robertson and Zaragoza 2009), summed here
//! term by term so that every matching document has a score and ties follow the total order.

use std::collections::BTreeMap;

use tantivy::{
    Term,
    query::{EnableScoring, Query, TermQuery},
    schema::IndexRecordOption,
};

use crate::{
    error::SearchError,
    index::Snapshot,
    passages::Statistics,
    rows::RowSet,
    topk::{RowHit, TopK},
};

/// Says so if there are documents and none of them has a word.
pub(crate) fn check_text(snapshot: &Snapshot) -> Result<(), SearchError> {
    let text = snapshot.fields().text;
    let readers = snapshot.searcher().segment_readers();
    for reader in readers {
        if reader.inverted_index(text)?.total_num_tokens() > 0 {
            return Ok(());
        }
    }
    if readers.is_empty() { Ok(()) } else { Err(SearchError::NoText) }
}

/// The analysed words of a query with their number of occurrences, in byte order.
pub(crate) fn words(snapshot: &Snapshot, text: &str) -> Result<BTreeMap<String, u32>, SearchError> {
    let index = snapshot.searcher().index();
    let mut analyzer = index.tokenizer_for_field(snapshot.fields().text)?;
    let mut words = BTreeMap::new();
    analyzer.token_stream(text).process(&mut |token| {
        *words.entry(token.text.clone()).or_insert(0) += 1;
    });
    Ok(words)
}

/// The BM25 score of every document of a segment for one word, 0 where it does not occur.
fn for_each(
    snapshot: &Snapshot,
    ordinal: usize,
    word: &str,
    visit: &mut dyn FnMut(u32, f32),
) -> Result<(), SearchError> {
    let term = Term::from_field_text(snapshot.fields().text, word);
    let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
    let searcher = snapshot.searcher();
    let statistics = snapshot.manifest().long.is_passages().then(|| {
        Statistics::new(searcher, snapshot.segments().iter().filter_map(|it| it.passages()))
    });
    let scoring = match &statistics {
        Some(statistics) => EnableScoring::enabled_from_statistics_provider(statistics, searcher),
        None => EnableScoring::enabled_from_searcher(searcher),
    };
    let reader = snapshot.searcher().segment_reader(ordinal as u32);
    Ok(query.weight(scoring)?.for_each(reader, visit)?)
}

/// The `k` best admitted documents of a segment. Scores: f32 of the f64 sum over words in byte
/// order, a word counted as often as the query has it.
pub(crate) fn search(
    snapshot: &Snapshot,
    ordinal: usize,
    words: &BTreeMap<String, u32>,
    admitted: Option<&RowSet>,
    top: &mut TopK,
) -> Result<(), SearchError> {
    let segment = &snapshot.segments()[ordinal];
    let view = segment.impacts();
    let mut sums = vec![0f64; view.rows()];
    for (word, &count) in words {
        for_each(snapshot, ordinal, word, &mut |doc, score| {
            sums[doc as usize] += f64::from(count) * f64::from(score);
        })?;
    }
    for row in 0..view.rows() {
        let doc = view.doc(row);
        let score = sums[doc as usize] as f32;
        let admitted = admitted.is_none_or(|admitted| admitted.contains(row));
        if admitted && score > 0.0 && top.would_enter(score) {
            top.offer(RowHit { score, tie: segment.id_ordinal(doc), row: row as u32 });
        }
    }
    Ok(())
}

/// `(word, occurrences in the query, BM25 score of one occurrence)` for one document.
pub(crate) fn contributions(
    snapshot: &Snapshot,
    ordinal: usize,
    words: &BTreeMap<String, u32>,
    doc: u32,
) -> Result<Vec<(String, u32, f32)>, SearchError> {
    let mut found = Vec::new();
    for (word, &count) in words {
        for_each(snapshot, ordinal, word, &mut |candidate, score| {
            if candidate == doc {
                found.push((word.clone(), count, score));
            }
        })?;
    }
    Ok(found)
}
