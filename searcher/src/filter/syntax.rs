//! The language of filters: text to a tree of conditions, without an index.
//!
//! | written | means |
//! |---|---|
//! | `key:value`, `key:"a value"` | the key has this value |
//! | `key:>=5`, `key:[5 TO 9]`, `key:{5 TO 9}`, `key:5..9` | a range; braces leave their end out |
//! | `key:IN [a b "c d"]`, `key:(a OR b)` | one of several values |
//! | `key:start*`, `key:*` | begins so; is there |
//! | `word`, `"some words"`, `sta*` | the text has the word, the phrase, a word that begins so |
//! | `AND`, `OR`, `NOT`, `-`, `( )` | as usual; conditions in a row are ANDed |
//!
//! Reading takes time linear in the length. What a value means for a key is `resolve.rs`'s.

/// Longest filter in bytes.
const LIMIT_BYTES: usize = 64 << 10;
/// Deepest nesting of parentheses.
const NESTING_LIMIT: usize = 64;
/// Longest key in bytes.
const KEY_LIMIT_BYTES: usize = 1 << 10;

/// A tree of conditions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// All of these, at least two.
    And(Vec<Condition>),
    /// One of these, at least two.
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Test(Test),
}

/// One condition on one key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Test {
    /// Nothing for the text.
    pub(crate) key: Option<String>,
    pub(crate) wanted: Wanted,
    /// As it was written.
    pub(crate) written: String,
}

/// What a value has to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Wanted {
    Equal(Literal),
    OneOf(Vec<Literal>),
    Prefix(Literal),
    Range(Option<Bound>, Option<Bound>),
    /// Any value at all.
    Present,
}

/// One end of a range.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bound {
    pub(crate) value: Literal,
    pub(crate) is_included: bool,
}

/// A value as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Literal {
    pub(crate) text: String,
    pub(crate) is_quoted: bool,
}

impl Condition {
    /// Reads a filter.
    ///
    /// Errors: the reason, with the place and the remedy.
    pub(crate) fn parse(filter: &str) -> Result<Self, String> {
        if filter.trim().is_empty() {
            return Err("it is empty; leave it out to search everything".to_owned());
        }
        if filter.len() > LIMIT_BYTES {
            return Err("it is longer than 64 KiB".to_owned());
        }
        let mut parser = Parser { filter, at: 0, depth: 0 };
        let condition = parser.any_of(None)?;
        parser.skip_space();
        match parser.peek() {
            None => Ok(condition),
            Some(')') => Err(parser.wrong("a ) without its (")),
            Some(_) => Err(parser.wrong("a condition is expected here")),
        }
    }
}

/// Reads from left to right.
struct Parser<'a> {
    filter: &'a str,
    /// Byte.
    at: usize,
    /// Open parentheses.
    depth: usize,
}

/// What ends a value that is not quoted.
fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, ')' | ']' | '}' | '"')
}

/// What ends a key or a word that is not quoted.
fn ends_name(c: char) -> bool {
    ends_value(c) || matches!(c, ':' | '(' | '[' | '{' | '<' | '>' | '=')
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.filter[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        self.at += if is_next { text.len() } else { 0 };
        is_next
    }

    /// Whether a word of the language is next: in any case, and not the beginning of a longer one.
    fn is_word(&self, word: &str) -> bool {
        let rest = self.rest();
        let follows =
            |rest: &str| rest.chars().next().is_none_or(|c| ends_value(c) || "([{".contains(c));
        rest.get(..word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word))
            && follows(&rest[word.len()..])
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let is_next = self.is_word(word);
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    fn wrong(&self, reason: &str) -> String {
        let place = self.filter[..self.at].chars().count() + 1;
        format!("{reason}, at character {place}; text with signs of the language goes in quotes")
    }

    /// Conditions joined by OR. `key` stands before a parenthesis around them.
    fn any_of(&mut self, key: Option<&str>) -> Result<Condition, String> {
        let mut conditions = vec![self.all_of(key)?];
        loop {
            self.skip_space();
            if !self.eat("||") && !self.eat_word("OR") {
                break;
            }
            conditions.push(self.all_of(key)?);
        }
        Ok(joined(conditions, Condition::Or))
    }

    /// Conditions joined by AND, or in a row.
    fn all_of(&mut self, key: Option<&str>) -> Result<Condition, String> {
        let mut conditions = vec![self.one(key)?];
        loop {
            self.skip_space();
            let is_and = self.eat("&&") || self.eat_word("AND");
            self.skip_space();
            let is_over = match self.peek() {
                None | Some(')') => true,
                Some(_) => self.rest().starts_with("||") || self.is_word("OR"),
            };
            match (is_and, is_over) {
                (true, true) => return Err(self.wrong("a condition is expected after AND")),
                (false, true) => return Ok(joined(conditions, Condition::And)),
                (_, false) => conditions.push(self.one(key)?),
            }
        }
    }

    /// One condition, perhaps negated or in parentheses.
    fn one(&mut self, key: Option<&str>) -> Result<Condition, String> {
        let mut is_negated = false;
        loop {
            self.skip_space();
            if self.eat_word("NOT") || self.eat("!") || self.is_minus() && self.eat("-") {
                is_negated = !is_negated;
            } else if !self.eat("+") {
                break;
            }
        }
        let condition = match self.peek() {
            None => return Err(self.wrong("a condition is expected")),
            Some(')') => return Err(self.wrong("a condition is expected before )")),
            Some('(') => self.group(key)?,
            Some(_) if self.is_word("AND") || self.is_word("OR") => {
                return Err(self.wrong("a condition is expected before AND and OR"));
            }
            Some(_) => self.test(key)?,
        };
        Ok(if is_negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    /// Whether a minus negates what follows: it is no number of a key's values.
    fn is_minus(&self) -> bool {
        self.rest().starts_with('-')
    }

    fn group(&mut self, key: Option<&str>) -> Result<Condition, String> {
        if self.depth == NESTING_LIMIT {
            return Err(format!("it has more than {NESTING_LIMIT} parentheses in each other"));
        }
        let open = self.at;
        self.at += 1;
        self.depth += 1;
        let condition = self.any_of(key)?;
        self.depth -= 1;
        self.skip_space();
        match self.eat(")") {
            true => Ok(condition),
            false => {
                self.at = open;
                Err(self.wrong("a ( without its )"))
            }
        }
    }

    /// `key:…`, or a value of the text, or of the key before a parenthesis.
    fn test(&mut self, key: Option<&str>) -> Result<Condition, String> {
        let start = self.at;
        if let Some(key) = key {
            return self.wanted(Some(key.to_owned()), start);
        }
        if self.peek() != Some('"') {
            let name = self.name()?;
            let after = self.at;
            self.skip_space();
            let is_set = self.is_word("IN") && {
                let behind = self.rest()[2..].trim_start();
                behind.starts_with(['[', '('])
            };
            if self.at == after && self.eat(":") || is_set || self.is_comparison() {
                return self.keyed(name, start);
            }
            self.at = start;
            return self.wanted(None, start);
        }
        // A quoted text may be a key, too.
        let quoted = self.literal(ends_value)?;
        match self.eat(":") {
            true => self.keyed(quoted.text, start),
            false => {
                self.at = start;
                self.wanted(None, start)
            }
        }
    }

    fn is_comparison(&self) -> bool {
        let rest = self.rest();
        rest.starts_with(['<', '>', '=']) || rest.starts_with("!=")
    }

    /// What stands behind a key.
    fn keyed(&mut self, key: String, start: usize) -> Result<Condition, String> {
        if key.is_empty() {
            return Err(self.wrong("a key is expected before the comparison"));
        }
        if key.len() > KEY_LIMIT_BYTES {
            return Err(format!("a key is longer than {KEY_LIMIT_BYTES} bytes"));
        }
        self.skip_space();
        let key = (key != "text").then_some(key);
        match (self.peek(), &key) {
            (None, _) => Err(self.wrong("a value is expected at the end")),
            (Some('('), Some(key)) => self.group(Some(key)),
            (Some('('), None) => self.group(None),
            (Some(_), _) => self.wanted(key, start),
        }
    }

    /// A key's name: everything before a sign of the language.
    fn name(&mut self) -> Result<String, String> {
        if self.is_comparison() {
            return Err(self.wrong("a key is expected before the comparison, as in year:>=2015"));
        }
        Ok(self.raw(|c, rest| ends_name(c) || c == '!' && rest.starts_with("!="))?.0)
    }

    /// Everything that can be asked of a value.
    fn wanted(&mut self, key: Option<String>, start: usize) -> Result<Condition, String> {
        let mut is_negated = false;
        let wanted = if self.is_word("IN") && self.rest()[2..].trim_start().starts_with(['[', '('])
        {
            self.at += 2;
            self.skip_space();
            self.list()?
        } else if self.rest().starts_with(['[', '{']) {
            self.range()?
        } else if self.is_comparison() {
            is_negated = self.rest().starts_with("!=");
            self.comparison(key.as_deref())?
        } else {
            self.value(key.as_deref())?
        };
        let written = self.filter[start..self.at].trim().to_owned();
        let test = Condition::Test(Test { key, wanted, written });
        Ok(if is_negated { Condition::Not(Box::new(test)) } else { test })
    }

    /// `>=5`, `=5`, `!=5`
    fn comparison(&mut self, key: Option<&str>) -> Result<Wanted, String> {
        let signs = [">=", "<=", "!=", "==", ">", "<", "="];
        let sign = signs.into_iter().find(|sign| self.eat(sign)).unwrap_or("=");
        self.skip_space();
        let is_value =
            |c: char| c == '"' || !ends_value(c) && !matches!(c, '<' | '>' | '=' | '[' | '{' | '(');
        let is_operator = ["AND", "OR", "NOT", "TO", "IN"].iter().any(|word| self.is_word(word));
        if is_operator || !self.peek().is_some_and(is_value) {
            let key = key.unwrap_or("key");
            let reason = format!("{key}{sign} has no value; write {key}:{sign}5 or {key}:[5 TO 9]");
            return Err(self.wrong(&reason));
        }
        let value = self.literal(ends_value)?;
        let bound = |is_included| Some(Bound { value: value.clone(), is_included });
        Ok(match sign {
            ">=" => Wanted::Range(bound(true), None),
            ">" => Wanted::Range(bound(false), None),
            "<=" => Wanted::Range(None, bound(true)),
            "<" => Wanted::Range(None, bound(false)),
            _ => Wanted::Equal(value),
        })
    }

    /// Refuses a value in single quotes, as SQL has it.
    fn check_quotes(&self) -> Result<(), String> {
        match self.peek() {
            Some('\'') => Err(self.wrong("a text is put in double quotes, \"…\", and not in '…'")),
            _ => Ok(()),
        }
    }

    /// `value`, `start*`, `*`, `5..9`
    fn value(&mut self, key: Option<&str>) -> Result<Wanted, String> {
        self.check_quotes()?;
        if self.peek() == Some('"') {
            let literal = self.literal(ends_value)?;
            return Ok(match self.eat("*") {
                true => Wanted::Prefix(literal),
                false => Wanted::Equal(literal),
            });
        }
        let (text, has_escape) = self.raw(|c, _| ends_value(c))?;
        if text.is_empty() {
            return Err(self.wrong("a value is expected"));
        }
        if has_escape {
            return Ok(Wanted::Equal(Literal { text, is_quoted: false }));
        }
        if text == "*" {
            return Ok(Wanted::Present);
        }
        if let Some((low, high)) = text.split_once("..").filter(|_| key.is_some()) {
            return self.dots(low, high);
        }
        match text.strip_suffix('*') {
            Some(prefix) if !prefix.contains('*') => {
                let text = prefix.to_owned();
                Ok(Wanted::Prefix(Literal { text, is_quoted: false }))
            }
            _ if text.contains('*') => {
                Err(self.wrong("a * stands at the end of a value only: key:start*"))
            }
            _ => Ok(Wanted::Equal(Literal { text, is_quoted: false })),
        }
    }

    /// `5..9`, `5..`, `..9`
    fn dots(&self, low: &str, high: &str) -> Result<Wanted, String> {
        let bound = |text: &str| {
            let value = Literal { text: text.to_owned(), is_quoted: false };
            (!text.is_empty()).then_some(Bound { value, is_included: true })
        };
        match (bound(low), bound(high)) {
            (None, None) => Err(self.wrong("a range has at least one end: 5.., ..9, 5..9")),
            (low, high) => Ok(Wanted::Range(low, high)),
        }
    }

    /// `[a b]` or `(a, b)`
    fn list(&mut self) -> Result<Wanted, String> {
        let close = if self.eat("[") { "]" } else { ")" };
        self.at += usize::from(close == ")");
        let mut values = Vec::new();
        loop {
            self.skip_space();
            if self.eat(close) {
                break;
            }
            if self.eat(",") {
                continue;
            }
            match self.peek() {
                None => return Err(self.wrong("the list has no end")),
                Some(')' | ']' | '}') => return Err(self.wrong("a list ends as it begins")),
                Some(_) => values.push(self.literal(|c| ends_value(c) || c == ',')?),
            }
        }
        match values.is_empty() {
            true => Err(self.wrong("the list has no value, write IN [a b]")),
            false => Ok(Wanted::OneOf(values)),
        }
    }

    /// `[a TO b]`, `{a TO *}`
    fn range(&mut self) -> Result<Wanted, String> {
        let is_low_included = self.peek() == Some('[');
        self.at += 1;
        if !is_low_included && self.peek() == Some('"') {
            return Err(self.wrong("a condition is written key:value, not as JSON"));
        }
        let low = self.end()?;
        self.skip_space();
        if !self.eat_word("TO") {
            return Err(self.wrong("a range is written [a TO b], a list IN [a b]"));
        }
        let high = self.end()?;
        self.skip_space();
        let is_high_included = match self.peek() {
            Some(']') => true,
            Some('}') => false,
            _ => return Err(self.wrong("the range has no end, write [a TO b]")),
        };
        self.at += 1;
        let bound =
            |value: Option<Literal>, is_included| value.map(|value| Bound { value, is_included });
        match (bound(low, is_low_included), bound(high, is_high_included)) {
            (None, None) => Ok(Wanted::Present),
            (low, high) => Ok(Wanted::Range(low, high)),
        }
    }

    /// An end of a range; nothing for `*`.
    fn end(&mut self) -> Result<Option<Literal>, String> {
        self.skip_space();
        if self.is_word("TO") || self.peek().is_none_or(|c| matches!(c, ']' | '}' | ')')) {
            return Err(self.wrong("an end of the range is missing; * stands for none"));
        }
        let literal = self.literal(ends_value)?;
        Ok((literal.is_quoted || literal.text != "*").then_some(literal))
    }

    /// A value, quoted or not.
    fn literal(&mut self, ends: impl Fn(char) -> bool) -> Result<Literal, String> {
        self.check_quotes()?;
        if self.peek() != Some('"') {
            let (text, _) = self.raw(|c, _| ends(c))?;
            return match text.is_empty() {
                true => Err(self.wrong("a value is expected")),
                false => Ok(Literal { text, is_quoted: false }),
            };
        }
        let open = self.at;
        self.at += 1;
        let mut text = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(Literal { text, is_quoted: true });
                }
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                c => text.push(c),
            }
        }
        self.at = open;
        Err(self.wrong("a \" without its second one"))
    }

    /// Characters up to an end; a backslash takes the next one as it is. Whether there was one.
    fn raw(&mut self, ends: impl Fn(char, &str) -> bool) -> Result<(String, bool), String> {
        let (rest, mut text, mut has_escape) = (self.rest(), String::new(), false);
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            if c == '\\' {
                has_escape = true;
                let Some((_, c)) = chars.next() else {
                    return Err(self.wrong("a \\ at the end has nothing to take as it is"));
                };
                text.push(c);
            } else if ends(c, &rest[at..])
                || rest[at..].starts_with("||")
                || rest[at..].starts_with("&&")
            {
                self.at += at;
                return Ok((text, has_escape));
            } else {
                text.push(c);
            }
        }
        self.at = self.filter.len();
        Ok((text, has_escape))
    }
}

/// Several conditions as one.
fn joined(mut conditions: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match conditions.len() {
        1 => conditions.remove(0),
        _ => join(conditions),
    }
}
