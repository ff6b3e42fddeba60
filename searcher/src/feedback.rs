//! Pseudo-relevance feedback: the first answers to a query make a better query.
//!
//! How it is asked for ([`Feedback`]) and the arithmetic from documents to a new query. Which
//! documents these are, and searching again, is `search.rs`'s. For sparse queries a relevance model
//! over learned weights (RM3: Abdul-Jaleel et al., TREC 2004); for dense ones the average and Rocchio
//! of Li et al. (TOIS 2023). Where a ranking is fused, feedback comes before, after or both (Li et al.,
//! "To interpolate or not to interpolate", SIGIR 2022).

use std::{collections::BTreeMap, str::FromStr};

use gleaner_format::SparseVector;

use crate::{
    error::SearchError,
    rank::{Leg, number, whole},
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
            (leg, _) => Err(format!("{leg} takes no such feedback")),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (leg, items) = text.split_once(':').unwrap_or((text, ""));
        let leg: Leg = match leg {
            "sparse" | "dense" => leg.parse()?,
            _ => return Err("feedback is for sparse and dense".to_owned()),
        };
        let is_sparse = leg == Leg::Sparse;
        let mut feedback = Self {
            documents: if is_sparse { 10 } else { 3 },
            method: match is_sparse {
                true => FeedbackMethod::Rm3 { terms: 50, weight: 0.3 },
                false => FeedbackMethod::Average,
            },
            interpolate: Interpolate::After,
            leg,
        };
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
            ("docs", _) => self.documents = whole(name, value)?,
            ("interpolate", _) => self.interpolate = value.parse()?,
            ("field", _) if self.leg != Leg::Sparse => {
                self.leg = Leg::Dense(Some(value.to_owned()));
            }
            ("terms", FeedbackMethod::Rm3 { terms, .. }) => *terms = whole(name, value)?,
            ("weight", FeedbackMethod::Rm3 { weight, .. }) => *weight = number(name, value)?,
            ("average", FeedbackMethod::Average) => {}
            ("rocchio", FeedbackMethod::Average) => {
                self.method = FeedbackMethod::Rocchio { alpha: 0.4, beta: 0.6 };
            }
            ("alpha", FeedbackMethod::Rocchio { alpha, .. }) => *alpha = number(name, value)?,
            ("beta", FeedbackMethod::Rocchio { beta, .. }) => *beta = number(name, value)?,
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

impl FromStr for Interpolate {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "after" => Ok(Self::After),
            "before" => Ok(Self::Before),
            "both" => Ok(Self::Both),
            _ => Err(format!("interpolate={name}: it is after, before or both")),
        }
    }
}

/// A document that feedback looks at: its score in the ranking it comes from, and its vector.
pub(crate) struct Seen<V> {
    pub(crate) score: f32,
    pub(crate) vector: V,
}

/// The query of RM3. Documents weigh as their scores, which are above 0.
pub(crate) fn rm3(
    query: &SparseVector,
    documents: &[Seen<Vec<(u32, f64)>>],
    terms: usize,
    weight: f64,
) -> SparseVector {
    let mut model: BTreeMap<u32, f64> = BTreeMap::new();
    for Seen { score, vector } in documents {
        let mass: f64 = vector.iter().map(|(_, weight)| weight).sum();
        for (term, weight) in vector {
            *model.entry(*term).or_insert(0.0) += f64::from(*score) * weight / mass;
        }
    }
    let mut model: Vec<(u32, f64)> = model.into_iter().collect();
    model.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    model.truncate(terms);
    let mass: f64 = model.iter().map(|(_, probability)| probability).sum();
    let query_mass: f64 = query.iter().map(|(_, weight)| f64::from(weight)).sum();
    if mass <= 0.0 || query_mass <= 0.0 {
        return query.clone();
    }
    let mut mixed: BTreeMap<u32, f64> = BTreeMap::new();
    for (term, query_weight) in query.iter() {
        mixed.insert(term, (1.0 - weight) * f64::from(query_weight));
    }
    for (term, probability) in model {
        *mixed.entry(term).or_insert(0.0) += weight * query_mass * probability / mass;
    }
    let pairs = mixed.into_iter().map(|(term, weight)| (term, weight as f32));
    // No weight exceeds the query's mass, but a sum of large weights may; the query then stays.
    SparseVector::from_pairs(pairs).unwrap_or_else(|_| query.clone())
}

/// `alpha · query + beta · mean of the documents`, dimension by dimension; the query itself where
/// there is no document.
pub(crate) fn rocchio(
    query: &[f32],
    documents: &[Vec<f32>],
    (alpha, beta): (f64, f64),
) -> Vec<f32> {
    if documents.is_empty() {
        return query.to_vec();
    }
    let mean = |dimension: usize| {
        let sum: f64 = documents.iter().map(|vector| f64::from(vector[dimension])).sum();
        sum / documents.len() as f64
    };
    let mix = |(dimension, &value): (usize, &f32)| {
        (alpha * f64::from(value) + beta * mean(dimension)) as f32
    };
    query.iter().enumerate().map(mix).collect()
}

/// The mean of the query and the documents, as weights for [`rocchio`].
pub(crate) fn average_weights(documents: usize) -> (f64, f64) {
    let all = documents as f64 + 1.0;
    (1.0 / all, documents as f64 / all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn vector(pairs: &[(u32, f32)]) -> SparseVector {
        SparseVector::from_pairs(pairs.iter().copied()).unwrap()
    }

    #[test]
    fn rm3_mixes_distributions_and_keeps_the_mass() {
        let query = vector(&[(1, 3.0), (2, 1.0)]);
        let documents = [
            Seen { score: 2.0, vector: vec![(1, 1.0), (5, 1.0)] },
            Seen { score: 1.0, vector: vec![(5, 2.0), (7, 2.0)] },
        ];
        // Model: 1 → 1.0, 5 → 1.0 + 0.5, 7 → 0.5; the two best are 5 and 1, of mass 2.5.
        let found = rm3(&query, &documents, 2, 0.5);
        let expected = [(1, 1.5 + 2.0 * 0.4), (2, 0.5), (5, 2.0 * 0.6)];
        assert_eq!(found.terms(), [1, 2, 5]);
        for ((_, weight), (_, expected)) in found.iter().zip(expected) {
            assert!((weight - expected as f32).abs() < 1e-6, "{found:?}");
        }
        assert!((found.weights().iter().sum::<f32>() - 4.0).abs() < 1e-5);
    }

    #[test]
    fn no_documents_or_no_weight_leave_the_query() {
        let query = vector(&[(1, 3.0), (2, 1.0)]);
        assert_eq!(rm3(&query, &[], 10, 0.5), query);
        let documents = [Seen { score: 1.0, vector: vec![(9, 1.0)] }];
        assert_eq!(rm3(&query, &documents, 10, 0.0), query);
        let empty = [Seen { score: 1.0, vector: Vec::new() }];
        assert_eq!(rm3(&query, &empty, 10, 0.5), query);
        assert_eq!(rocchio(&[1.0, -2.0], &[], (0.4, 0.6)), [1.0, -2.0]);
    }

    #[test]
    fn rocchio_and_average_are_weighted_sums() {
        let documents = [vec![1.0, 0.0], vec![3.0, 2.0]];
        assert_eq!(rocchio(&[1.0, 1.0], &documents, (0.5, 2.0)), [4.5, 2.5]);
        let average = rocchio(&[2.0, 1.0], &documents, average_weights(2));
        assert!((average[0] - 2.0).abs() < 1e-6 && (average[1] - 1.0).abs() < 1e-6);
    }

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
