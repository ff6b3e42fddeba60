//! The statistics of BM25, over the documents that live.
//!
//! How many documents there are, how many have a word, and how long they are by the lengths stored
//! with them. A merge copies all three. So a score depends neither on segments nor on what was
//! deleted, whether that is merged away yet or not. Scoring is `bm25.rs`'s.

use tantivy::{
    Term,
    query::Bm25StatisticsProvider,
    schema::{Field, IndexRecordOption},
};

use crate::{error::SearchError, snapshot::commit::Snapshot};

/// Refuses an index whose documents have no word.
///
/// Errors: `NoText`; an index without documents is none.
pub(crate) fn check_text(snapshot: &Snapshot) -> Result<(), SearchError> {
    match snapshot.has_text() || snapshot.live_docs() == 0 {
        true => Ok(()),
        false => Err(SearchError::NoText),
    }
}

/// Statistics over living documents.
pub(crate) struct LivingStatistics<'a>(pub(crate) &'a Snapshot);

impl Bm25StatisticsProvider for LivingStatistics<'_> {
    fn total_num_tokens(&self, _: Field) -> tantivy::Result<u64> {
        Ok(self.0.segments().iter().map(|segment| segment.living_tokens()).sum())
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.0.live_docs())
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let mut documents = 0;
        for reader in self.0.searcher().segment_readers() {
            let index = reader.inverted_index(term.field())?;
            documents += u64::from(match reader.alive_bitset() {
                None => index.doc_freq(term)?,
                Some(alive) => match index.read_postings(term, IndexRecordOption::Basic)? {
                    Some(postings) => postings.doc_freq_given_deletes(alive),
                    None => 0,
                },
            });
        }
        Ok(documents)
    }
}
