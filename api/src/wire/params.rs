//! The parameters of a search by GET, and the body that says the same.
//!
//! What is a list or an object in a body is written in one text here.

use serde::Deserialize;

use super::{
    members::Members,
    query::QueryBody,
    search::{SearchBody, default_effort, default_k},
    texts::Texts,
};
use crate::error::{Problem, quoted};

/// The parameters of a search by GET.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchParams {
    q: Option<String>,
    like: Option<String>,
    boost: Option<String>,
    mute: Option<String>,
    #[serde(default = "default_k")]
    k: usize,
    #[serde(default)]
    offset: usize,
    rank: Option<String>,
    feedback: Option<String>,
    min_score: Option<f32>,
    cut: Option<String>,
    until_knee: Option<bool>,
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    fields: String,
    #[serde(default = "default_effort")]
    effort: f32,
    #[serde(default)]
    timeout_ms: Option<u64>,
    #[serde(default)]
    explain: bool,
    #[serde(default)]
    profile: bool,
}

impl SearchParams {
    /// The body that says the same.
    ///
    /// Errors: `invalid_request`.
    pub(crate) fn body(self) -> Result<SearchBody, Problem> {
        if self.q.is_none() && self.like.is_none() {
            return Err(Problem::invalid_request(
                "q",
                "there is neither `q`, a text, nor `like`, an `_id`",
            ));
        }
        let boost = self.boost.as_deref().map(boosts).transpose()?;
        let mute = self.mute.as_deref().map(|tokens| listed(tokens, ','));
        let query = QueryBody::of_params(self.q, self.like, boost, mute);
        Ok(SearchBody {
            query,
            k: self.k,
            offset: self.offset,
            rank: self.rank,
            hybrid: None,
            feedback: self.feedback.as_deref().map(|feedback| Texts(listed(feedback, ';'))),
            min_score: self.min_score,
            cut: self.cut,
            until_knee: self.until_knee,
            filter: self.filter,
            fields: listed(&self.fields, ','),
            effort: self.effort,
            timeout_ms: self.timeout_ms,
            explain: self.explain,
            profile: self.profile,
        })
    }
}

fn listed(text: &str, separator: char) -> Vec<String> {
    let parts = text.split(separator).map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Reads `token:2,other:0.5`; a token may have colons of its own.
fn boosts(text: &str) -> Result<Members<f32>, Problem> {
    let read = |pair: String| {
        let parts = pair.rsplit_once(':');
        let parsed = parts.and_then(|(token, factor)| Some((token, factor.parse().ok()?)));
        parsed.map(|(token, factor)| (token.to_owned(), factor)).ok_or_else(|| {
            Problem::invalid_request(
                "boost",
                format!("{} is not a token and its factor", quoted(&pair)),
            )
            .hint("write boost=token:2,other:0.5")
        })
    };
    listed(text, ',').into_iter().map(read).collect::<Result<_, _>>().map(Members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_may_have_colons_in_parameters() {
        let read = boosts("a:2,b:c:0.5,,::0").map(|members| members.0).unwrap_or_default();
        let expected = [("a", 2.0), ("b:c", 0.5), (":", 0.0)];
        assert!(read.iter().map(|(token, factor)| (token.as_str(), *factor)).eq(expected));
        for wrong in ["a", "a:", "a:x", "2"] {
            assert!(boosts(wrong).is_err(), "{wrong}");
        }
    }
}
