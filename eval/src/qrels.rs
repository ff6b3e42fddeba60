//! Relevance judgements: query id → document id → grade.
//!
//! Read from the tab-separated files of BEIR or from TREC's `qid 0 docid rel`. A grade of 1 or
//! more is relevant; 0 and negative grades are judgements too, of documents that are not. Nothing
//! here knows the texts of queries or documents.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;

use crate::error::EvalError;
use crate::lines::{exact_fields, for_each_line, open_file};

const BEIR_FIELDS: &str = "query id, corpus id, score, separated by tabs";
const TREC_FIELDS: &str = "query id, 0, document id, grade";

/// What a line begins with that says nothing.
const COMMENT: char = '#';

/// How a line of judgements is written.
#[derive(Clone, Copy)]
enum Kind {
    Beir,
    Trec,
}

impl Kind {
    /// The kind of a file with this first line.
    fn of(line: &str) -> Self {
        if line.matches('\t').count() == 2 { Self::Beir } else { Self::Trec }
    }

    /// Query, document and grade.
    fn fields(self, line: &str) -> Result<[&str; 3], String> {
        match self {
            Self::Beir => exact_fields(line.split('\t').map(str::trim), BEIR_FIELDS),
            Self::Trec => {
                let fields = exact_fields(line.split_whitespace(), TREC_FIELDS);
                fields.map(|[query, _, id, grade]| [query, id, grade])
            }
        }
    }
}

/// Grades by query and document, both in ascending order of their ids' bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Qrels {
    grades: BTreeMap<String, BTreeMap<String, i32>>,
}

impl Qrels {
    /// Returns judgements of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a judgement file of either kind: BEIR's if its first line has three fields
    /// separated by tabs, else TREC's. It may be packed; `-` is stdin. Lines that begin with `#` are
    /// comments. A first line whose grade is no number is a heading.
    /// Errors: `Read`, `BadLine`.
    pub fn open(path: &Path) -> Result<Self, EvalError> {
        Self::read(open_file(path)?, path, None)
    }

    /// Reads BEIR's `query-id<TAB>corpus-id<TAB>score`, with comments and a heading as
    /// [`Qrels::open`]. `file` is the name used in errors.
    /// Errors: `Read`; `BadLine` for a wrong number of fields, a grade that is no 32-bit integer,
    /// an empty id, or a second judgement of the same document.
    pub fn read_beir(reader: impl BufRead, file: &Path) -> Result<Self, EvalError> {
        Self::read(reader, file, Some(Kind::Beir))
    }

    /// Reads TREC's `qid 0 docid rel`, separated by white space; the second field is ignored.
    /// `file` is the name used in errors.
    /// Errors: as [`Qrels::read_beir`].
    pub fn read_trec(reader: impl BufRead, file: &Path) -> Result<Self, EvalError> {
        Self::read(reader, file, Some(Kind::Trec))
    }

    /// Reads a file of this kind, or of the kind that its first line shows.
    fn read(reader: impl BufRead, file: &Path, mut kind: Option<Kind>) -> Result<Self, EvalError> {
        let mut qrels = Self::new();
        let mut first = true;
        for_each_line(reader, file, |line| {
            if line.starts_with(COMMENT) {
                return Ok(());
            }
            let [query, id, grade] = kind.get_or_insert_with(|| Kind::of(line)).fields(line)?;
            let is_first = std::mem::take(&mut first);
            let is_heading = is_first && grade.parse::<f64>().is_err() && !grade.is_empty();
            if is_heading { Ok(()) } else { qrels.insert_text(query, id, grade) }
        })?;
        Ok(qrels)
    }

    /// Adds one judgement.
    /// Errors: `DuplicateJudgement`, whatever the two grades are.
    pub fn insert(&mut self, query: &str, id: &str, grade: i32) -> Result<(), EvalError> {
        let documents = self.grades.entry(query.to_owned()).or_default();
        if documents.contains_key(id) {
            let (query, id) = (query.to_owned(), id.to_owned());
            return Err(EvalError::DuplicateJudgement { query, id });
        }
        documents.insert(id.to_owned(), grade);
        Ok(())
    }

    /// Returns a query's judgements by document id, or `None` if it has none.
    pub fn grades(&self, query: &str) -> Option<&BTreeMap<String, i32>> {
        self.grades.get(query)
    }

    /// Tells whether a query has at least one document of grade 1 or more.
    pub fn has_relevant(&self, query: &str) -> bool {
        self.grades(query).is_some_and(|documents| documents.values().any(|&grade| grade > 0))
    }

    /// Walks all judged queries with their judgements, in ascending order of query id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, i32>)> {
        self.grades.iter().map(|(query, documents)| (query.as_str(), documents))
    }

    /// Returns the number of judged queries.
    pub fn len(&self) -> usize {
        self.grades.len()
    }

    /// Tells whether no query is judged.
    pub fn is_empty(&self) -> bool {
        self.grades.is_empty()
    }

    fn insert_text(&mut self, query: &str, id: &str, grade: &str) -> Result<(), String> {
        if query.is_empty() || id.is_empty() {
            return Err("an id is empty".to_owned());
        }
        let grade =
            grade.parse().map_err(|_| format!("the grade {grade:?} is not a 32-bit integer"))?;
        self.insert(query, id, grade).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beir(text: &str) -> Result<Qrels, EvalError> {
        Qrels::read_beir(text.as_bytes(), Path::new("test.tsv"))
    }

    fn trec(text: &str) -> Result<Qrels, EvalError> {
        Qrels::read_trec(text.as_bytes(), Path::new("qrels"))
    }

    #[test]
    fn heading_is_optional() {
        let with = beir("query-id\tcorpus-id\tscore\nq1\td 1\t2\nq2\td1\t-1\n").unwrap();
        let without = beir("q1\td 1\t2\r\nq2\td1\t-1").unwrap();
        assert_eq!(with, without);
        assert_eq!(with.grades("q1").unwrap()["d 1"], 2);
        assert!(with.has_relevant("q1") && !with.has_relevant("q2") && !with.has_relevant("q3"));
        assert_eq!(with.len(), 2);
    }

    #[test]
    fn bad_lines_are_named() {
        for (text, expected) in [
            ("a\tb\tscore\na\tb\n", "line 2: expected 3 fields"),
            ("a\tb\t1.5\n", "line 1: the grade \"1.5\" is not a 32-bit integer"),
            ("a\tb\t1\na\tb\tscore\n", "line 2: the grade \"score\""),
            ("a\tb\t1\n\na\tb\t1\n", "line 3: query \"a\" has two judgements of document \"b\""),
            ("a\t\t1\n", "line 1: an id is empty"),
            ("a\tb\t99999999999\n", "line 1: the grade"),
        ] {
            let message = beir(text).unwrap_err().to_string();
            assert!(message.starts_with("test.tsv, ") && message.contains(expected), "{message}");
        }
        assert!(trec("a 0 b\n").unwrap_err().to_string().contains("expected 4 fields"));
        assert!(trec("a 0 b 1\na 1 b 0\n").unwrap_err().to_string().contains("two judgements"));
    }

    #[test]
    fn open_tells_the_two_kinds_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qrels");
        let expected = trec("q1 0 d1 1\nq1 0 d2 0\n").unwrap();
        for text in [
            "q1 0 d1 1\nq1 0 d2 0\n",
            "q1\t0\td1\t1\nq1\t0\td2\t0\n",
            "query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t0\n",
            "\n\nq1\td1\t1\nq1\td2\t0\n",
            "# two judgements\n\n# of one query\nq1\td1\t1\n# the second\nq1\td2\t0\n",
            "qid\tdocid\trelevance\nq1\td1\t1\nq1\td2\t0\n",
            "# TREC\nquery_id iter doc_id rel\nq1 0 d1 1\nq1 0 d2 0\n",
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(Qrels::open(&path).unwrap(), expected, "{text:?}");
        }
        let missing = Qrels::open(&folder.path().join("none")).unwrap_err();
        assert!(matches!(missing, EvalError::Read { .. }));
    }
}
