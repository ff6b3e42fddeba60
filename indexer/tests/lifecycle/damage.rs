//! What is in the way: abandoned folders, other models, damaged files, other programs that write.

use super::*;

#[test]
fn abandoned_attempts_to_create_are_removed_and_failed_ones_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let beside = |name: &str| folder.path().join(format!(".index.creating-{name}"));
    // A dead process, an earlier process of this number, a name and a content that are not ours.
    let ours = [beside("999999999"), beside(&std::process::id().to_string())];
    let others = [beside("backup"), beside("999999998")];
    for path in ours.iter().chain(&others) {
        std::fs::create_dir(path).unwrap();
    }
    std::fs::write(ours[0].join("meta.json"), "{").unwrap();
    std::fs::write(others[1].join("thesis.txt"), "mine").unwrap();
    drop(IndexStore::open_or_create(&folder.path().join("index"), model()).unwrap());
    assert!(ours.iter().all(|path| !path.exists()) && others.iter().all(|path| path.exists()));
}

#[test]
fn another_model_another_folder_and_a_second_writer_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(5, 3));
    run(&index, &input, false).unwrap();
    let held = IndexStore::open_or_create(&index, model()).unwrap();
    assert!(matches!(IndexStore::open(&index, model()), Err(IndexError::Locked { .. })));
    drop(held);
    let other = Some(ModelBinding { path: "x".into(), fingerprint: "sha256:other".into() });
    assert!(matches!(IndexStore::open(&index, other), Err(IndexError::ModelMismatch { .. })));
    assert!(matches!(IndexStore::open(&index, None), Err(IndexError::ModelMismatch { .. })));
    std::fs::write(folder.path().join("note"), "mine").unwrap();
    let refused = IndexStore::open_or_create(folder.path(), model());
    assert!(matches!(refused, Err(IndexError::NotEmpty { .. })));
}

pub(crate) fn files(index: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(index).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// An index on a read-only mount can be searched: reading takes no lock and writes nothing.
#[test]
fn reading_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(100, 7));
    run(&index, &input, false).unwrap();
    for lock in files(&index).iter().filter(|file| file.extension().is_some_and(|e| e == "lock")) {
        std::fs::remove_file(lock).unwrap();
    }
    let before = files(&index);
    let served = Index::open(&index).unwrap();
    served.refresh().unwrap();
    let query = vector("w1");
    served.snapshot().search(&request(&query, 5, Some("tag:t1")), &|_| None).unwrap();
    assert_eq!(files(&index), before);
}

#[test]
fn an_index_without_its_list_has_lost_a_file_and_is_not_absent() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(10, 7));
    run(&index, &input, false).unwrap();
    std::fs::remove_file(index.join("meta.json")).unwrap();
    let error = |path: &Path| match Index::open(path).err().unwrap() {
        SearchError::Catalog(error) => error,
        other => panic!("{other}"),
    };
    assert!(matches!(error(&index), CatalogError::Missing { .. }));
    assert!(matches!(error(folder.path()), CatalogError::IndexNotFound { .. }));
}

#[test]
fn a_model_that_moved_is_recorded_where_it_is_now() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(10, 7));
    run(&index, &input, false).unwrap();
    let moved = model().map(|model| ModelBinding { path: "elsewhere".to_owned(), ..model });
    let mut store = IndexStore::open(&index, moved).unwrap();
    let encoders: Vec<Box<dyn DocumentEncoder>> = vec![Box::new(WordCounts)];
    ingest(&mut store, &[input], encoders, &options(false, OnError::Fail), &mut |_| {}).unwrap();
    drop(store);
    let manifest = Index::open(&index).unwrap().snapshot().manifest().clone();
    assert_eq!(manifest.model.unwrap().path, "elsewhere");
}

/// `meta.json` has no checksum of its own: every bit of it is tried, with every kind of search.
#[test]
fn a_damaged_commit_list_never_changes_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(60, 77));
    run(&index, &input, false).unwrap();
    write_corpus(&input, &corpus(9, 78));
    run(&index, &input, false).unwrap();
    let query = vector("w1 w2 w3");
    let answers = || -> Result<_, gleaner_searcher::SearchError> {
        let snapshot = Index::open(&index)?.snapshot();
        let fields = ["text".to_owned()];
        let sparse = request(&query, 20, Some("tag:t1 OR year:>2000"));
        let words =
            SearchRequest { text: Some("w1 w2 w2"), fields: &fields, ..request(&query, 20, None) };
        let lexical = SearchRequest { rank: &Rank::BM25, ..words };
        let hits = [sparse, lexical]
            .map(|request| snapshot.search(&request, &|_| None).map(|answer| answer.hits));
        let [sparse, lexical] = hits;
        let manifest = snapshot.manifest().clone();
        Ok((sparse?, lexical?, manifest, snapshot.live_docs()))
    };
    let truth = answers().unwrap();
    let meta = index.join("meta.json");
    let sound = std::fs::read(&meta).unwrap();
    let mut errors = 0;
    for at in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << (at % 7);
        std::fs::write(&meta, &damaged).unwrap();
        match answers() {
            Ok(found) => assert_eq!(found, truth, "byte {at}: {:?}", damaged[at] as char),
            Err(_) => errors += 1,
        }
    }
    assert!(errors > sound.len() / 2, "{errors} of {}", sound.len());
}

/// A reader meets commits, merges and removed files at any moment, and never calls them damage.
#[test]
fn reading_while_another_process_commits_is_never_damage() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(3000, 7));
    run(&index, &input, false).unwrap();
    let writing = AtomicBool::new(true);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..6 {
                run(&index, &input, false).unwrap();
                IndexStore::open(&index, model()).unwrap().merge().unwrap();
            }
            writing.store(false, Ordering::Relaxed);
        });
        let query = vector("w1 w2");
        let served = Index::open(&index).unwrap();
        let mut reads = 0;
        while writing.load(Ordering::Relaxed) || reads == 0 {
            for snapshot in [served.refresh().unwrap(), Index::open(&index).unwrap().snapshot()] {
                let answer = snapshot.search(&request(&query, 5, None), &|_| None).unwrap();
                assert_eq!(answer.hits.len(), 5);
            }
            reads += 1;
        }
    });
}

/// Damage anywhere is an error or leaves the answer alone; it never changes an answer, and never
/// panics.
#[test]
fn damaged_files_never_change_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(1200, 77));
    run(&index, &input, false).unwrap();
    write_corpus(&input, &corpus(30, 78));
    run(&index, &input, false).unwrap();
    let query = vector("w1 w2 w3");
    let truth = found(&search(&index, &query, 20, None));
    let (mut errors, mut same) = (0, 0);
    for file in files(&index) {
        let sound = std::fs::read(&file).unwrap();
        let step = (sound.len() / 40).max(1);
        let flips = (0..sound.len()).step_by(step).map(|at| {
            let mut damaged = sound.clone();
            damaged[at] ^= 0x11;
            damaged
        });
        let cuts =
            [0, sound.len() / 2, sound.len().saturating_sub(1)].map(|len| sound[..len].to_vec());
        for damaged in flips.chain(cuts).filter(|damaged| *damaged != sound) {
            std::fs::write(&file, damaged).unwrap();
            let answer = Index::open(&index)
                .and_then(|index| index.snapshot().search(&request(&query, 20, None), &|_| None));
            match answer {
                Ok(answer) => {
                    same += 1;
                    assert_eq!(found(&answer), truth, "{} changed the answer", file.display());
                }
                Err(_) => errors += 1,
            }
        }
        std::fs::write(&file, sound).unwrap();
    }
    assert!(errors > 100 && same < errors, "{errors} errors, {same} answers unchanged");
}

/// Makes of an index what the version before wrote: a manifest without ids and names of files.
fn downgrade(index: &Path) {
    let file = index.join("meta.json");
    let list = std::fs::read_to_string(&file).unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&list).unwrap();
    let payload = parsed["payload"].as_str().unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&payload[9..]).unwrap();
    manifest["version"] = 1.into();
    for member in ["id", "commit", "files"] {
        assert!(manifest.as_object_mut().unwrap().remove(member).is_some(), "{member}");
    }
    let json = manifest.to_string();
    let payload = format!("{:08x} {json}", FileSeal::of(json.as_bytes()).crc32);
    let (before, _) = list.rsplit_once("\"payload\": ").unwrap();
    let payload = serde_json::to_string(&payload).unwrap();
    std::fs::write(&file, format!("{before}\"payload\": {payload}\n}}\n")).unwrap();
}

#[test]
fn an_index_of_the_version_before_is_read_and_the_next_commit_names_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(60, 77));
    run(&index, &input, false).unwrap();
    let truth = found(&search(&index, &vector("w1 w2"), 20, None));
    let manifest = || Index::open(&index).unwrap().snapshot().manifest().clone();
    let segments = |index: &Path| Index::open(index).unwrap().snapshot().segments().len();
    // A merge that has nothing to merge, and an upsert.
    for round in 0..2 {
        downgrade(&index);
        assert!(!manifest().is_sealed() && manifest().id.is_none());
        assert_eq!(found(&search(&index, &vector("w1 w2"), 20, None)), truth);
        let served = Index::open(&index).unwrap();
        // Short files have footers that nobody can read.
        for file in
            files(&index).iter().filter(|file| file.extension().is_some_and(|e| e != "json"))
        {
            let sound = std::fs::read(file).unwrap();
            for len in (0..10).filter(|len| *len < sound.len()) {
                std::fs::write(file, &sound[..len]).unwrap();
                if let Err(error) = Index::open(&index) {
                    assert!(error.is_damage(), "{}: {error}", file.display());
                }
            }
            std::fs::write(file, sound).unwrap();
        }
        if round == 0 {
            IndexStore::open(&index, model()).unwrap().merge().unwrap();
        } else {
            run(&index, &input, false).unwrap();
        }
        let sealed = manifest();
        assert!(sealed.is_sealed() && sealed.id.is_some() && sealed.commit.is_some());
        assert!(sealed.files.len() >= 8 * segments(&index), "{:?}", sealed.files);
        // Who had it open goes on.
        assert!(served.refresh().unwrap().manifest().is_sealed());
    }
}

/// What merges and deletes write is named by the manifest as what commits write is.
#[test]
fn every_file_of_every_commit_is_named_with_its_length_and_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    let mut ids = std::collections::BTreeSet::new();
    for (round, count) in [900, 30, 3, 20].into_iter().enumerate() {
        write_corpus(&input, &corpus(count, 70 + round as u64));
        run(&index, &input, false).unwrap();
        if round == 3 {
            IndexStore::open(&index, model()).unwrap().merge().unwrap();
        }
        let manifest = Index::open(&index).unwrap().snapshot().manifest().clone();
        for (name, seal) in &manifest.files {
            let bytes = std::fs::read(index.join(name)).unwrap();
            assert_eq!(FileSeal::of(&bytes), *seal, "{name}");
        }
        let on_disk = files(&index).into_iter().filter(|file| {
            file.extension()
                .is_some_and(|extension| !["json", "lock"].contains(&extension.to_str().unwrap()))
        });
        assert_eq!(on_disk.count(), manifest.files.len());
        ids.insert((manifest.id, round));
        assert!(manifest.commit.is_some());
    }
    let first = ids.first().unwrap().0.clone();
    assert!(first.is_some() && ids.iter().all(|(id, _)| *id == first), "one index, one id");
}

#[test]
fn threads_that_create_one_index_do_not_remove_each_others_work() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let index = folder.path().join("index");
        let results: Vec<_> = std::thread::scope(|scope| {
            let create = || scope.spawn(|| IndexStore::open_or_create(&index, model()));
            let threads: Vec<_> = (0..4).map(|_| create()).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let open = results.iter().filter(|result| result.is_ok()).count();
        assert_eq!(open, 1);
        for error in results.into_iter().filter_map(Result::err) {
            assert!(matches!(error, IndexError::Locked { .. }), "{error}");
        }
    }
}

/// Lists are read into memory whole: one of gigabytes is damage before it is read.
#[test]
fn lists_that_are_too_long_or_no_json_are_damage_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = (folder.path().join("index"), folder.path().join("c.jsonl"));
    write_corpus(&input, &corpus(5, 3));
    run(&index, &input, false).unwrap();
    let served = Index::open(&index).unwrap();
    let list = index.join("meta.json");
    let sound = std::fs::read(&list).unwrap();
    let damaged = |error: SearchError, says: &str| {
        let message = error.to_string();
        assert!(error.is_damage() && message.contains(says), "{message}");
        assert!(message.contains("meta.json") && !message.contains("Meta at"), "{message}");
        for foreign in ["Untracked", "expected", "struct", "EOF", "missing field"] {
            assert!(!message.contains(foreign), "{message}");
        }
    };
    // 3 GB that take no place.
    std::fs::File::create(&list).unwrap().set_len(3_000_000_000).unwrap();
    let start = std::time::Instant::now();
    damaged(Index::open(&index).err().unwrap(), "3000000000 bytes are too many");
    damaged(served.refresh().err().unwrap(), "3000000000 bytes are too many");
    assert!(IndexStore::open(&index, model()).is_err());
    assert!(start.elapsed() < std::time::Duration::from_secs(1));
    for bytes in [&sound[..sound.len() / 2], b"", b"{}", b"[]", b"\xff"] {
        std::fs::write(&list, bytes).unwrap();
        damaged(Index::open(&index).err().unwrap(), "it is not");
    }
    std::fs::write(&list, &sound).unwrap();
    served.refresh().unwrap();
}
