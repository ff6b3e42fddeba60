//! What a search of an index of several segments says beside its hits: pages, effort, deadlines, filters.

use super::*;

#[test]
fn paging_never_changes_a_score_or_an_order() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(3000, 8));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let query = vector("w1 w2 w17");
    let page = |k, offset| {
        let request = SearchRequest { offset, ..request(&query, k, None) };
        snapshot.search(&request, &|_| None).unwrap()
    };
    let all = page(100, 0);
    let ranks: Vec<usize> = page(10, 20).hits.iter().map(|hit| hit.rank).collect();
    assert_eq!(ranks, (21..=30).collect::<Vec<_>>());
    let pages: Vec<_> = (0..10).flat_map(|i| found(&page(10, i * 10))).collect();
    assert_eq!(pages, found(&all));
}

#[test]
fn explanations_sum_to_the_score() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(1500, 3));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let text = "w1 w2 w17 w1";
    let query = vector(text);
    for rank in &[Rank::SPARSE, Rank::BM25] {
        let request = SearchRequest {
            rank,
            text: Some(text),
            explain: true,
            profile: true,
            ..request(&query, 20, None)
        };
        let answer = snapshot.search(&request, &|id| Some(format!("t{id}"))).unwrap();
        assert_eq!(answer.hits.len(), 20);
        for hit in &answer.hits {
            let explanation = hit.explanation.as_ref().unwrap();
            let sum: f64 = explanation.contributions.iter().map(|c| c.product).sum();
            assert!((sum - f64::from(hit.score)).abs() < 1e-5 * sum, "{rank:?} {explanation:?}");
            let shares: f64 = explanation.contributions.iter().map(|c| c.share).sum();
            assert!((shares - 1.0).abs() < 1e-9);
        }
    }
}

#[test]
fn filters_that_cannot_be_understood_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(50, 3));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let query = vector("w1 w2");
    let refused = |filter: &str| match snapshot.search(&request(&query, 5, Some(filter)), &|_| None)
    {
        Err(SearchError::Filter { reason, .. }) => reason,
        other => panic!("{filter}: {other:?}"),
    };
    let deep = format!("{}tag:t1{}", "(".repeat(5000), ")".repeat(5000));
    let signs = format!("{}tag:t1", "-".repeat(5000));
    let many_nots = format!("{}tag:t1", "NOT -".repeat(5000));
    for filter in ["", "yaer:2001", "year:[2001 TO", "year:>=*", "year:>>2000", &deep] {
        refused(filter);
    }
    for filter in ["year:>=", "year:> ", "(year:<)", "NOT year:<=", "tag:t1 AND year:>="] {
        let reason = refused(filter);
        assert!(reason.contains("has no value; write year:"), "{reason}");
    }
    assert!(refused("year:>= AND tag:t1").contains("has no value"));
    assert!(refused(">=").contains("a key is expected"));
    assert!(refused("tag:IN []").contains("the list has no value"));
    let deep = format!("{}tag:t1{}", "(".repeat(60), ")".repeat(60));
    let nots = format!("{}tag:t1", "NOT ".repeat(60));
    for filter in [&deep, &nots] {
        // Close to the limit: an answer or an error, on a small stack.
        let _ = snapshot.search(&request(&query, 5, Some(filter)), &|_| None);
    }
    for filter in [
        "tag:t1 year:>2000",
        "year:=2001",
        "year:!=2000",
        "text:*",
        "text:\"w1 w2\"",
        &signs,
        &many_nots,
        "_id:IN [d00001 d00007]",
        "text:w1",
        "w1 OR w2",
        "*",
        "NOT tag:t0",
        "year:[* TO 2000]",
        "year:>-5",
        "tag:\">=\"",
        "tag:*",
        "year: >= 2000",
    ] {
        snapshot.search(&request(&query, 5, Some(filter)), &|_| None).unwrap();
    }
}

#[test]
fn empty_documents_are_stored_and_never_returned() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &[("empty".into(), String::new()), ("full".into(), "w1 w2".into())]);
    run(&index, &input, false).unwrap();
    let query = vector("w1");
    assert_eq!(found(&search(&index, &query, 10, None)).len(), 1);
    assert_eq!(found(&search(&index, &SparseVector::default(), 10, None)), []);
    assert_eq!(Index::open(&index).unwrap().snapshot().live_docs(), 2);
}

#[test]
fn a_merge_is_seen_by_refresh_and_the_old_snapshot_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let (path, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(3000, 4));
    run(&path, &input, false).unwrap();
    let index = Index::open(&path).unwrap();
    let before = index.snapshot();
    IndexStore::open(&path, model()).unwrap().merge().unwrap();
    let after = index.refresh().unwrap();
    assert_eq!((before.segments().len(), after.segments().len()), (3, 1));
    let query = vector("w2 w4");
    let answer = |snapshot: &gleaner_searcher::Snapshot| {
        found(&snapshot.search(&request(&query, 30, None), &|_| None).unwrap())
    };
    assert_eq!(answer(&before), answer(&after));
}

/// The cache of filters outlives commits: its rows must be those of the commit that is read.
#[test]
fn a_filter_answers_alike_from_the_cache_and_after_commits() {
    let folder = tempfile::tempdir().unwrap();
    let (path, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    let mut documents: BTreeMap<String, String> = corpus(2500, 21).into_iter().collect();
    write_corpus(&input, &documents.clone().into_iter().collect::<Vec<_>>());
    run(&path, &input, false).unwrap();
    let index = Index::open(&path).unwrap();
    let query = vector("w1 w2 w3 w17");
    let check = |documents: &BTreeMap<String, String>, cached: [bool; 2]| {
        for is_cached in cached {
            let snapshot = index.refresh().unwrap();
            let request = SearchRequest {
                profile: true,
                ..request(&query, 40, Some("tag:t1 AND year:>1995"))
            };
            let answer = snapshot.search(&request, &|_| None).unwrap();
            let keep = |text: &str| 1990 + text.len() % 30 > 1995 && text.len() % 3 == 1;
            assert_eq!(found(&answer), expected(documents, &query, 40, keep));
            assert_eq!(answer.profile.unwrap().filter_cached, is_cached);
        }
    };
    check(&documents, [false, true]);
    // Replaced documents delete rows of segments that are cached, and add a segment.
    let changed: Vec<_> = corpus(700, 22).into_iter().step_by(3).collect();
    write_corpus(&input, &changed);
    documents.extend(changed);
    run(&path, &input, false).unwrap();
    check(&documents, [false, true]);
    IndexStore::open(&path, model()).unwrap().merge().unwrap();
    check(&documents, [false, true]);
    let unknown = request(&query, 5, Some("nothing:1"));
    for _ in 0..2 {
        assert!(index.snapshot().search(&unknown, &|_| None).is_err(), "errors are not cached");
    }
}

#[test]
fn less_effort_is_said_and_scores_stay_true() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(4000, 11));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let mut state = 5;
    for _ in 0..20 {
        let query = vector(&words(&mut state, 8));
        let ask = |k, effort| {
            let request = SearchRequest { effort, ..request(&query, k, None) };
            snapshot.search(&request, &|_| None).unwrap()
        };
        let all = ask(4000, 1.0);
        assert!(all.exact && all.certificate.complete);
        let truth: BTreeMap<String, u32> = found(&all).into_iter().collect();
        for effort in [0.1, 0.5, 0.9] {
            let answer = ask(10, effort);
            let certificate = &answer.certificate;
            let kind = match (answer.exact, certificate.highest_bound_not_scored) {
                (false, _) => "approximate",
                (true, Some(_)) => "rank_safe",
                (true, None) => "exhaustive",
            };
            assert_eq!((certificate.kind.name(), certificate.effort), (kind, effort));
            assert!(certificate.complete && answer.hits.len() <= 10);
            let hits = found(&answer);
            assert!(hits.iter().all(|(id, score)| truth[id] == *score), "scores are true scores");
            let missed = all.hits.iter().find(|hit| !answer.hits.iter().any(|h| h.id == hit.id));
            if answer.exact {
                assert_eq!(hits, found(&ask(10, 1.0)));
            } else if let Some(missed) = missed.filter(|hit| hit.score > certificate.threshold) {
                let bound = certificate.highest_bound_not_scored.unwrap();
                assert!(f64::from(missed.score) <= bound * (1.0 + 1e-6), "{missed:?} {bound}");
            }
        }
    }
}

#[test]
fn a_deadline_that_has_passed_is_an_incomplete_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(3000, 12));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let query = vector("w1 w2 w3");
    for rank in &[Rank::SPARSE, Rank::BM25] {
        let ask = |deadline| {
            let exact = request(&query, 10, None);
            let request = SearchRequest { rank, text: Some("w1 w2 w3"), deadline, ..exact };
            snapshot.search(&request, &|_| None).unwrap()
        };
        let late = ask(Some(Instant::now()));
        assert!(!late.exact && !late.certificate.complete);
        assert_eq!((late.certificate.kind.name(), late.hits.len()), ("approximate", 0));
        let whole = ask(None);
        let bound = late.certificate.highest_bound_not_scored;
        assert!(bound.is_none_or(|bound| bound >= f64::from(whole.hits[0].score)));
        for is_given_up in [true, false] {
            let flag = AtomicBool::new(is_given_up);
            let given_up = Some(&flag);
            let exact = request(&query, 10, None);
            let request = SearchRequest { rank, text: Some("w1 w2 w3"), given_up, ..exact };
            let answer = snapshot.search(&request, &|_| None).unwrap();
            assert_eq!(answer.certificate.complete, !is_given_up, "nobody waits for it");
        }
        let early = ask(Some(Instant::now() + Duration::from_secs(3600)));
        assert!(early.exact && early.certificate == whole.certificate);
        assert_eq!(found(&early), found(&whole));
    }
}

#[test]
fn effort_outside_its_range_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(20, 3));
    run(&index, &input, false).unwrap();
    let snapshot = Index::open(&index).unwrap().snapshot();
    let query = vector("w1");
    for effort in [0.0, -0.5, 1.0001, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let request = SearchRequest { effort, ..request(&query, 5, None) };
        let error = snapshot.search(&request, &|_| None).unwrap_err();
        assert!(matches!(error, SearchError::Effort { .. }), "{effort}: {error}");
    }
}
