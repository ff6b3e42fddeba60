//! Filter to rows: any tantivy query, evaluated per segment before anything is scored.
//!
//! The language is tantivy's: `year:>=2015 AND lang:en`, `_id:IN [a b]`, `text:tariff`. Bare words
//! match the text; other names are keys of the documents. Which rows a search may return, and what
//! is kept of them, is left to `admission.rs` and `cache.rs`.

use roaring::RoaringBitmap;
use tantivy::{
    TantivyError,
    query::{EnableScoring, Occur, Query, QueryParser},
    query_grammar::{Delimiter, UserInputAst, UserInputBound, UserInputLeaf, parse_query},
};

use crate::{
    error::{SearchError, storage},
    filter::rows::RowSet,
    snapshot::{commit::Snapshot, segment::Segment},
};

/// Longest filter in bytes.
const FILTER_LIMIT_BYTES: usize = 64 << 10;
/// Deepest nesting: the parser recurses, and an overflown stack cannot be caught.
const FILTER_NESTING_LIMIT: usize = 64;

/// A parsed filter.
pub struct Filter {
    given: String,
    query: Box<dyn Query>,
}

impl Filter {
    /// Parses a filter against the index's fields.
    ///
    /// Errors: `Filter` with the parser's reason, or naming a key that no document has.
    pub fn parse(snapshot: &Snapshot, filter: &str) -> Result<Self, SearchError> {
        let unreadable = |reason: String| SearchError::Filter { filter: filter.to_owned(), reason };
        check_size(filter).map_err(|reason| unreadable(reason.to_owned()))?;
        let mut ast = parse_query(filter)
            .map_err(|_| unreadable(with_hint(filter, "syntax error".to_owned())))?;
        check_bounds(&ast).map_err(unreadable)?;
        resolve_keys(&mut ast, snapshot).map_err(unreadable)?;
        let fields = snapshot.fields();
        let mut parser = QueryParser::for_index(snapshot.searcher().index(), vec![fields.text]);
        parser.set_conjunction_by_default();
        let query = parser.build_query_from_user_input_ast(ast);
        let query = query.map_err(|error| unreadable(with_hint(filter, error.to_string())))?;
        Ok(Self { given: filter.to_owned(), query })
    }

    /// The living documents of segment `ordinal` that match.
    pub(crate) fn rows(
        &self,
        snapshot: &Snapshot,
        ordinal: usize,
        segment: &Segment,
    ) -> Result<RowSet, SearchError> {
        let scoring = EnableScoring::disabled_from_searcher(snapshot.searcher());
        let reader = snapshot.searcher().segment_reader(ordinal as u32);
        let mut docs = RoaringBitmap::new();
        // What a filter asks of a field may turn out to be impossible only now.
        let refused = |error: TantivyError| match error {
            TantivyError::SchemaError(reason) | TantivyError::InvalidArgument(reason) => {
                SearchError::Filter { filter: self.given.clone(), reason }
            }
            other => storage(other),
        };
        let weight = self.query.weight(scoring).map_err(refused)?;
        let collected = weight.for_each_no_score(reader, &mut |matched| {
            docs.extend(matched.iter().copied());
        });
        collected.map_err(refused)?;
        if let Some(passages) = segment.passages() {
            docs = passages.whole(&docs);
        }
        Ok(RowSet::from_documents(segment.impacts(), &docs, segment.alive()))
    }
}

fn check_size(filter: &str) -> Result<(), &'static str> {
    if filter.trim().is_empty() {
        return Err("it is empty; leave it out to search everything");
    }
    if filter.len() > FILTER_LIMIT_BYTES {
        return Err("it is longer than 64 KiB");
    }
    if nesting_bound(filter) > FILTER_NESTING_LIMIT {
        return Err("it has more than 64 parentheses or negations in a row");
    }
    Ok(())
}

/// An upper bound on how deep the parser recurses: every opening parenthesis (quoted ones too),
/// and the longest run of signs and NOTs.
fn nesting_bound(filter: &str) -> usize {
    let opening = filter.bytes().filter(|byte| matches!(byte, b'(' | b'[' | b'{')).count();
    let (mut run, mut longest) = (0, 0);
    for word in filter.split(|c: char| c.is_whitespace() || c == '(') {
        let operand = word.trim_start_matches(['-', '+']);
        run += word.len() - operand.len() + usize::from(operand.eq_ignore_ascii_case("not"));
        longest = longest.max(run);
        if !operand.is_empty() && !operand.eq_ignore_ascii_case("not") {
            run = 0;
        }
    }
    opening + longest
}

/// Adds what was probably meant.
fn with_hint(filter: &str, reason: String) -> String {
    let comparison = ["<=", ">=", "!=", "=", "<", ">"]
        .into_iter()
        .find_map(|sign| filter.split_once(sign).map(|(left, right)| (left, sign, right)));
    match comparison {
        Some((left, _, _)) if left.trim_end().ends_with(':') => reason,
        Some((left, sign, right)) => {
            let sign = if sign == "=" { "" } else { sign };
            format!("{reason}; did you mean {}:{sign}{}?", left.trim(), right.trim())
        }
        None => format!("{reason}; conditions are written key:value, words in a row are ANDed"),
    }
}

/// Refuses comparisons without a value. The grammar reads their signs, or the operator that
/// follows, as the value, which no document has.
fn check_bounds(ast: &UserInputAst) -> Result<(), String> {
    let leaf = match ast {
        UserInputAst::Clause(clauses) => {
            return clauses.iter().try_for_each(|(_, ast)| check_bounds(ast));
        }
        UserInputAst::Boost(ast, _) => return check_bounds(ast),
        UserInputAst::Leaf(leaf) => leaf,
    };
    match leaf.as_ref() {
        UserInputLeaf::Literal(literal) if literal.delimiter == Delimiter::None => {
            let (key, value) = (literal.field_name.as_deref(), &literal.phrase);
            let is_comparison =
                value.starts_with(['<', '>', '=']) || key.is_some() && value.starts_with("!=");
            if is_comparison { Err(no_bound(key, value)) } else { Ok(()) }
        }
        UserInputLeaf::Range { field, lower, upper } => {
            let found = [lower, upper].into_iter().find_map(|bound| match bound {
                UserInputBound::Unbounded => None,
                UserInputBound::Inclusive(value) | UserInputBound::Exclusive(value) => {
                    is_no_value(value).then_some(value)
                }
            });
            found.map_or(Ok(()), |value| Err(no_bound(field.as_deref(), value)))
        }
        UserInputLeaf::Set { field, elements } if elements.is_empty() => {
            let key = field.as_deref().unwrap_or("text");
            Err(format!("{key}:IN [] has no value, write {key}:IN [a b]"))
        }
        _ => Ok(()),
    }
}

/// Whether what stands where a value belongs is a part of the language.
fn is_no_value(value: &str) -> bool {
    matches!(value, "" | "*" | "AND" | "OR" | "NOT" | "TO" | "IN")
        || value.starts_with(['<', '>', '='])
}

fn no_bound(key: Option<&str>, found: &str) -> String {
    let key = key.unwrap_or("key");
    format!(
        "the comparison of {key} has {found:?} where its value belongs; write {key}:>=2015, \
         {key}:[2010 TO 2015] or, for equality, {key}:2015"
    )
}

/// Points names that are no field of the index at the documents' own keys, and gives clauses that
/// only exclude something to exclude from (tantivy would match nothing, silently).
fn resolve_keys(ast: &mut UserInputAst, snapshot: &Snapshot) -> Result<(), String> {
    match ast {
        UserInputAst::Clause(clauses) => {
            if clauses.iter().all(|(occur, _)| *occur == Some(Occur::MustNot)) {
                clauses.push((Some(Occur::Must), UserInputLeaf::All.into()));
            }
            clauses.iter_mut().try_for_each(|(_, ast)| resolve_keys(ast, snapshot))
        }
        UserInputAst::Boost(ast, _) => resolve_keys(ast, snapshot),
        UserInputAst::Leaf(leaf) => match leaf.as_mut() {
            UserInputLeaf::Literal(literal) => resolve(&mut literal.field_name, snapshot),
            UserInputLeaf::Range { field, .. }
            | UserInputLeaf::Set { field, .. }
            | UserInputLeaf::Regex { field, .. } => resolve(field, snapshot),
            UserInputLeaf::Exists { field } => {
                let mut name = Some(std::mem::take(field));
                resolve(&mut name, snapshot)?;
                *field = name.unwrap_or_default();
                Ok(())
            }
            UserInputLeaf::All => Ok(()),
        },
    }
}

fn resolve(name: &mut Option<String>, snapshot: &Snapshot) -> Result<(), String> {
    let Some(key) = name.take() else { return Ok(()) };
    let full = match &key[..] {
        "_id" | "text" => key,
        _ if key.starts_with("fields.") => key,
        _ => format!("fields.{key}"),
    };
    let readers = snapshot.searcher().segment_readers();
    let has_key = |reader: &tantivy::SegmentReader| {
        reader.fast_fields().dynamic_column_handles(&full).is_ok_and(|found| !found.is_empty())
    };
    if let Some(key) = full.strip_prefix("fields.")
        && !readers.is_empty()
        && !readers.iter().any(has_key)
    {
        return Err(match key {
            "title" => "title is part of the text: use text:word".to_owned(),
            _ => format!("no document has the key {key:?} (nested keys are written a.b.c)"),
        });
    }
    *name = Some(full);
    Ok(())
}
