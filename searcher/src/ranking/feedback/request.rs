//! How feedback is asked for, and how that is written: `sparse:docs=10,terms=50,weight=.3`.
//!
//! Where a ranking is fused, feedback comes before, after or both (Li et al., "To interpolate or
//! not to interpolate", SIGIR 2022). The arithmetic is `expand.rs`'s, finding the documents
//! `apply.rs`'s.

use std::str::FromStr;

use crate::{
    error::SearchError,
    ranking::{
        notation::{parse_count, parse_number},
        rank::Leg,
    },
};

/// Most documents that feedback looks at.
pub const FEEDBACK_DOCUMENTS_LIMIT: usize = 100;
/// Most terms that feedback adds.
pub const FEEDBACK_TERMS_LIMIT: usize = 1_000;

/// How one leg's query is made anew.
#[derive(Debug, Clone, PartialEq)]
pub struct Feedback {
    /// [`Leg::Sparse`] or [`Leg::Dense`].
    pub leg: Leg,
    /// Documents looked at, 1 to [`FEEDBACK_DOCUMENTS_LIMIT`].
    pub documents: usize,
    /// What is made of them.
    pub method: FeedbackMethod,
    /// Which ranking they come from, and which ranking is returned.
    pub interpolate: Interpolate,
}

/// What is made of the documents.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FeedbackMethod {
    /// Sparse: `(1 − weight) · query + weight · relevance model`, both as distributions over terms,
    /// the model cut to its `terms` most probable ones; scaled back to the query's mass.
    Rm3 {
        /// Terms of the model, 1 to [`FEEDBACK_TERMS_LIMIT`].
        terms: usize,
        /// Share of the model, from 0 to 1.
        weight: f64,
    },
    /// Dense: the mean of the query and the documents.
    Average,
    /// Dense: `alpha · query + beta · mean of the documents`.
    Rocchio {
        /// Share of the query, 0 or more.
        alpha: f64,
        /// Share of the documents, 0 or more; not both are 0.
        beta: f64,
    },
}

/// Where feedback stands in a fused ranking. A ranking of one leg has only `After`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interpolate {
    /// Documents from the leg's own ranking; the new leg is fused with the others.
    After,
    /// Documents from the fused ranking; the new leg is returned alone.
    Before,
    /// Documents from the fused ranking; the new leg is fused with the others.
    Both,
}

impl Feedback {
    /// Checks what was asked for.
    ///
    /// Errors: the reason.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=FEEDBACK_DOCUMENTS_LIMIT).contains(&self.documents) {
            return Err(format!("docs is a number from 1 to {FEEDBACK_DOCUMENTS_LIMIT}"));
        }
        let is_share = |value: f64| value.is_finite() && value >= 0.0;
        match (&self.leg, self.method) {
            (Leg::Sparse, FeedbackMethod::Rm3 { terms, weight }) => {
                if !(1..=FEEDBACK_TERMS_LIMIT).contains(&terms) {
                    return Err(format!("terms is a number from 1 to {FEEDBACK_TERMS_LIMIT}"));
                }
                match (0.0..=1.0).contains(&weight) {
                    true => Ok(()),
                    false => Err(format!("weight is {weight}; it is a number from 0 to 1")),
                }
            }
            (Leg::Dense(_), FeedbackMethod::Average) => Ok(()),
            (Leg::Dense(_), FeedbackMethod::Rocchio { alpha, beta }) => {
                match is_share(alpha) && is_share(beta) && alpha + beta > 0.0 {
                    true => Ok(()),
                    false => Err("alpha and beta are numbers of 0 or more, not both 0".to_owned()),
                }
            }
            (leg @ Leg::Sparse, FeedbackMethod::Average | FeedbackMethod::Rocchio { .. })
            | (leg @ Leg::Dense(_), FeedbackMethod::Rm3 { .. })
            | (
                leg @ Leg::Bm25,
                FeedbackMethod::Rm3 { .. }
                | FeedbackMethod::Average
                | FeedbackMethod::Rocchio { .. },
            ) => Err(format!("{leg} takes no such feedback")),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (leg, items) = text.split_once(':').unwrap_or((text, ""));
        let refused = || "feedback is for sparse and dense".to_owned();
        let leg: Leg = leg.parse().map_err(|_| refused())?;
        let (documents, method) = match leg {
            Leg::Sparse => (10, FeedbackMethod::Rm3 { terms: 50, weight: 0.3 }),
            Leg::Dense(_) => (3, FeedbackMethod::Average),
            Leg::Bm25 => return Err(refused()),
        };
        let mut feedback = Self { leg, documents, method, interpolate: Interpolate::After };
        for item in items.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            feedback.set(item)?;
        }
        feedback.check()?;
        Ok(feedback)
    }

    /// Takes over one item of the written form.
    fn set(&mut self, item: &str) -> Result<(), String> {
        let (name, value) = item.split_once('=').unwrap_or((item, ""));
        match (name, &mut self.method) {
            ("docs", _) => self.documents = parse_count(name, value)?,
            ("interpolate", _) => self.interpolate = value.parse()?,
            ("field", FeedbackMethod::Average | FeedbackMethod::Rocchio { .. }) => {
                self.leg = Leg::Dense(Some(value.to_owned()));
            }
            ("terms", FeedbackMethod::Rm3 { terms, .. }) => *terms = parse_count(name, value)?,
            ("weight", FeedbackMethod::Rm3 { weight, .. }) => *weight = parse_number(name, value)?,
            ("average", FeedbackMethod::Average) => {}
            ("rocchio", FeedbackMethod::Average) => {
                self.method = FeedbackMethod::Rocchio { alpha: 0.4, beta: 0.6 };
            }
            ("alpha", FeedbackMethod::Rocchio { alpha, .. }) => *alpha = parse_number(name, value)?,
            ("beta", FeedbackMethod::Rocchio { beta, .. }) => *beta = parse_number(name, value)?,
            _ => {
                return Err(format!(
                    "{item:?} is no option here; sparse has docs, terms, weight, dense has average \
                     or rocchio (before alpha, beta), docs, field; both have interpolate"
                ));
            }
        }
        Ok(())
    }
}

impl FromStr for Feedback {
    type Err = SearchError;

    /// `sparse`, `sparse:docs=10,terms=50,weight=.3`, `dense:average,docs=3`,
    /// `dense:rocchio,alpha=.4,beta=.6,interpolate=both`.
    fn from_str(text: &str) -> Result<Self, SearchError> {
        Self::parse(text)
            .map_err(|reason| SearchError::Feedback { feedback: text.to_owned(), reason })
    }
}

impl Interpolate {
    const ALL: [Self; 3] = [Self::After, Self::Before, Self::Both];

    fn name(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::Before => "before",
            Self::Both => "both",
        }
    }

    /// Whether documents come from the fused ranking.
    pub(crate) fn learns_from_fusion(self) -> bool {
        match self {
            Self::After => false,
            Self::Before | Self::Both => true,
        }
    }

    /// Whether the new leg is returned alone.
    pub(crate) fn returns_leg_alone(self) -> bool {
        match self {
            Self::Before => true,
            Self::After | Self::Both => false,
        }
    }
}

impl FromStr for Interpolate {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|interpolate| interpolate.name() == name);
        found.ok_or_else(|| format!("interpolate={name}: it is after, before or both"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn feedback_is_read() {
        let read = |text: &str| text.parse::<Feedback>().unwrap();
        assert_eq!(read("sparse").method, FeedbackMethod::Rm3 { terms: 50, weight: 0.3 });
        let rocchio = read("dense:rocchio,alpha=1,beta=.5,docs=5,field=emb,interpolate=both");
        assert_eq!(rocchio.method, FeedbackMethod::Rocchio { alpha: 1.0, beta: 0.5 });
        assert_eq!((rocchio.documents, rocchio.interpolate), (5, Interpolate::Both));
        assert_eq!(rocchio.leg, Leg::Dense(Some("emb".to_owned())));
        for (text, reason) in [
            ("bm25", "for sparse and dense"),
            ("sparse:docs=0", "docs is a number from 1"),
            ("sparse:weight=2", "weight is 2"),
            ("sparse:weight=NaN", "weight is NaN"),
            ("sparse:rocchio", "no option here"),
            ("dense:alpha=1", "no option here"),
            ("dense:rocchio,alpha=0,beta=0", "not both 0"),
            ("dense:interpolate=never", "after, before or both"),
        ] {
            let error = text.parse::<Feedback>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
