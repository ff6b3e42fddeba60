//! Fusion by definition: every document scored in every leg from plain data, nothing skipped, no
//! segments, no index.

use std::collections::BTreeMap;

use gleaner_format::{DenseSpec, Metric, SparseVector};
use gleaner_searcher::{Fusion, Leg, Method, Normaliser};
use tantivy::fieldnorm::FieldNormReader;

/// A document as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Doc {
    pub(crate) id: String,
    pub(crate) words: Vec<String>,
    /// Small integers, which 16 bits hold exactly.
    pub(crate) sparse: SparseVector,
    /// Prepared for the field; f32, so stored as it is.
    pub(crate) dense: Option<Vec<f32>>,
    pub(crate) number: u64,
}

/// A query in all three forms.
#[derive(Debug, Clone)]
pub(crate) struct AllForms {
    pub(crate) words: Vec<String>,
    pub(crate) sparse: SparseVector,
    /// As it is asked, not prepared.
    pub(crate) dense: Vec<f32>,
}

pub(crate) struct Oracle<'a> {
    pub(crate) docs: &'a [Doc],
    pub(crate) spec: &'a DenseSpec,
    /// Documents with a smaller number are not admitted.
    pub(crate) least_number: u64,
    /// Left out of every answer.
    pub(crate) except: Option<&'a str>,
}

/// A fused hit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FusedHit {
    pub(crate) id: String,
    pub(crate) score: f32,
    /// By leg: score, rank.
    pub(crate) legs: BTreeMap<String, (f32, Option<usize>)>,
}

impl Oracle<'_> {
    fn score(&self, leg: &Leg, asked: &AllForms, doc: &Doc) -> Option<f32> {
        match leg {
            Leg::Sparse => {
                let weights: BTreeMap<u32, f32> = doc.sparse.iter().collect();
                let products = asked.sparse.iter().filter_map(|(term, weight)| {
                    Some(f64::from(weight) * f64::from(*weights.get(&term)?))
                });
                Some(products.fold(0f64, |sum, product| sum + product) as f32)
            }
            Leg::Bm25 => Some(self.bm25(asked, doc)),
            Leg::Dense(_) => Some(dot(&self.prepared(asked), doc.dense.as_ref()?)),
        }
    }

    fn prepared(&self, asked: &AllForms) -> Vec<f32> {
        self.spec.prepare_query(&asked.dense).unwrap()
    }

    /// Statistics of all documents, filtered or not.
    fn bm25(&self, asked: &AllForms, doc: &Doc) -> f32 {
        let length = |doc: &Doc| {
            let id = FieldNormReader::fieldnorm_to_id(doc.words.len() as u32);
            FieldNormReader::id_to_fieldnorm(id)
        };
        let tokens: u64 = self.docs.iter().map(|doc| u64::from(length(doc))).sum();
        let average = tokens as f32 / self.docs.len() as f32;
        let norm = 1.2f32 * (1.0 - 0.75 + 0.75 * length(doc) as f32 / average);
        let mut sum = 0f64;
        for (word, count) in counts(&asked.words) {
            let occurrences = doc.words.iter().filter(|other| *other == word).count();
            if occurrences > 0 {
                let frequency = occurrences as f32;
                sum += f64::from(count)
                    * f64::from(self.idf(word) * (1.0 + 1.2) * (frequency / (frequency + norm)));
            }
        }
        sum as f32
    }

    fn idf(&self, word: &str) -> f32 {
        let having = self.docs.iter().filter(|doc| doc.words.iter().any(|w| w == word)).count();
        let x = ((self.docs.len() - having) as f32 + 0.5) / (having as f32 + 0.5);
        (1.0 + x).ln()
    }

    /// The documents of a leg, best first.
    pub(crate) fn list(&self, leg: &Leg, asked: &AllForms) -> Vec<(String, f32)> {
        let admitted = self
            .docs
            .iter()
            .filter(|doc| doc.number >= self.least_number && self.except != Some(doc.id.as_str()));
        let scored = admitted.filter_map(|doc| {
            let score = self.score(leg, asked, doc)?;
            let is_found = matches!(leg, Leg::Dense(_)) || score > 0.0;
            is_found.then(|| (doc.id.clone(), score))
        });
        let mut list: Vec<(String, f32)> = scored.collect();
        list.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        list
    }

    /// The most and the least that a query can score.
    fn range(&self, leg: &Leg, asked: &AllForms) -> (f64, f64) {
        match leg {
            Leg::Sparse => {
                let largest = |term: u32| {
                    let of = |doc: &Doc| doc.sparse.iter().find(|entry| entry.0 == term);
                    let weights = self.docs.iter().filter_map(of).map(|entry| f64::from(entry.1));
                    weights.fold(0.0, f64::max)
                };
                let products = asked.sparse.iter().map(|(term, q)| f64::from(q) * largest(term));
                (0.0, products.sum())
            }
            Leg::Bm25 => {
                let known =
                    |word: &str| self.docs.iter().any(|doc| doc.words.iter().any(|w| w == word));
                let counts = counts(&asked.words).into_iter().filter(|(word, _)| known(word));
                let most = counts.map(|(word, count)| {
                    f64::from(count) * f64::from(self.idf(word) * (1.0 + 1.2))
                });
                (0.0, most.sum())
            }
            Leg::Dense(_) => {
                let most = match self.spec.metric {
                    Metric::Cosine => 1.0,
                    Metric::Dot => {
                        let vectors = self.docs.iter().filter_map(|doc| doc.dense.as_ref());
                        length(&self.prepared(asked))
                            * vectors.map(|v| length(v)).fold(0.0, f64::max)
                    }
                };
                (-most, most)
            }
        }
    }

    /// All fused hits, best first.
    pub(crate) fn fuse(&self, fusion: &Fusion, window: usize, asked: &AllForms) -> Vec<FusedHit> {
        let weights: f64 = fusion.legs.iter().map(|leg| leg.weight).sum();
        let windows: Vec<Vec<(String, f32)>> = fusion
            .legs
            .iter()
            .map(|leg| {
                let mut list = self.list(&leg.leg, asked);
                list.truncate(window);
                list
            })
            .collect();
        let named = |doc: &&Doc| {
            let of = windows.iter().zip(&fusion.legs).filter(|(_, leg)| leg.weight > 0.0);
            of.map(|(list, _)| list).any(|list| list.iter().any(|(id, _)| *id == doc.id))
        };
        let mut hits = Vec::new();
        for doc in self.docs.iter().filter(named) {
            let (mut sum, mut legs) = (0f64, BTreeMap::new());
            for (leg, list) in fusion.legs.iter().zip(&windows) {
                let rank = list.iter().position(|(id, _)| *id == doc.id).map(|at| at + 1);
                let score = self.score(&leg.leg, asked, doc);
                legs.insert(leg.leg.to_string(), (score.unwrap_or(0.0), rank));
                let share = leg.weight / weights;
                sum += match (fusion.method, score) {
                    (Method::Rrf { k }, _) => {
                        rank.map_or(0.0, |rank| leg.weight / (k + rank as f64))
                    }
                    (Method::Convex(_), None) => 0.0,
                    (Method::Convex(normaliser), Some(score)) => {
                        let range = self.range(&leg.leg, asked);
                        share * normalised(normaliser, range, list, rank, f64::from(score))
                    }
                };
            }
            hits.push(FusedHit { id: doc.id.clone(), score: sum as f32, legs });
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
        hits
    }
}

fn counts(words: &[String]) -> BTreeMap<&str, u32> {
    let mut counts = BTreeMap::new();
    words.iter().for_each(|word| *counts.entry(&word[..]).or_insert(0) += 1);
    counts
}

fn normalised(
    normaliser: Normaliser,
    (least, most): (f64, f64),
    list: &[(String, f32)],
    rank: Option<usize>,
    score: f64,
) -> f64 {
    let first = list.first().map_or(0.0, |hit| f64::from(hit.1));
    let last = list.last().map_or(0.0, |hit| f64::from(hit.1));
    let (low, high) = match normaliser {
        Normaliser::MinMax => (last, first),
        Normaliser::TheoreticalMinMax => (least, first),
        Normaliser::Bound => (0.0, most),
    };
    match (normaliser, high > low) {
        (_, false) => f64::from(u8::from(rank.is_some())),
        (Normaliser::MinMax, true) => ((score - low) / (high - low)).max(0.0),
        (_, true) => (score - low) / (high - low),
    }
}

/// By the sixteen sums that define a dense score.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f64; 16];
    for (at, (&a, &b)) in a.iter().zip(b).enumerate() {
        lanes[at % 16] += f64::from(a) * f64::from(b);
    }
    for width in [8, 4, 2, 1] {
        (0..width).for_each(|lane| lanes[lane] += lanes[lane + width]);
    }
    lanes[0] as f32
}

fn length(vector: &[f32]) -> f64 {
    vector.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}
