//! The arithmetic of feedback: documents and a query to a new query.
//!
//! For sparse queries a relevance model over learned weights (RM3: Abdul-Jaleel et al., TREC 2004).
//! For dense ones the average and Rocchio of Li et al. (TOIS 2023). Which documents these are is
//! left to `apply.rs`.

use std::collections::BTreeMap;

use gleaner_format::SparseVector;

/// A document that feedback looks at: its score in the ranking it comes from, and its vector.
pub(crate) struct FeedbackDocument<V> {
    pub(crate) score: f32,
    pub(crate) vector: V,
}

/// The query of RM3. Documents weigh as their scores, which are above 0.
pub(crate) fn rm3(
    query: &SparseVector,
    documents: &[FeedbackDocument<Vec<(u32, f64)>>],
    terms: usize,
    weight: f64,
) -> SparseVector {
    let mut model: BTreeMap<u32, f64> = BTreeMap::new();
    for FeedbackDocument { score, vector } in documents {
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
            FeedbackDocument { score: 2.0, vector: vec![(1, 1.0), (5, 1.0)] },
            FeedbackDocument { score: 1.0, vector: vec![(5, 2.0), (7, 2.0)] },
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
        let documents = [FeedbackDocument { score: 1.0, vector: vec![(9, 1.0)] }];
        assert_eq!(rm3(&query, &documents, 10, 0.0), query);
        let empty = [FeedbackDocument { score: 1.0, vector: Vec::new() }];
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
}
