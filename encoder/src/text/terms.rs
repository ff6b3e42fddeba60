//! What a term id means: a token of the tokenizer, a name of a table, or a bare code.
//!
//! Most models weigh tokens, and then a term id is a token id. Others weigh whole words
//! (DeepImpact), phrases beside the tokens (CASPER), or codes that no tokenizer knows (sparse
//! autoencoders); a name table of the folder says what those are. Knows no graph.

use std::collections::HashMap;
use std::path::Path;

use crate::error::{Cause, EncodeError};
use crate::files::{json_cause, read_file};
use crate::text::tokens::{MAX_TOKENS, Tokens};
use crate::text::unit::{TermSettings, Unit};

/// Names by id and ids by name.
#[derive(Debug, Default)]
struct NameTable {
    by_id: HashMap<u32, String>,
    by_name: HashMap<String, u32>,
}

/// The meaning of every term id.
pub(crate) struct Terms {
    unit: Unit,
    tokens: Tokens,
    names: NameTable,
    /// What the settings or the tables say; nothing where only the graph can tell.
    stated: Option<usize>,
    count: usize,
    /// Ascending.
    dropped: Vec<u32>,
}

impl Terms {
    /// Reads the name table and resolves the terms to drop; `path` is the settings file's, for
    /// messages.
    ///
    /// Errors: `Read` or `InvalidFile` for the table; `InvalidSetting` for counts and tokens that
    /// do not fit.
    pub(crate) fn read(
        tokens: Tokens,
        stated: &TermSettings,
        path: &Path,
    ) -> Result<Self, EncodeError> {
        let invalid =
            |key, reason| EncodeError::InvalidSetting { path: path.to_owned(), key, reason };
        let first = stated.first.map_or_else(
            || match stated.unit {
                Unit::Token => tokens.len(),
                Unit::Word | Unit::Code => 0,
            },
            |first| first as usize,
        );
        let names = match &stated.names {
            Some(path) => NameTable::read(path, first)?,
            None => NameTable::default(),
        };
        let named = names.by_id.keys().max().map_or(0, |&last| last as usize + 1);
        let own = match stated.unit {
            Unit::Token => named.max(tokens.len()),
            Unit::Word | Unit::Code => named,
        };
        let count = stated.count.unwrap_or(own);
        if count < own || count > MAX_TOKENS {
            let reason =
                format!("{count}, but there are {own} terms with names, and {MAX_TOKENS} at most");
            return Err(invalid("terms.count", reason));
        }
        let is_known = match stated.unit {
            Unit::Token | Unit::Word => true,
            Unit::Code => stated.count.is_some() || named > 0,
        };
        let known = is_known.then_some(count);
        let mut terms =
            Self { unit: stated.unit, tokens, names, stated: known, count, dropped: Vec::new() };
        for token in &stated.drop {
            let unknown = || invalid("terms.drop", format!("there is no term `{token}`"));
            terms.dropped.push(terms.term(token).ok_or_else(unknown)?);
        }
        terms.dropped.sort_unstable();
        Ok(terms)
    }

    /// What a term is.
    pub(crate) fn unit(&self) -> Unit {
        self.unit
    }

    /// Term ids are below this.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The tokenizer.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The number of term ids, unless only the graph can tell.
    pub(crate) fn stated(&self) -> Option<usize> {
        self.stated
    }

    /// Takes the number of term ids from the graph.
    pub(crate) fn set_len(&mut self, count: usize) {
        self.count = count;
    }

    /// The text of a term.
    pub(crate) fn name(&self, term: u32) -> Option<&str> {
        let token = || match self.unit {
            Unit::Token => self.tokens.token(term),
            Unit::Word | Unit::Code => None,
        };
        self.names.by_id.get(&term).map(String::as_str).or_else(token)
    }

    /// The term of a text. A code without a name is known by its number.
    pub(crate) fn term(&self, name: &str) -> Option<u32> {
        let other = || match self.unit {
            Unit::Token => self.tokens.id(name),
            Unit::Word => None,
            Unit::Code => name.parse().ok().filter(|&term: &u32| (term as usize) < self.count),
        };
        self.names.by_name.get(name).copied().or_else(other)
    }

    /// Whether no vector may have this term.
    pub(crate) fn is_dropped(&self, term: u32) -> bool {
        !self.dropped.is_empty() && self.dropped.binary_search(&term).is_ok()
    }
}

impl NameTable {
    fn read(path: &Path, first: usize) -> Result<Self, EncodeError> {
        let bytes = read_file("table of names", path)?;
        let invalid = |source: Cause| EncodeError::InvalidFile {
            what: "table of names",
            path: path.to_owned(),
            source,
        };
        let text = std::str::from_utf8(&bytes).map_err(|error| invalid(error.into()))?;
        let by_name = if path.extension().is_some_and(|extension| extension == "json") {
            serde_json::from_str(text).map_err(|error| invalid(json_cause(&error)))?
        } else {
            lines(text, first).map_err(invalid)?
        };
        let mut table = Self { by_id: HashMap::new(), by_name };
        for (name, &id) in &table.by_name {
            if id as usize >= MAX_TOKENS {
                return Err(invalid(format!("`{name}` has id {id}, beyond {MAX_TOKENS}").into()));
            }
            if let Some(other) = table.by_id.insert(id, name.clone()) {
                return Err(invalid(format!("`{name}` and `{other}` are both {id}").into()));
            }
        }
        Ok(table)
    }
}

/// A name per line; the first has id `first`. An empty line leaves its id without a name.
fn lines(text: &str, first: usize) -> Result<HashMap<String, u32>, Cause> {
    let mut names = HashMap::new();
    for (at, name) in text.lines().enumerate().filter(|(_, name)| !name.is_empty()) {
        let id = u32::try_from(first + at)?;
        if names.insert(name.to_owned(), id).is_some() {
            return Err(format!("line {}: `{name}` is there twice", at + 1).into());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_and_json_name_ids() {
        let folder = tempfile::tempdir().unwrap();
        let read = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            NameTable::read(&path, 10)
        };
        let table = read("a.txt", "red wine\n\nblack tea\n").unwrap();
        assert_eq!((table.by_name["red wine"], &table.by_id[&12][..]), (10, "black tea"));
        assert_eq!(read("a.json", r#"{"x": 3}"#).unwrap().by_id[&3], "x");
        for (name, text) in [
            ("b.txt", "x\nx"),
            ("b.json", r#"{"x": 3, "y": 3}"#),
            ("b.json", r#"{"x": 4000000000}"#),
            ("b.json", "[]"),
        ] {
            let error = read(name, text).unwrap_err();
            assert!(matches!(error, EncodeError::InvalidFile { what: "table of names", .. }));
        }
    }
}
