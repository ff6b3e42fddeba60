//! More like this, boosts, least scores, knees, feedback: each is what it says, and holds in every leg.

use gleaner_format::Metric;
use gleaner_searcher::{
    Boost, DenseQuery, Feedback, Leg, Rank, SearchError, SearchRequest, Snapshot,
};
use proptest::{prelude::*, strategy::ValueTree};

use crate::{
    ask, asked, docs, indexes,
    oracle::{AllForms, Oracle},
    said, spec,
};

fn rank(rank: &str) -> Rank {
    rank.parse().unwrap()
}

/// Ids with score bits.
fn found(snapshot: &Snapshot, request: &SearchRequest<'_>) -> Vec<(String, u32)> {
    let hits = snapshot.search(request, &|_| None).unwrap().hits;
    hits.into_iter().map(|hit| (hit.id, hit.score.to_bits())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]

    #[test]
    fn like_a_document_is_its_own_vectors_without_itself(
        docs in docs(spec(Metric::Cosine), 20), pick in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(Metric::Cosine);
        let picked = pick.get(&docs).clone();
        let Some(dense) = picked.dense.clone() else { return Ok(()) };
        // A document that has nothing for a leg is no query for it, as a test below says.
        prop_assume!(!picked.sparse.is_empty());
        let asked = AllForms {
            words: picked.words.clone(),
            sparse: picked.sparse.clone(),
            dense,
        };
        let except = Some(&picked.id[..]);
        let oracle = Oracle { docs: &docs, spec: &spec, least_number: 0, except };
        let Rank::Fused(fusion) = rank("rrf:sparse,bm25,dense") else { panic!("a fusion") };
        let expected: Vec<_> = oracle.fuse(&fusion, 1_000, &asked).into_iter()
            .map(|hit| (hit.id, hit.score.to_bits())).collect();
        let fused = Rank::Fused(fusion);
        for snapshot in indexes(folder.path(), &docs, &docs[docs.len() - 1..], &spec) {
            let like = SearchRequest { like: except, ..SearchRequest::exact(&fused, 1_000) };
            prop_assert_eq!(found(&snapshot, &like), expected.clone());
            for leg in [Leg::Sparse, Leg::Bm25, Leg::Dense(None)] {
                let expected = oracle.list(&leg, &asked).into_iter()
                    .map(|(id, score)| (id, score.to_bits())).collect::<Vec<_>>();
                let rank = Rank::Leg(leg);
                let like = SearchRequest { like: except, ..SearchRequest::exact(&rank, 1_000) };
                prop_assert_eq!(found(&snapshot, &like), expected);
            }
        }
    }

    #[test]
    fn boosts_are_another_query(
        docs in docs(spec(Metric::Dot), 20), asked in asked(),
        term in 0u32..12, factor in prop_oneof![Just(0.0f32), Just(2.5)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let other = asked.sparse.iter()
            .map(|(at, weight)| (at, if at == term { weight * factor } else { weight }));
        let boosted = gleaner_format::SparseVector::from_pairs(other).unwrap();
        let boosts = [Boost { term, factor }];
        let all = rank("convex:norm=bound,sparse,bm25,dense");
        for snapshot in indexes(folder.path(), &docs, &docs[docs.len() - 1..], &spec(Metric::Dot)) {
            for rank in [&Rank::SPARSE, &all] {
                let plain = SearchRequest::exact(rank, 50);
                let with = SearchRequest { boosts: &boosts, ..SearchRequest::exact(rank, 50) };
                let by_boost: Vec<_> =
                    ask(&snapshot, &asked, with).hits.iter().map(said).collect();
                let asked = AllForms { sparse: boosted.clone(), ..asked.clone() };
                let by_query: Vec<_> =
                    ask(&snapshot, &asked, plain).hits.iter().map(said).collect();
                prop_assert_eq!(by_boost, by_query);
            }
        }
    }

    #[test]
    fn least_scores_and_knees_cut_the_list_wherever_the_page_is(
        docs in docs(spec(Metric::Dot), 25), asked in asked(),
        pick in any::<prop::sample::Index>(), k in 1usize..9, offset in 0usize..5,
    ) {
        let folder = tempfile::tempdir().unwrap();
        for snapshot in indexes(folder.path(), &docs, &docs[docs.len() - 1..], &spec(Metric::Dot)) {
            for rank in ["sparse", "dense", "rrf:sparse,bm25,dense", "convex:sparse,dense"] {
                let rank = self::rank(rank);
                let all = ask(&snapshot, &asked, SearchRequest::exact(&rank, 1_000)).hits;
                let scores: Vec<f32> = all.iter().map(|hit| hit.score).collect();
                if scores.is_empty() {
                    continue;
                }
                let least = *pick.get(&scores);
                let count = scores.iter().filter(|&&score| score >= least).count();
                let request = SearchRequest {
                    min_score: Some(least), offset, ..SearchRequest::exact(&rank, k)
                };
                let kept = ask(&snapshot, &asked, request).hits;
                let (start, end) = (offset.min(count), (offset + k).min(count));
                prop_assert_eq!(&kept, &all[start..end]);
                let until_knee = |k, offset| {
                    let exact = SearchRequest::exact(&rank, k);
                    ask(&snapshot, &asked, SearchRequest { until_knee: true, offset, ..exact }).hits
                };
                let whole = until_knee(1_000, 0);
                prop_assert_eq!(&whole[..], &all[..whole.len()]);
                let (start, end) = (offset.min(whole.len()), (offset + k).min(whole.len()));
                prop_assert_eq!(&until_knee(k, offset)[..], &whole[start..end]);
            }
        }
    }

    #[test]
    fn feedback_does_not_depend_on_segments_and_keeps_mutes(
        docs in docs(spec(Metric::Cosine), 20), asked in asked(),
        term in 0u32..12,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let snapshots = indexes(folder.path(), &docs, &docs[docs.len() - 1..], &spec(Metric::Cosine));
        let boosts = [Boost { term, factor: 0.0 }];
        for (rank, feedback) in [
            ("sparse", "sparse:docs=3,terms=4,weight=.5"),
            ("dense", "dense:rocchio,alpha=.4,beta=.6,docs=3"),
            ("rrf:sparse,bm25,dense", "dense:average,interpolate=both"),
            ("rrf:sparse,bm25,dense", "sparse:docs=2,terms=3,interpolate=before"),
            ("convex:norm=bound,sparse,dense", "sparse:docs=2,terms=5,interpolate=after"),
        ] {
            let rank = self::rank(rank);
            let feedback: [Feedback; 1] = [feedback.parse().unwrap()];
            let answers: Vec<Vec<_>> = snapshots.iter().map(|snapshot| {
                let request = SearchRequest {
                    feedback: &feedback, boosts: &boosts, explain: true,
                    ..SearchRequest::exact(&rank, 30)
                };
                let hits = ask(snapshot, &asked, request).hits;
                for hit in &hits {
                    let all = hit.explanation.as_ref().unwrap();
                    let of_legs = all.legs.values().flat_map(|leg| &leg.contributions);
                    let mut terms = all.contributions.iter().chain(of_legs);
                    assert!(terms.all(|entry| entry.id != Some(term)), "a muted term came back");
                }
                hits.iter().map(said).collect()
            }).collect();
            prop_assert_eq!(&answers[0], &answers[1]);
            prop_assert_eq!(&answers[0], &answers[2]);
        }
    }
}

#[test]
fn what_cannot_be_answered_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(Metric::Cosine);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut docs = docs(spec.clone(), 9).new_tree(&mut runner).unwrap().current();
    docs[0].dense = None;
    let bare = docs[0].id.clone();
    let snapshot = &indexes(folder.path(), &docs, &docs[docs.len() - 1..], &spec)[1];
    let vector = [1.0, 2.0, 3.0, 4.0, f32::NAN];
    let refused = |rank: &str, like: Option<&str>, dense: &[DenseQuery<'_>]| {
        let (rank, text) = (self::rank(rank), Some("w1"));
        let request = SearchRequest { text, like, dense, ..SearchRequest::exact(&rank, 5) };
        snapshot.search(&request, &|_| None).unwrap_err().to_string()
    };
    let check = |error: String, part: &str| assert!(error.contains(part), "{error}");
    check(refused("dense", None, &[]), "ranking by dense needs a dense query vector");
    check(refused("rrf:sparse,bm25", None, &[]), "ranking by sparse needs a query vector");
    check(refused("dense:other", None, &[]), "no dense field \"other\"; the index has emb");
    check(
        refused("bm25", None, &[DenseQuery { field: "other", vector: &vector }]),
        "no dense field \"other\"",
    );
    let error = |vector: &[f32]| {
        let dense = [DenseQuery { field: "emb", vector }];
        let rank = self::rank("dense");
        let request = SearchRequest { dense: &dense, ..SearchRequest::exact(&rank, 5) };
        match snapshot.search(&request, &|_| None).unwrap_err() {
            SearchError::DenseQuery(error) => error.to_string(),
            other => panic!("{other}"),
        }
    };
    check(error(&vector[..3]), "5");
    check(error(&vector), "dimension 4");
    check(error(&[0.0; 5]), "emb");
    check(refused("bm25", Some("nobody"), &[]), "no document has the _id \"nobody\"");
    let rank = self::rank("rrf:bm25,dense");
    let request = SearchRequest { like: Some(&bare), ..SearchRequest::exact(&rank, 5) };
    let error = snapshot.search(&request, &|_| None).unwrap_err().to_string();
    check(error, "has no dense vector, by which dense could find others like it");
    for least in [f32::NAN, f32::INFINITY] {
        let request = SearchRequest { min_score: Some(least), ..SearchRequest::exact(&rank, 5) };
        let error = snapshot.search(&request, &|_| None).unwrap_err().to_string();
        check(error, "min_score");
    }
}
