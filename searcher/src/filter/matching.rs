//! Conditions to the documents of one segment that meet them.
//!
//! Values are read from the segment's columns, exact texts and words from its postings. Every condition
//! costs at most one pass over the segment, and the clock is looked at before each. Documents are those
//! of the storage layer, the dead ones among them; rows are made of them in `parse.rs`.

use std::{collections::HashSet, ops::Bound};

use roaring::RoaringBitmap;
use tantivy::{
    SegmentReader, TERMINATED, Term,
    columnar::{Column, DynamicColumn, StrColumn},
    postings::Postings,
    query::{EnableScoring, PhraseQuery, Query},
    schema::{Field, IndexRecordOption},
};

use super::{
    number::{Number, float_range, whole_range},
    resolve::{KEYS, KeyTest, Resolved, TIMES, Values},
};
use crate::{
    error::{SearchError, storage},
    snapshot::commit::{Snapshot, TextWord},
    stop::Stop,
};

/// Numbers of a list that are looked for one by one; more of them in one pass.
const NUMBERS_ONE_BY_ONE: usize = 4;

/// A set of documents of one segment, one bit each.
#[derive(Clone)]
pub(super) struct DocBits {
    words: Vec<u64>,
    docs: u32,
}

impl DocBits {
    fn empty(docs: u32) -> Self {
        Self { words: vec![0; (docs as usize).div_ceil(64)], docs }
    }

    fn all(docs: u32) -> Self {
        Self::empty(docs).complement()
    }

    fn insert(&mut self, doc: u32) {
        self.words[doc as usize / 64] |= 1 << (doc % 64);
    }

    fn complement(mut self) -> Self {
        self.words.iter_mut().for_each(|word| *word = !*word);
        if let (Some(last), used @ 1..) = (self.words.last_mut(), self.docs % 64) {
            *last &= (1 << used) - 1;
        }
        self
    }

    fn intersect(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    fn unite(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    pub(super) fn into_bitmap(self) -> RoaringBitmap {
        let docs =
            (0..self.docs).filter(|&doc| self.words[doc as usize / 64] >> (doc % 64) & 1 == 1);
        docs.collect()
    }
}

/// Finds the documents of one segment.
pub(super) struct SegmentMatcher<'a> {
    snapshot: &'a Snapshot,
    reader: &'a SegmentReader,
    stop: Stop<'a>,
    /// By condition, whether a document meets it.
    pub(super) met: Vec<bool>,
}

impl<'a> SegmentMatcher<'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        ordinal: usize,
        conditions: usize,
        stop: Stop<'a>,
    ) -> Self {
        let reader = snapshot.searcher().segment_reader(ordinal as u32);
        Self { snapshot, reader, stop, met: vec![false; conditions] }
    }

    /// Errors: `FilterTime`; those of the storage layer.
    pub(super) fn matching(&mut self, condition: &Resolved) -> Result<DocBits, SearchError> {
        let docs = self.reader.max_doc();
        match condition {
            Resolved::All => Ok(DocBits::all(docs)),
            Resolved::Not(condition) => Ok(self.matching(condition)?.complement()),
            Resolved::And(conditions) => {
                let mut found = DocBits::all(docs);
                for condition in conditions {
                    found.intersect(&self.matching(condition)?);
                }
                Ok(found)
            }
            Resolved::Or(conditions) => {
                let mut found = DocBits::empty(docs);
                for condition in conditions {
                    found.unite(&self.matching(condition)?);
                }
                Ok(found)
            }
            Resolved::Test(test) => {
                if self.stop.is_now() {
                    return Err(SearchError::FilterTime);
                }
                let mut found = DocBits::empty(docs);
                self.test(&test.test, &mut found)?;
                self.met[test.number] = !found.is_empty();
                Ok(found)
            }
        }
    }

    fn test(&self, test: &KeyTest, found: &mut DocBits) -> Result<(), SearchError> {
        let fields = self.snapshot.fields();
        match test {
            KeyTest::Ids(ids) => {
                let terms = ids.iter().map(|id| Term::from_field_text(fields.id, id));
                self.postings(fields.id, terms, found)
            }
            KeyTest::IdPrefix(prefix) => self.prefix(fields.id, prefix, found),
            KeyTest::Words(texts) => texts.iter().try_for_each(|text| self.words(text, found)),
            KeyTest::WordPrefix(prefix) => self.prefix(fields.words, prefix, found),
            KeyTest::HasText => self.with_text(found),
            KeyTest::Values { key, values } => {
                values.iter().try_for_each(|values| self.values(key, values, found))
            }
            KeyTest::Present { key } => {
                for column in self.columns(KEYS, key)? {
                    let index = column.column_index();
                    let docs = 0..self.reader.max_doc();
                    docs.filter(|&doc| index.has_value(doc)).for_each(|doc| found.insert(doc));
                }
                Ok(())
            }
        }
    }

    /// Documents of any of these terms.
    fn postings(
        &self,
        field: Field,
        terms: impl Iterator<Item = Term>,
        found: &mut DocBits,
    ) -> Result<(), SearchError> {
        let index = self.reader.inverted_index(field).map_err(storage)?;
        for term in terms {
            let postings = index.read_postings(&term, IndexRecordOption::Basic);
            if let Some(postings) = postings.map_err(|error| storage(error.into()))? {
                insert_all(postings, found);
            }
        }
        Ok(())
    }

    /// Documents of all terms that begin so.
    fn prefix(&self, field: Field, prefix: &str, found: &mut DocBits) -> Result<(), SearchError> {
        let failed = |error: std::io::Error| storage(error.into());
        let index = self.reader.inverted_index(field).map_err(storage)?;
        let mut terms = index.terms().range().ge(prefix).into_stream().map_err(failed)?;
        while let Some((term, info)) = terms.next() {
            if !term.starts_with(prefix.as_bytes()) {
                break;
            }
            let postings = index.read_postings_from_terminfo(info, IndexRecordOption::Basic);
            insert_all(postings.map_err(failed)?, found);
        }
        Ok(())
    }

    /// Documents whose text has a word, or several in this order.
    fn words(&self, text: &str, found: &mut DocBits) -> Result<(), SearchError> {
        let field = self.snapshot.fields().text;
        let words = without_wholes(self.snapshot.words_of(text, field)?);
        match &words[..] {
            [] => Ok(()),
            [TextWord { word, .. }] => {
                let term = Term::from_field_text(field, word);
                self.postings(field, std::iter::once(term), found)
            }
            words => {
                let term = |it: &TextWord| (it.place, Term::from_field_text(field, &it.word));
                let phrase = PhraseQuery::new_with_offset(words.iter().map(term).collect());
                let scoring = EnableScoring::disabled_from_searcher(self.snapshot.searcher());
                let weight = phrase.weight(scoring).map_err(storage)?;
                let matched = weight.for_each_no_score(self.reader, &mut |docs| {
                    docs.iter().for_each(|&doc| found.insert(doc));
                });
                matched.map_err(storage)
            }
        }
    }

    fn with_text(&self, found: &mut DocBits) -> Result<(), SearchError> {
        let lengths = self.reader.get_fieldnorms_reader(self.snapshot.fields().text);
        let lengths = lengths.map_err(storage)?;
        let docs = 0..self.reader.max_doc();
        docs.filter(|&doc| lengths.fieldnorm(doc) > 0).for_each(|doc| found.insert(doc));
        Ok(())
    }

    fn columns(&self, field: &str, key: &str) -> Result<Vec<DynamicColumn>, SearchError> {
        let handles = self.reader.fast_fields().dynamic_column_handles(&format!("{field}.{key}"));
        let open = |handle: &tantivy::columnar::DynamicColumnHandle| {
            handle.open().map_err(|error| storage(error.into()))
        };
        handles.map_err(storage)?.iter().map(open).collect()
    }

    fn values(&self, key: &str, values: &Values, found: &mut DocBits) -> Result<(), SearchError> {
        match values {
            Values::Text(texts) => {
                let field = self.snapshot.fields().fields;
                let terms = texts.iter().map(|text| {
                    let mut term = Term::from_field_json_path(field, key, true);
                    term.append_type_and_str(text);
                    term
                });
                self.postings(field, terms, found)
            }
            Values::TextPrefix(prefix) => {
                let (low, high) = prefix_bounds(prefix);
                self.text_range(KEYS, key, (low, high), found)
            }
            Values::TextRange(low, high) => self.text_range(KEYS, key, bytes_of(low, high), found),
            Values::TimeRange(low, high) => self.text_range(TIMES, key, bytes_of(low, high), found),
            Values::Numbers(numbers) => self.numbers(key, numbers, found),
            Values::NumberRange(low, high) => {
                let columns = self.columns(KEYS, key)?;
                columns.iter().for_each(|column| number_range(column, low, high, found));
                Ok(())
            }
            Values::Truth(truth) => {
                for column in self.columns(KEYS, key)? {
                    if let DynamicColumn::Bool(column) = column {
                        in_range(&column, *truth..=*truth, found);
                    }
                }
                Ok(())
            }
        }
    }

    /// Documents with a text between two ends, which are compared byte by byte.
    fn text_range(
        &self,
        field: &str,
        key: &str,
        (low, high): (Bound<Vec<u8>>, Bound<Vec<u8>>),
        found: &mut DocBits,
    ) -> Result<(), SearchError> {
        for column in self.columns(field, key)? {
            let DynamicColumn::Str(column) = column else { continue };
            if let Some(range) = ordinals(&column, low.clone(), high.clone())? {
                in_range(column.ords(), range, found);
            }
        }
        Ok(())
    }

    fn numbers(
        &self,
        key: &str,
        numbers: &[Number],
        found: &mut DocBits,
    ) -> Result<(), SearchError> {
        let columns = self.columns(KEYS, key)?;
        if numbers.len() <= NUMBERS_ONE_BY_ONE {
            for (column, number) in
                columns.iter().flat_map(|it| numbers.iter().map(move |n| (it, n)))
            {
                number_range(column, &Bound::Included(*number), &Bound::Included(*number), found);
            }
            return Ok(());
        }
        let whole: HashSet<i128> = numbers.iter().filter_map(|number| number.whole()).collect();
        let floats: HashSet<u64> = numbers.iter().map(|number| bits(number.float())).collect();
        for column in &columns {
            match column {
                DynamicColumn::I64(column) => {
                    pass(column, |it| whole.contains(&i128::from(it)), found)
                }
                DynamicColumn::U64(column) => {
                    pass(column, |it| whole.contains(&i128::from(it)), found)
                }
                DynamicColumn::F64(column) => pass(column, |it| floats.contains(&bits(it)), found),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The bits of a number; zero has one sign here.
fn bits(float: f64) -> u64 {
    (float + 0.0).to_bits()
}

fn insert_all(mut postings: impl Postings, found: &mut DocBits) {
    let mut doc = postings.doc();
    while doc != TERMINATED {
        found.insert(doc);
        doc = postings.advance();
    }
}

/// Documents of which a value is in a range.
fn in_range<T>(column: &Column<T>, range: std::ops::RangeInclusive<T>, found: &mut DocBits)
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
{
    // The storage layer takes a range below all values of a column for one that has them.
    if *range.end() < column.min_value() || *range.start() > column.max_value() {
        return;
    }
    let mut docs = Vec::new();
    column.get_docids_for_value_range(range, 0..column.num_docs(), &mut docs);
    docs.into_iter().for_each(|doc| found.insert(doc));
}

/// Documents of which a value passes.
fn pass<T>(column: &Column<T>, is_wanted: impl Fn(T) -> bool, found: &mut DocBits)
where
    T: PartialOrd + Copy + std::fmt::Debug + Send + Sync + 'static,
{
    for doc in 0..column.num_docs() {
        if column.values_for_doc(doc).any(&is_wanted) {
            found.insert(doc);
        }
    }
}

/// Documents of which a number is between two ends.
fn number_range(
    column: &DynamicColumn,
    low: &Bound<Number>,
    high: &Bound<Number>,
    found: &mut DocBits,
) {
    match column {
        DynamicColumn::I64(column) => {
            let limits = i128::from(i64::MIN)..=i128::from(i64::MAX);
            if let Some(range) = whole_range(low, high, limits) {
                in_range(column, *range.start() as i64..=*range.end() as i64, found);
            }
        }
        DynamicColumn::U64(column) => {
            if let Some(range) = whole_range(low, high, 0..=i128::from(u64::MAX)) {
                in_range(column, *range.start() as u64..=*range.end() as u64, found);
            }
        }
        DynamicColumn::F64(column) => {
            if let Some(range) = float_range(low, high) {
                in_range(column, range, found);
            }
        }
        DynamicColumn::Bool(_)
        | DynamicColumn::IpAddr(_)
        | DynamicColumn::DateTime(_)
        | DynamicColumn::Bytes(_)
        | DynamicColumn::Str(_) => {}
    }
}

/// Words without those that pairs of characters stand for (Chinese, Japanese, Korean): the pairs are found
/// in longer words as well, as BM25 finds them.
fn without_wholes(words: Vec<TextWord>) -> Vec<TextWord> {
    let mut kept: Vec<TextWord> = Vec::with_capacity(words.len());
    for word in words {
        match kept.last_mut() {
            // The pair that begins with the word.
            Some(last) if last.place == word.place => *last = word,
            // The end of the last pair.
            Some(last) if word.bytes.end <= last.bytes.end => {}
            _ => kept.push(word),
        }
    }
    kept
}

/// The ordinals of the texts of a column between two ends.
fn ordinals(
    column: &StrColumn,
    low: Bound<Vec<u8>>,
    high: Bound<Vec<u8>>,
) -> Result<Option<std::ops::RangeInclusive<u64>>, SearchError> {
    let bounds = column.dictionary().term_bounds_to_ord(low, high);
    let (low, high) = bounds.map_err(|error| storage(error.into()))?;
    let low = match low {
        Bound::Included(ordinal) => ordinal,
        Bound::Excluded(ordinal) => ordinal.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match high {
        Bound::Included(ordinal) => ordinal.saturating_add(1),
        Bound::Excluded(ordinal) => ordinal,
        Bound::Unbounded => column.num_terms() as u64,
    };
    Ok((low < end).then(|| low..=end - 1))
}

fn bytes_of(low: &Bound<String>, high: &Bound<String>) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let bytes = |bound: &Bound<String>| bound.clone().map(String::into_bytes);
    (bytes(low), bytes(high))
}

/// All texts that begin so.
fn prefix_bounds(prefix: &str) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let mut end = prefix.as_bytes().to_vec();
    // No byte of a text in UTF-8 is 255.
    end.push(u8::MAX);
    (Bound::Included(prefix.as_bytes().to_vec()), Bound::Excluded(end))
}
