//! A BEIR folder's queries and judgements.
//!
//! `queries.jsonl` keeps the order of its lines, because a searcher works through it in that order
//! and so do its logs. `corpus.jsonl` is the indexer's business and is not opened here.

use std::collections::HashSet;
use std::io::BufRead;
use std::path::Path;

use gleaner_format::{
    json::{UniqueObject, reason_of},
    source::{find_source, source_names, unpacked_name},
};
use serde_json::Value;

use crate::error::EvalError;
use crate::lines::{for_each_line, open_file};
use crate::qrels::Qrels;

/// One line of `queries.jsonl`; members other than its id and its text are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The query's id, `_id` or `id`; judgements and runs refer to it.
    pub id: String,
    /// What is searched for.
    pub text: String,
}

/// The queries of a BEIR folder in file order, and one split's judgements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// All queries, of every split, in file order; ids are unique.
    pub queries: Vec<Query>,
    /// The split's judgements.
    pub qrels: Qrels,
}

impl Dataset {
    /// Reads `queries.jsonl` and `qrels/<split>.tsv` of a BEIR folder or zip; each may be packed.
    /// Errors: `NotBeir` and `NoSuchSplit` for a missing file, `Read`, `BadLine`.
    pub fn open(folder: &Path, split: &str) -> Result<Self, EvalError> {
        let Some(queries_path) = find_source(folder, "queries.jsonl") else {
            return Err(EvalError::NotBeir { path: folder.join("queries.jsonl") });
        };
        let (qrels_folder, name) = (folder.join("qrels"), format!("{split}.tsv"));
        let Some(qrels_path) = find_source(&qrels_folder, &name) else {
            return Err(missing_split(&qrels_folder, &name));
        };
        let qrels = Qrels::open(&qrels_path)?;
        let queries = parse_queries(open_file(&queries_path)?, &queries_path)?;
        Ok(Self { queries, qrels })
    }

    /// Walks, in file order, the queries that have a judgement of any grade.
    pub fn judged_queries(&self) -> impl Iterator<Item = &Query> {
        self.queries.iter().filter(|query| self.qrels.grades(&query.id).is_some())
    }

    /// Walks, in file order, the queries that have a relevant document: those which count in a mean.
    pub fn relevant_queries(&self) -> impl Iterator<Item = &Query> {
        self.queries.iter().filter(|query| self.qrels.has_relevant(&query.id))
    }

    /// Returns the ids that have relevant judgements but no line in `queries.jsonl`, ascending.
    /// They count as 0 in every mean, so a caller should warn of them.
    pub fn unknown_queries(&self) -> Vec<&str> {
        let known: HashSet<&str> = self.queries.iter().map(|query| query.id.as_str()).collect();
        let judged = self.qrels.iter().map(|(query, _)| query);
        judged.filter(|id| self.qrels.has_relevant(id) && !known.contains(id)).collect()
    }
}

/// Reads a file of queries, packed or not, or stdin for `-`: JSONL with `_id` (or `id`; a string or an integer, as of documents) and
/// `text`, in its order.
/// Errors: `Read`, `BadLine`.
pub fn read_queries(path: &Path) -> Result<Vec<Query>, EvalError> {
    parse_queries(open_file(path)?, path)
}

fn parse_queries(reader: impl BufRead, file: &Path) -> Result<Vec<Query>, EvalError> {
    let mut queries: Vec<Query> = Vec::new();
    let mut seen = HashSet::new();
    for_each_line(reader, file, |line| {
        let query = parse_query(line)?;
        if !seen.insert(query.id.clone()) {
            return Err(format!("query {:?} was there before", query.id));
        }
        queries.push(query);
        Ok(())
    })?;
    Ok(queries)
}

const TABLE: &str = ", or a table with a header in a file that ends in .csv or .tsv";
const EXPECTED: &str = "expected {\"_id\": \"…\", \"text\": \"…\"}";

fn parse_query(line: &str) -> Result<Query, String> {
    let UniqueObject(line) = serde_json::from_str(line)
        .map_err(|error| format!("{}; {EXPECTED}{TABLE}", reason_of(&error)))?;
    let id = match line.get("_id").or_else(|| line.get("id")) {
        Some(Value::String(id)) if id.is_empty() => return Err("\"_id\" is empty".to_owned()),
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) if id.is_u64() || id.is_i64() => id.to_string(),
        Some(_) => {
            return Err(format!("\"_id\" is neither a string nor an integer; {EXPECTED}"));
        }
        None => return Err(format!("the key \"_id\" is missing; {EXPECTED}")),
    };
    match line.get("text") {
        Some(Value::String(text)) => Ok(Query { id, text: text.clone() }),
        Some(_) => Err(format!("\"text\" is not a string; {EXPECTED}")),
        None => Err(format!("the key \"text\" is missing; {EXPECTED}")),
    }
}

fn missing_split(folder: &Path, name: &str) -> EvalError {
    let path = folder.join(name);
    let names = source_names(folder).unwrap_or_default();
    let splits = names.iter().filter_map(|name| unpacked_name(name).strip_suffix(".tsv"));
    let found: Vec<String> = splits.map(str::to_owned).collect();
    if found.is_empty() {
        EvalError::NotBeir { path }
    } else {
        EvalError::NoSuchSplit { path, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(queries: &str, qrels: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("qrels")).unwrap();
        std::fs::write(folder.path().join("queries.jsonl"), queries).unwrap();
        std::fs::write(folder.path().join("qrels/test.tsv"), qrels).unwrap();
        folder
    }

    const QUERIES: &str = concat!(
        "{\"_id\": \"9\", \"text\": \"nine\", \"metadata\": {}}\n",
        "{\"_id\": \"1\", \"text\": \"\"}\n",
        "{\"_id\": \"5\", \"text\": \"fünf\"}\n",
    );

    #[test]
    fn queries_keep_the_order_of_the_file() {
        let folder = folder(QUERIES, "query-id\tcorpus-id\tscore\n1\ta\t0\n9\ta\t1\n7\ta\t1\n");
        let dataset = Dataset::open(folder.path(), "test").unwrap();
        let ids = |queries: Vec<&Query>| -> Vec<String> {
            queries.iter().map(|query| query.id.clone()).collect()
        };
        assert_eq!(ids(dataset.queries.iter().collect()), ["9", "1", "5"]);
        assert_eq!(ids(dataset.judged_queries().collect()), ["9", "1"]);
        assert_eq!(ids(dataset.relevant_queries().collect()), ["9"]);
        assert_eq!(dataset.unknown_queries(), ["7"]);
    }

    #[test]
    fn ids_are_read_as_those_of_documents() {
        let lines =
            "{\"id\": 7, \"text\": \"a\"}\n{\"id\": \"x\", \"_id\": \"8\", \"text\": \"b\"}\n";
        let folder = folder(lines, "7\ta\t1\n");
        let queries = read_queries(&folder.path().join("queries.jsonl")).unwrap();
        let ids: Vec<&str> = queries.iter().map(|query| &query.id[..]).collect();
        assert_eq!(ids, ["7", "8"]);
    }

    #[test]
    fn bad_queries_name_file_line_and_reason() {
        for (queries, expected) in [
            ("{\"_id\": \"1\", \"text\": \"\"}\n{\"_id\": 2.5}\n", "line 2: \"_id\" is neither"),
            ("{\"text\": \"x\"}\n", "line 1: the key \"_id\" is missing; expected {\"_id\""),
            ("{\"id\": 7, \"text\": 1}\n", "line 1: \"text\" is not a string"),
            ("{\"_id\": \"1\"}\n", "line 1: the key \"text\" is missing"),
            ("\n{\"_id\": \"\", \"text\": \"\"}\n", "line 2: \"_id\" is empty"),
            ("[1\n", "line 1: "),
            (
                "{\"_id\": \"1\", \"text\": \"\"}\n{\"_id\": \"1\", \"text\": \"\"}\n",
                "line 2: query \"1\" was there before",
            ),
        ] {
            let folder = folder(queries, "1\ta\t1\n");
            let message = Dataset::open(folder.path(), "test").unwrap_err().to_string();
            assert!(message.contains("queries.jsonl, ") && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn missing_files_are_named_with_what_should_be_there() {
        let empty = tempfile::tempdir().unwrap();
        let message = Dataset::open(empty.path(), "test").unwrap_err().to_string();
        assert!(message.contains("queries.jsonl does not exist; a BEIR folder holds"), "{message}");

        let full = folder(QUERIES, "1\ta\t1\n");
        let message = Dataset::open(full.path(), "dev").unwrap_err().to_string();
        assert!(message.ends_with("dev.tsv does not exist; splits found beside it: test"));

        std::fs::remove_file(full.path().join("qrels/test.tsv")).unwrap();
        let error = Dataset::open(full.path(), "test").unwrap_err();
        assert!(matches!(error, EvalError::NotBeir { .. }));
    }
}
