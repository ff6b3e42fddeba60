//! What is put around a text before it is tokenized.
//!
//! A prefix, or a template in which the text stands once or twice. Twice is the echo of decoder
//! models, which see a whole text only when they read it again: then only the second copy counts.

use std::ops::Range;

use serde::Serialize;

/// Where the text goes.
const PLACE: &str = "{text}";

/// The strings around the copies of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub(crate) struct Template {
    before: String,
    /// Between the copies; without it there is one copy.
    between: Option<String>,
    after: String,
}

impl Default for Template {
    fn default() -> Self {
        Self::prefix("")
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.fill(PLACE).0
    }
}

impl Template {
    /// The text behind a prefix.
    pub(crate) fn prefix(prefix: &str) -> Self {
        Self { before: prefix.to_owned(), between: None, after: String::new() }
    }

    /// Reads a template; says what is wrong with it.
    pub(crate) fn parse(template: &str) -> Result<Self, String> {
        let parts: Vec<&str> = template.split(PLACE).collect();
        match parts[..] {
            [before, after] => {
                let (before, after) = (before.to_owned(), after.to_owned());
                Ok(Self { before, between: None, after })
            }
            [before, between, after] => Ok(Self {
                before: before.to_owned(),
                between: Some(between.to_owned()),
                after: after.to_owned(),
            }),
            _ => Err(format!("{PLACE} stands in it {} times, not once or twice", parts.len() - 1)),
        }
    }

    /// Whether texts are left as they are.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the text stands twice.
    pub(crate) fn echoes(&self) -> bool {
        self.between.is_some()
    }

    /// The filled template, and where its last copy of the text is.
    pub(crate) fn fill(&self, text: &str) -> (String, Range<usize>) {
        let mut filled = self.before.clone();
        if let Some(between) = &self.between {
            filled += text;
            filled += between;
        }
        let start = filled.len();
        filled += text;
        let end = filled.len();
        filled += &self.after;
        (filled, start..end)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_copy_is_where_it_says() {
        for (template, filled) in [
            ("{text}", "cat"),
            ("query: {text}", "query: cat"),
            ("<{text}|{text}>", "<cat|cat>"),
            ("{text}{text}", "catcat"),
        ] {
            let parsed = Template::parse(template).unwrap();
            let (found, at) = parsed.fill("cat");
            assert_eq!((found.as_str(), &found[at]), (filled, "cat"));
            assert_eq!(String::from(parsed), template);
        }
        assert!(Template::parse("none").is_err() && Template::parse("{text}{text}{text}").is_err());
        assert!(Template::default().is_nothing() && !Template::prefix("a").is_nothing());
    }
}
