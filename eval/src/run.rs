//! Runs: per query the documents a search returned, best first, and their TREC files.
//!
//! Two orders meet here. A searcher's order is (score descending, id ascending). trec_eval and all
//! that wrap it ignore the rank column, read scores as f32 and break ties by id *descending*. A
//! [`Run`] is always kept in trec_eval's order; results in a searcher's order enter it, or a file,
//! with their ties spread over the next lower f32 values, so that both orders are the same and an
//! in-process evaluation equals one of the written file.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, Write};
use std::path::Path;

use crate::error::EvalError;
use crate::lines::{exact_fields, for_each_line, open_file};
use crate::scored_doc::ScoredDoc;

const FIELDS: &str = "query id, Q0, document id, rank, score, tag";

/// Results by query. Each list is in trec_eval's order (score descending, id descending among
/// equals), its scores are finite and its ids unique.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    lists: BTreeMap<String, Vec<ScoredDoc>>,
}

impl Run {
    /// Returns a run without queries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a TREC run file.
    /// Errors: as [`Run::read`].
    pub fn open(path: &Path) -> Result<Self, EvalError> {
        Self::read(open_file(path)?, path)
    }

    /// Reads `qid Q0 docid rank score tag`, separated by white space, in any order of lines. Rank,
    /// tag and the second field are ignored, as trec_eval does. `file` is the name used in errors.
    /// Errors: `Read`; `BadLine` for a wrong number of fields, a score that is not a finite f32,
    /// or a document that its query already has.
    pub fn read(reader: impl BufRead, file: &Path) -> Result<Self, EvalError> {
        let mut scores: BTreeMap<String, HashMap<String, f32>> = BTreeMap::new();
        for_each_line(reader, file, |line| {
            let [query, _, id, _, score, _] = exact_fields(line.split_whitespace(), FIELDS)?;
            let score = parse_score(score)?;
            if !scores.contains_key(query) {
                scores.insert(query.to_owned(), HashMap::new());
            }
            let known = scores.get_mut(query).and_then(|list| list.insert(id.to_owned(), score));
            match known {
                None => Ok(()),
                Some(_) => Err(format!("query {query:?} has document {id:?} twice")),
            }
        })?;
        let lists = scores.into_iter().map(|(query, list)| {
            let docs = list.into_iter().map(|(id, score)| ScoredDoc { id, score }).collect();
            (query, in_trec_order(docs))
        });
        Ok(Self { lists: lists.collect() })
    }

    /// Adds a query's results, in any order; ties will stand by id descending.
    /// Errors: `NonFiniteScore`, `DuplicateDocument`, `DuplicateQuery`.
    pub fn insert(&mut self, query: &str, docs: Vec<ScoredDoc>) -> Result<(), EvalError> {
        check_docs(query, &docs)?;
        self.add(query, in_trec_order(docs))
    }

    /// Adds a query's results in a searcher's order (score descending, id ascending), and keeps
    /// that order: a score not below its predecessor becomes the next lower f32.
    /// Errors: those of [`Run::insert`]; `OutOfOrder`; `NoLowerScore`.
    pub fn insert_ranked(&mut self, query: &str, docs: Vec<ScoredDoc>) -> Result<(), EvalError> {
        check_docs(query, &docs)?;
        let scores = untied_scores(query, &docs)?;
        let untied = docs.into_iter().zip(scores);
        self.add(query, untied.map(|(doc, score)| ScoredDoc { score, ..doc }).collect())
    }

    /// Returns a query's results, best first; none if the run does not have the query.
    pub fn docs(&self, query: &str) -> &[ScoredDoc] {
        self.lists.get(query).map_or(&[], Vec::as_slice)
    }

    /// Walks queries and their results, in ascending order of query id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[ScoredDoc])> {
        self.lists.iter().map(|(query, docs)| (query.as_str(), docs.as_slice()))
    }

    /// Returns the number of queries, those without results included.
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Tells whether the run has no query.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Writes the run as a TREC file, queries in ascending order of id.
    /// Errors: `UnwritableId`, `Write`.
    pub fn write(&self, out: impl Write, tag: &str) -> Result<(), EvalError> {
        let mut writer = RunWriter::new(out, tag)?;
        for (query, docs) in self.iter() {
            writer.write_list(query, docs.iter().map(|doc| (doc.id.as_str(), doc.score)))?;
        }
        writer.finish()?;
        Ok(())
    }

    fn add(&mut self, query: &str, docs: Vec<ScoredDoc>) -> Result<(), EvalError> {
        if self.lists.contains_key(query) {
            return Err(EvalError::DuplicateQuery { query: query.to_owned() });
        }
        self.lists.insert(query.to_owned(), docs);
        Ok(())
    }
}

/// Drops every result whose id is its query's id.
///
/// ArguAna and Quora take their queries from the corpus, and BEIR drops the query itself from its
/// results there. In most other collections equal ids are an accident, so this is a choice; whoever
/// makes it retrieves k + 1 documents first.
pub fn remove_identical_ids(run: &mut Run) {
    for (query, docs) in &mut run.lists {
        docs.retain(|doc| doc.id != *query);
    }
}

/// Writes a TREC run file query by query, as results arrive.
#[derive(Debug)]
pub struct RunWriter<W> {
    out: W,
    tag: String,
    written: HashSet<String>,
}

impl<W: Write> RunWriter<W> {
    /// Starts a run file. `out` should be buffered; `tag` is the last field of every line.
    /// Errors: `UnwritableId` for a tag that is empty or holds white space.
    pub fn new(out: W, tag: &str) -> Result<Self, EvalError> {
        check_writable(tag)?;
        Ok(Self { out, tag: tag.to_owned(), written: HashSet::new() })
    }

    /// Writes one query's results, given in a searcher's order (score descending, id ascending).
    ///
    /// Whoever reads the scores, as f32 or f64, and sorts by (score descending, id descending) finds
    /// this order again, ties included: a score not below its predecessor is written as the next
    /// lower f32. A query without results writes nothing. On an error nothing of the query is
    /// written, unless the error is `Write`.
    /// Errors: `NonFiniteScore`, `DuplicateDocument`, `DuplicateQuery`, `OutOfOrder`,
    /// `NoLowerScore`, `UnwritableId`, `Write`.
    pub fn write_ranked(&mut self, query: &str, docs: &[ScoredDoc]) -> Result<(), EvalError> {
        check_docs(query, docs)?;
        let scores = untied_scores(query, docs)?;
        self.write_list(query, docs.iter().map(|doc| doc.id.as_str()).zip(scores))
    }

    /// Flushes, and returns what was written to.
    /// Errors: `Write`.
    pub fn finish(mut self) -> Result<W, EvalError> {
        self.out.flush().map_err(|source| EvalError::Write { source })?;
        Ok(self.out)
    }

    fn write_list<'a>(
        &mut self,
        query: &str,
        docs: impl Iterator<Item = (&'a str, f32)>,
    ) -> Result<(), EvalError> {
        check_writable(query)?;
        if self.written.contains(query) {
            return Err(EvalError::DuplicateQuery { query: query.to_owned() });
        }
        let mut text = String::new();
        for (index, (id, score)) in docs.enumerate() {
            check_writable(id)?;
            let (rank, score, tag) = (index + 1, score_text(score), &self.tag);
            text.push_str(&format!("{query} Q0 {id} {rank} {score} {tag}\n"));
        }
        self.written.insert(query.to_owned());
        self.out.write_all(text.as_bytes()).map_err(|source| EvalError::Write { source })
    }
}

/// Reads a score as trec_eval does: as f64, then rounded to f32.
fn parse_score(text: &str) -> Result<f32, String> {
    let score = text.parse::<f64>().map_err(|_| format!("the score {text:?} is not a number"))?;
    let score = score as f32;
    if score.is_finite() { Ok(score) } else { Err(format!("the score {text:?} is not finite")) }
}

/// Returns digits, without an exponent, that give the same f32 whether they are read as f32, or as
/// f64 and then rounded. The shortest digits of an f32 nearly always do; where rounding twice goes
/// astray (an example is 7.038531e-26), the digits of the same number as an f64 do.
fn score_text(score: f32) -> String {
    let shortest = format!("{score}");
    match parse_score(&shortest) {
        Ok(read) if read == score => shortest,
        _ => format!("{}", f64::from(score)),
    }
}

/// trec_eval's order: score descending, then id descending by bytes.
fn trec_order(a: &ScoredDoc, b: &ScoredDoc) -> Ordering {
    b.score.partial_cmp(&a.score).unwrap_or(Ordering::Equal).then_with(|| b.id.cmp(&a.id))
}

fn in_trec_order(mut docs: Vec<ScoredDoc>) -> Vec<ScoredDoc> {
    docs.sort_unstable_by(trec_order);
    docs
}

fn check_docs(query: &str, docs: &[ScoredDoc]) -> Result<(), EvalError> {
    let mut seen = HashSet::with_capacity(docs.len());
    for doc in docs {
        let facts = || (query.to_owned(), doc.id.clone());
        if !doc.score.is_finite() {
            let (query, id) = facts();
            return Err(EvalError::NonFiniteScore { query, id, score: doc.score });
        }
        if !seen.insert(doc.id.as_str()) {
            let (query, id) = facts();
            return Err(EvalError::DuplicateDocument { query, id });
        }
    }
    Ok(())
}

fn check_writable(id: &str) -> Result<(), EvalError> {
    if id.is_empty() || id.contains(|c: char| c.is_whitespace() || c == '\0') {
        return Err(EvalError::UnwritableId { id: id.to_owned() });
    }
    Ok(())
}

/// Returns strictly descending scores for finite results in a searcher's order: each is its own
/// score, or the next f32 below the predecessor's where that is lower.
/// Errors: `OutOfOrder`, `NoLowerScore`.
fn untied_scores(query: &str, docs: &[ScoredDoc]) -> Result<Vec<f32>, EvalError> {
    let mut scores: Vec<f32> = Vec::with_capacity(docs.len());
    for (index, doc) in docs.iter().enumerate() {
        let mut score = doc.score;
        if let (Some(before), Some(last)) = (index.checked_sub(1), scores.last()) {
            let before = &docs[before];
            if before.score < score || (before.score == score && before.id > doc.id) {
                let (query, id) = (query.to_owned(), doc.id.clone());
                return Err(EvalError::OutOfOrder { query, id, rank: index + 1 });
            }
            score = score.min(last.next_down());
        }
        if !score.is_finite() {
            let (query, id) = (query.to_owned(), doc.id.clone());
            return Err(EvalError::NoLowerScore { query, id });
        }
        scores.push(score);
    }
    Ok(scores)
}

#[cfg(test)]
mod tests;
