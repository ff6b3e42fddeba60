//! `gleaner get`, `gleaner delete`: documents by their `_id`s, or by a filter.

use std::{
    collections::{BTreeMap, HashSet},
    io::Write,
    sync::Arc,
};

use anyhow::Context;
use gleaner::{
    Change, CommitMode, Index, Models, Snapshot, StoredDocument, StoredRow, Verdict, WriteQueue,
    exchange::read_lines,
};
use serde_json::{Map, Value, json};

use crate::{
    args::{DeleteArgs, GetArgs},
    failure::{Failure, named},
    io::output::stdout,
};

/// Changes that are handed to the writer at once.
const CHANGES_AT_ONCE: usize = 10_000;

/// `gleaner get`
pub(crate) fn get(args: &GetArgs) -> anyhow::Result<()> {
    let snapshot = Index::open_with(&args.index, &Models::new())?.snapshot();
    let (mut out, mut missing) = (stdout(), Vec::new());
    for id in &args.ids {
        match snapshot.document(id)? {
            Some(document) => writeln!(out, "{}", line(document, args.vectors))?,
            None => missing.push(id.clone()),
        }
    }
    out.flush()?;
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure::NoDocument { ids: missing }.into()),
    }
}

/// A document as a line of JSON.
fn line(document: StoredDocument, has_vectors: bool) -> Value {
    let StoredDocument { mut source, rows } = document;
    if has_vectors {
        let vectors: Vec<Value> = rows.iter().map(vectors).collect();
        let vectors = match &vectors[..] {
            [only] => only.clone(),
            _ => Value::Array(vectors),
        };
        source.insert("_vectors".to_owned(), vectors);
    }
    Value::Object(source)
}

fn vectors(row: &StoredRow) -> Value {
    let sparse: BTreeMap<u32, f32> = row.vector.iter().collect();
    let mut vectors = Map::from_iter([("sparse".to_owned(), json!(sparse))]);
    vectors.extend(row.dense.iter().map(|(field, vector)| (field.clone(), json!(vector))));
    Value::Object(vectors)
}

/// `gleaner delete`
pub(crate) fn delete(args: &DeleteArgs) -> anyhow::Result<()> {
    let index = Index::open_with(&args.index, &Models::new())?.wait_for_lock(args.lock.time());
    let mut ids = args.id.clone();
    if let Some(file) = &args.ids {
        let read = read_lines(file);
        ids.extend(read.with_context(|| format!("cannot read {}", file.display()))?);
    }
    if args.dry_run {
        return count(&index.snapshot(), &ids, args.filter.as_deref());
    }
    let queue = WriteQueue::new(Arc::new(index));
    let mut changes: Vec<Change> = ids.into_iter().map(Change::Delete).collect();
    changes.extend(args.filter.clone().map(Change::DeleteWhere));
    let (mut deleted, mut missing) = (0, Vec::new());
    while !changes.is_empty() {
        let rest = changes.split_off(changes.len().min(CHANGES_AT_ONCE));
        let commit = if rest.is_empty() { CommitMode::Force } else { CommitMode::Auto };
        let report = queue.write(std::mem::replace(&mut changes, rest), commit)?;
        report.notes.iter().for_each(|note| say!("note: {note}"));
        deleted += report.deleted();
        for outcome in report.outcomes {
            match (outcome.verdict, outcome.id) {
                (Verdict::Missing, Some(id)) => missing.push(id),
                (Verdict::Rejected { reason }, _) => return Err(Failure::Usage(reason).into()),
                _ => {}
            }
        }
    }
    say!("deleted {deleted} of {} documents", deleted + queue.index().snapshot().documents());
    say_missing(&missing);
    Ok(())
}

/// Says what would be deleted.
fn count(snapshot: &Snapshot, ids: &[String], filter: Option<&str>) -> anyhow::Result<()> {
    let (mut found, mut missing) = (HashSet::new(), Vec::new());
    for id in ids {
        match snapshot.has_document(id)? {
            true => drop(found.insert(id.clone())),
            false => missing.push(id.clone()),
        }
    }
    if let Some(filter) = filter {
        let (admitted, notes) = snapshot.matching(filter)?;
        notes.iter().for_each(|note| say!("note: {note}"));
        found.extend(admitted);
    }
    say!("{} of {} documents would be deleted", found.len(), snapshot.documents());
    say_missing(&missing);
    Ok(())
}

fn say_missing(missing: &[String]) {
    if !missing.is_empty() {
        say!("note: no document has {}", named(missing));
    }
}
