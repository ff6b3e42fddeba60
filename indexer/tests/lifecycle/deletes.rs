//! Deletes by `_id`, compared with the oracle over the documents that should be left.

use gleaner_indexer::Document;

use super::*;

/// One thing that is done to a store.
#[derive(Debug, Clone)]
enum Change {
    Upsert(u8, u8),
    /// Of an id that may not be there, or be deleted already.
    Delete(u8),
    Commit,
    /// The process ends, and what was not committed goes with it.
    Reopen,
    Merge,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        8 => (0u8..12, any::<u8>()).prop_map(|(id, text)| Change::Upsert(id, text)),
        6 => (0u8..16).prop_map(Change::Delete),
        3 => Just(Change::Commit),
        1 => Just(Change::Reopen),
        1 => Just(Change::Merge),
    ];
    prop::collection::vec(change, 1..60)
}

fn upsert(store: &mut IndexStore, id: &str, text: &str) {
    let line = serde_json::json!({"_id": id, "text": text}).to_string();
    let document = Document::parse(line.as_bytes()).unwrap();
    store.upsert(&document, &vector(text)).unwrap();
}

/// What is found is what the oracle finds, by weights and by words.
fn check(index: &Path, documents: &BTreeMap<String, String>) {
    let snapshot = Index::open(index).unwrap().snapshot();
    assert_eq!(snapshot.live_docs(), documents.len() as u64);
    let query = vector("w0 w1 w2 w5 w9");
    let response = snapshot.search(&request(&query, 50, None), &|_| None).unwrap();
    assert_eq!(found(&response), expected(documents, &query, 50, |_| true));
    let words =
        SearchRequest { rank: &Rank::BM25, text: Some("w0 w1 w2"), ..request(&query, 50, None) };
    let Ok(response) = snapshot.search(&words, &|_| None) else { return };
    let mut ids: Vec<_> = response.hits.iter().map(|hit| hit.id.clone()).collect();
    ids.sort();
    let has_word = |text: &str| text.split(' ').any(|word| ["w0", "w1", "w2"].contains(&word));
    let left = documents.iter().filter(|(_, text)| has_word(text)).map(|(id, _)| id.clone());
    assert_eq!(ids, left.collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever was upserted, deleted, deleted twice and added again, committed or lost.
    #[test]
    fn any_history_with_deletes_answers_like_the_oracle(changes in changes(), seed in 1u64..999) {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("index");
        let mut store = IndexStore::open_or_create(&index, model()).unwrap();
        let (mut documents, mut committed) = (BTreeMap::new(), BTreeMap::new());
        let mut has_upserts = false;
        for change in changes {
            match change {
                Change::Upsert(id, text) => {
                    let text = words(&mut (u64::from(text) * 77 + seed), 1 + usize::from(text) % 9);
                    let id = format!("d{id}");
                    upsert(&mut store, &id, &text);
                    documents.insert(id, text);
                    has_upserts = true;
                }
                Change::Delete(id) => {
                    let id = format!("d{id}");
                    store.delete(&id).unwrap();
                    documents.remove(&id);
                }
                Change::Commit => {
                    store.commit(Vec::new()).unwrap();
                    committed.clone_from(&documents);
                    has_upserts = false;
                }
                Change::Reopen => {
                    drop(store);
                    check(&index, &committed);
                    documents.clone_from(&committed);
                    store = IndexStore::open(&index, model()).unwrap();
                    has_upserts = false;
                }
                Change::Merge => {
                    // Runs commit before they merge; deletes that are not committed stay so.
                    if std::mem::take(&mut has_upserts) {
                        store.commit(Vec::new()).unwrap();
                        committed.clone_from(&documents);
                    }
                    store.merge().unwrap();
                    check(&index, &committed);
                }
            }
        }
        store.commit(Vec::new()).unwrap();
        check(&index, &documents);
    }
}

#[test]
fn a_delete_takes_effect_with_the_next_commit() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let mut store = IndexStore::open_or_create(&index, model()).unwrap();
    let ids = || {
        let snapshot = Index::open(&index).unwrap().snapshot();
        let response = snapshot.search(&request(&vector("w1"), 9, None), &|_| None).unwrap();
        response.hits.into_iter().map(|hit| hit.id).collect::<Vec<_>>()
    };
    for id in ["a", "b", "c"] {
        upsert(&mut store, id, "w1");
    }
    store.commit(Vec::new()).unwrap();
    assert_eq!(store.uncommitted(), 0);
    store.delete("b").unwrap();
    assert_eq!((ids(), store.uncommitted()), (vec!["a".to_owned(), "b".into(), "c".into()], 1));
    store.commit(Vec::new()).unwrap();
    assert_eq!(ids(), ["a", "c"]);
    // Deleted twice, and one that was never there.
    for id in ["b", "b", "nobody", ""] {
        store.delete(id).unwrap();
    }
    store.commit(Vec::new()).unwrap();
    assert_eq!(ids(), ["a", "c"]);
    // Added again in one commit with its delete, in both orders.
    store.delete("b").unwrap();
    upsert(&mut store, "b", "w1 w2");
    upsert(&mut store, "a", "w1 w2");
    store.delete("a").unwrap();
    store.commit(Vec::new()).unwrap();
    assert_eq!(ids(), ["b", "c"]);
    drop(store);
    // By a store that did not write them; until nothing is left.
    let mut store = IndexStore::open(&index, model()).unwrap();
    store.delete("b").unwrap();
    store.delete("c").unwrap();
    store.commit(Vec::new()).unwrap();
    assert!(ids().is_empty());
    store.merge().unwrap();
    assert!(ids().is_empty());
    upsert(&mut store, "b", "w1");
    store.commit(Vec::new()).unwrap();
    assert_eq!(ids(), ["b"]);
}

/// A commit without changes carries how far inputs got. It has a number of its own, so a reader follows.
#[test]
fn every_commit_has_a_number_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(5, 3));
    run(&index, &input, false).unwrap();
    let served = Index::open(&index).unwrap();
    let mut last = served.snapshot().generation();
    for _ in 0..2 {
        let mut store = IndexStore::open(&index, model()).unwrap();
        for _ in 0..2 {
            store.commit(Vec::new()).unwrap();
            let found = served.refresh().unwrap().generation();
            assert!(found > last, "{found} after {last}");
            last = found;
        }
    }
    assert_eq!(served.snapshot().live_docs(), 5);
}
