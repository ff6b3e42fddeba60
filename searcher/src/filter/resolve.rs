//! Conditions to what they ask of one commit: keys looked up, values read as the types that the key has.
//!
//! A key may hold text, times, numbers and truth values at once; every value is compared with its own
//! type alone. A value that is not quoted is a number, a truth value or a time where it looks like one
//! and the key holds some, else text. Finding rows is `rows_of.rs`'s.

use std::ops::Bound as RangeBound;

use gleaner_catalog::TimeKey;
use tantivy::{SegmentReader, columnar::ColumnType};

use super::{
    keys::{known_keys, named},
    number::Number,
    syntax::{Bound, Condition, Literal, Test, Wanted},
};
use crate::snapshot::commit::{Snapshot, TextWord};

/// The field of all keys, and the one of their times.
pub(super) const KEYS: &str = "fields";
pub(super) const TIMES: &str = "times";

/// A tree of conditions on one commit.
pub(super) enum Resolved {
    All,
    And(Vec<Resolved>),
    Or(Vec<Resolved>),
    Not(Box<Resolved>),
    Test(ResolvedTest),
}

/// One condition, with its place among all of a filter.
pub(super) struct ResolvedTest {
    pub(super) number: usize,
    pub(super) test: KeyTest,
}

/// What is asked of the documents.
pub(super) enum KeyTest {
    /// The `_id` is one of these.
    Ids(Vec<String>),
    /// The `_id` begins so.
    IdPrefix(String),
    /// The text has one of these.
    Words(Vec<String>),
    /// The text has a word that begins so.
    WordPrefix(String),
    /// There is a text.
    HasText,
    /// One of these values is there.
    Values { key: String, values: Vec<Values> },
    /// The key has any value.
    Present { key: String },
}

/// Values of one type.
pub(super) enum Values {
    Text(Vec<String>),
    TextPrefix(String),
    TextRange(RangeBound<String>, RangeBound<String>),
    TimeRange(RangeBound<String>, RangeBound<String>),
    Numbers(Vec<Number>),
    NumberRange(RangeBound<Number>, RangeBound<Number>),
    Truth(bool),
}

/// The types that the values of a key have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct KeyTypes {
    /// Texts that are no times.
    text: bool,
    times: bool,
    numbers: bool,
    truth: bool,
}

/// A value as one type.
enum Value {
    Text(String),
    Time(TimeKey),
    Number(Number),
    Truth(bool),
}

/// Resolves conditions and numbers them.
pub(super) struct Resolver<'a> {
    snapshot: &'a Snapshot,
    /// Every condition as it was written.
    pub(super) written: Vec<String>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, written: Vec::new() }
    }

    /// Errors: the reason, with the key and its types.
    pub(super) fn resolve(&mut self, condition: Condition) -> Result<Resolved, String> {
        Ok(match condition {
            Condition::And(conditions) => Resolved::And(self.all(conditions)?),
            Condition::Or(conditions) => Resolved::Or(self.all(conditions)?),
            Condition::Not(condition) => Resolved::Not(Box::new(self.resolve(*condition)?)),
            Condition::Test(test) => self.test(test)?,
        })
    }

    fn all(&mut self, conditions: Vec<Condition>) -> Result<Vec<Resolved>, String> {
        conditions.into_iter().map(|condition| self.resolve(condition)).collect()
    }

    fn test(&mut self, test: Test) -> Result<Resolved, String> {
        let Test { key, wanted, written } = test;
        let test = match key.as_deref() {
            // A * alone is every document.
            None if wanted == Wanted::Present && written == "*" => return Ok(Resolved::All),
            None => {
                self.check_word(&wanted, &written)?;
                self.text_test(wanted)?
            }
            Some("_id") => match id_test(wanted)? {
                Some(test) => test,
                None => return Ok(Resolved::All),
            },
            Some(key) => self.key_test(key.strip_prefix("fields.").unwrap_or(key), wanted)?,
        };
        let number = self.written.len();
        self.written.push(written);
        Ok(Resolved::Test(ResolvedTest { number, test }))
    }

    /// Refuses a bare word that is the name of a key: `year BETWEEN 1 AND 2` of other languages would
    /// be words of the text here.
    fn check_word(&self, wanted: &Wanted, written: &str) -> Result<(), String> {
        let is_bare = |literal: &Literal| !literal.is_quoted && literal.text == written;
        match wanted {
            Wanted::Equal(literal) if is_bare(literal) => {
                let key = &literal.text;
                match self.types(key) == KeyTypes::default() {
                    true => Ok(()),
                    false => Err(format!(
                        "{key} is a key: a condition on it is written {key}:VALUE, {key}:>=VALUE, \
                         {key}:[LOW TO HIGH] or {key}:IN [A B]. For the word of the text, write \
                         text:{key}"
                    )),
                }
            }
            _ => Ok(()),
        }
    }

    fn key_test(&self, key: &str, wanted: Wanted) -> Result<KeyTest, String> {
        let types = self.types(key);
        if types == KeyTypes::default() && !self.snapshot.segments().is_empty() {
            return Err(self.unknown(key));
        }
        let read = |literal: &Literal| types.read(key, literal);
        let values = match wanted {
            Wanted::Present => return Ok(KeyTest::Present { key: key.to_owned() }),
            Wanted::Equal(literal) => vec![equal(read(&literal)?)],
            Wanted::OneOf(literals) => {
                grouped(literals.iter().map(read).collect::<Result<Vec<_>, _>>()?)
            }
            Wanted::Prefix(prefix) if types.have_text() => {
                vec![Values::TextPrefix(prefix.text)]
            }
            Wanted::Prefix(prefix) => {
                let held = types.names();
                return Err(format!(
                    "{key} holds {held}; only text can begin with {:?}",
                    prefix.text
                ));
            }
            Wanted::Range(low, high) => vec![range(key, types, low, high)?],
        };
        Ok(KeyTest::Values { key: key.to_owned(), values })
    }

    fn text_test(&self, wanted: Wanted) -> Result<KeyTest, String> {
        Ok(match wanted {
            Wanted::Equal(literal) => KeyTest::Words(vec![self.phrase(literal)?]),
            Wanted::OneOf(literals) => {
                let phrases = literals.into_iter().map(|literal| self.phrase(literal));
                KeyTest::Words(phrases.collect::<Result<_, _>>()?)
            }
            Wanted::Prefix(prefix) => {
                let field = self.snapshot.fields().words;
                let words = self.snapshot.words_of(&prefix.text, field).unwrap_or_default();
                match the_one_word(words) {
                    Some(word) => KeyTest::WordPrefix(word),
                    None => {
                        let advice = "a prefix is of one word; write the words before it as \
                                      conditions of their own, text:word AND text:begin*";
                        let found = &prefix.text;
                        return Err(format!("{found:?} is not the begin of one word: {advice}"));
                    }
                }
            }
            Wanted::Present => KeyTest::HasText,
            Wanted::Range(..) => {
                let advice = "write text:word, text:\"some words\" or text:begin*";
                return Err(format!("the text has words and no order; {advice}"));
            }
        })
    }

    /// A text that has a word.
    fn phrase(&self, literal: Literal) -> Result<String, String> {
        let words = self.snapshot.words_of(&literal.text, self.snapshot.fields().text);
        match words.is_ok_and(|words| words.is_empty()) {
            true => {
                let analyzer = self.snapshot.analyzer();
                let text = literal.text;
                Err(format!("{text:?} has no word that the analyser {analyzer} keeps"))
            }
            false => Ok(literal.text),
        }
    }

    /// The types of a key in all segments.
    fn types(&self, key: &str) -> KeyTypes {
        let mut types = KeyTypes::default();
        for reader in self.snapshot.searcher().segment_readers() {
            let (all, times) = (format!("{KEYS}.{key}"), format!("{TIMES}.{key}"));
            for kind in column_types(reader, &all) {
                match kind {
                    // Times are kept as text, too.
                    ColumnType::Str => types.text |= texts(reader, &all) > texts(reader, &times),
                    ColumnType::Bytes | ColumnType::IpAddr => types.text = true,
                    ColumnType::I64 | ColumnType::U64 | ColumnType::F64 => types.numbers = true,
                    ColumnType::Bool => types.truth = true,
                    ColumnType::DateTime => {}
                }
            }
            types.times |= !column_types(reader, &times).is_empty();
        }
        types
    }

    /// Says that no document has a key, and which there are.
    fn unknown(&self, key: &str) -> String {
        if key == "title" {
            return "title is part of the text: use text:word".to_owned();
        }
        let known = known_keys(self.snapshot);
        let below = format!("{key}.");
        let inside: Vec<&String> = known.iter().filter(|known| known.starts_with(&below)).collect();
        match (&inside[..], known.is_empty()) {
            ([_, ..], _) => {
                let inside = named(inside.into_iter());
                format!("{key} is an object; name a key inside it: {inside}")
            }
            (_, true) => format!("no document has the key {key:?}; none has any key to filter by"),
            (_, false) => {
                format!("no document has the key {key:?}; known: {}", named(known.iter()))
            }
        }
    }
}

/// How many texts a column holds.
fn texts(reader: &SegmentReader, column: &str) -> u32 {
    let column = reader.fast_fields().str(column).ok().flatten();
    column.map_or(0, |column| column.ords().values.num_vals())
}

fn column_types(reader: &SegmentReader, column: &str) -> Vec<ColumnType> {
    let handles = reader.fast_fields().dynamic_column_handles(column).unwrap_or_default();
    handles.iter().map(|handle| handle.column_type()).collect()
}

impl KeyTypes {
    /// Whether a value can begin with something: texts, and times as they were written.
    fn have_text(self) -> bool {
        self.text || self.times || self == Self::default()
    }

    /// What the key holds, for people.
    fn names(self) -> String {
        let Self { text, times, numbers, truth } = self;
        let kinds =
            [(numbers, "numbers"), (truth, "true and false"), (times, "times"), (text, "text")];
        let held: Vec<&str> =
            kinds.iter().filter(|(is_held, _)| *is_held).map(|(_, kind)| *kind).collect();
        held.join(", ")
    }

    /// How a value is written where this one is none.
    fn advice(self, key: &str, text: &str) -> String {
        if self.times {
            return "; a time is written 2022-05-31 or 2022-05-31T23:59:59Z".to_owned();
        }
        let has_several = |sign: char| {
            let mut parts = text.trim_matches(['(', ')', '[', ']']).split(sign);
            parts.clone().count() > 1 && parts.all(|part| Number::parse(part.trim()).is_some())
        };
        match self.numbers {
            true if has_several(',') => format!("; a list is written {key}:IN [a b]"),
            true if has_several('-') => format!("; a range is written {key}:[a TO b]"),
            _ => String::new(),
        }
    }

    /// Reads a value as the type that the key has.
    ///
    /// Errors: the types that it has, where none fits.
    fn read(self, key: &str, literal: &Literal) -> Result<Value, String> {
        let Literal { text, is_quoted } = literal;
        let time = TimeKey::parse(text);
        // 007 is no number of JSON: it was written as text.
        let is_text = self.text && has_leading_zero(text);
        if !is_quoted && !is_text {
            match (Number::parse(text), &text[..]) {
                (Some(number), _) if self.numbers => return Ok(Value::Number(number)),
                (_, "true" | "false") if self.truth => return Ok(Value::Truth(text == "true")),
                _ => {}
            }
        }
        match time {
            Some(time) if self.times => Ok(Value::Time(time)),
            _ if self.times && TimeKey::is_mistaken(text) => {
                Err(format!("{key} holds times, and {text:?} is written as one and is none"))
            }
            _ if self.text || self == Self::default() => Ok(Value::Text(text.clone())),
            _ => {
                let is_other = *is_quoted && (Number::parse(text).is_some() || self.truth);
                let advice = match is_other {
                    true => "; write the value without quotes".to_owned(),
                    false => self.advice(key, text),
                };
                Err(format!("{key} holds {}, and {text:?} is none{advice}", self.names()))
            }
        }
    }
}

/// Whether digits begin with a zero that a number would not have.
fn has_leading_zero(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    matches!(digits, [b'0', second, ..] if second.is_ascii_digit())
}

/// The values that are equal to one.
fn equal(value: Value) -> Values {
    match value {
        Value::Text(text) => Values::Text(vec![text]),
        Value::Number(number) => Values::Numbers(vec![number]),
        Value::Truth(truth) => Values::Truth(truth),
        Value::Time(TimeKey { first, end: None }) => {
            Values::TimeRange(RangeBound::Included(first.clone()), RangeBound::Included(first))
        }
        Value::Time(TimeKey { first, end: Some(end) }) => {
            Values::TimeRange(RangeBound::Included(first), RangeBound::Excluded(end))
        }
    }
}

/// The values that are equal to one of several: texts and numbers together.
fn grouped(values: Vec<Value>) -> Vec<Values> {
    let (mut texts, mut numbers, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for value in values {
        match value {
            Value::Text(text) => texts.push(text),
            Value::Number(number) => numbers.push(number),
            other @ (Value::Time(_) | Value::Truth(_)) => others.push(equal(other)),
        }
    }
    others.extend((!texts.is_empty()).then_some(Values::Text(texts)));
    others.extend((!numbers.is_empty()).then_some(Values::Numbers(numbers)));
    others
}

/// The word that all others are in: a text of Chinese, Japanese or Korean has pairs of characters as well.
fn the_one_word(words: Vec<TextWord>) -> Option<String> {
    let start = words.iter().map(|word| word.bytes.start).min()?;
    let end = words.iter().map(|word| word.bytes.end).max()?;
    words.into_iter().find(|word| word.bytes == (start..end)).map(|word| word.word)
}

/// A range whose ends are of one type.
fn range(
    key: &str,
    types: KeyTypes,
    low: Option<Bound>,
    high: Option<Bound>,
) -> Result<Values, String> {
    refuse_numbers_of_text(key, types, [low.as_ref(), high.as_ref()])?;
    let read = |bound: Option<Bound>| -> Result<Option<(Value, bool)>, String> {
        bound
            .map(|Bound { value, is_included }| Ok((types.read(key, &value)?, is_included)))
            .transpose()
    };
    let (low, high) = (read(low)?, read(high)?);
    let truth = || format!("{key} holds true and false, which have no order; write {key}:true");
    match (low, high) {
        (Some((Value::Number(low), low_in)), Some((Value::Number(high), high_in))) => {
            Ok(Values::NumberRange(bound(low, low_in), bound(high, high_in)))
        }
        (Some((Value::Number(low), is_in)), None) => {
            Ok(Values::NumberRange(bound(low, is_in), RangeBound::Unbounded))
        }
        (None, Some((Value::Number(high), is_in))) => {
            Ok(Values::NumberRange(RangeBound::Unbounded, bound(high, is_in)))
        }
        (Some((Value::Time(low), low_in)), Some((Value::Time(high), high_in))) => {
            Ok(Values::TimeRange(from_time(low, low_in), to_time(high, high_in)))
        }
        (Some((Value::Time(low), is_in)), None) => {
            Ok(Values::TimeRange(from_time(low, is_in), RangeBound::Unbounded))
        }
        (None, Some((Value::Time(high), is_in))) => {
            Ok(Values::TimeRange(RangeBound::Unbounded, to_time(high, is_in)))
        }
        (Some((Value::Text(low), low_in)), Some((Value::Text(high), high_in))) => {
            Ok(Values::TextRange(bound(low, low_in), bound(high, high_in)))
        }
        (Some((Value::Text(low), is_in)), None) => {
            Ok(Values::TextRange(bound(low, is_in), RangeBound::Unbounded))
        }
        (None, Some((Value::Text(high), is_in))) => {
            Ok(Values::TextRange(RangeBound::Unbounded, bound(high, is_in)))
        }
        (Some((Value::Truth(_), _)), _) | (_, Some((Value::Truth(_), _))) => Err(truth()),
        (Some(_), Some(_)) => Err(format!("the ends of the range of {key} are of two types")),
        (None, None) => Err(format!("the range of {key} has no end")),
    }
}

/// Refuses an end that is a number where the key has texts alone: bytes of texts are no order of numbers.
fn refuse_numbers_of_text(
    key: &str,
    types: KeyTypes,
    ends: [Option<&Bound>; 2],
) -> Result<(), String> {
    let is_number = |end: &&Bound| !end.value.is_quoted && Number::parse(&end.value.text).is_some();
    let is_text = types == KeyTypes { text: true, ..KeyTypes::default() };
    match ends.into_iter().flatten().find(is_number).filter(|_| is_text) {
        Some(end) => Err(format!(
            "{key} holds text, and {} is a number; to compare bytes of texts, write it in quotes",
            end.value.text
        )),
        None => Ok(()),
    }
}

fn bound<T>(value: T, is_included: bool) -> RangeBound<T> {
    match is_included {
        true => RangeBound::Included(value),
        false => RangeBound::Excluded(value),
    }
}

/// From the first moment of a time, or behind its last.
fn from_time(time: TimeKey, is_included: bool) -> RangeBound<String> {
    match (time.end, is_included) {
        (_, true) => RangeBound::Included(time.first),
        (Some(end), false) => RangeBound::Included(end),
        (None, false) => RangeBound::Excluded(time.first),
    }
}

/// To the last moment of a time, or before its first.
fn to_time(time: TimeKey, is_included: bool) -> RangeBound<String> {
    match (time.end, is_included) {
        (_, false) => RangeBound::Excluded(time.first),
        (Some(end), true) => RangeBound::Excluded(end),
        (None, true) => RangeBound::Included(time.first),
    }
}

/// Nothing for any `_id`.
fn id_test(wanted: Wanted) -> Result<Option<KeyTest>, String> {
    Ok(match wanted {
        Wanted::Equal(literal) => Some(KeyTest::Ids(vec![literal.text])),
        Wanted::OneOf(literals) => {
            Some(KeyTest::Ids(literals.into_iter().map(|literal| literal.text).collect()))
        }
        Wanted::Prefix(prefix) => Some(KeyTest::IdPrefix(prefix.text)),
        Wanted::Present => None,
        Wanted::Range(..) => {
            return Err(
                "_id is compared as it is; write _id:a, _id:IN [a b] or _id:begin*".to_owned()
            );
        }
    })
}
