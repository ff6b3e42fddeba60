//! An index is opened, and its files are read, once: what was checked is not checked again by whoever
//! searches or writes then. Files are damaged after they were checked; reading them again would tell.

use gleaner_catalog::{Analyzer, OpenIndex};

use super::{damage::files, *};

/// Files of a segment: six of the storage layer's, two of ours.
const SEGMENT_FILES: u64 = 8;

/// An index of two segments, of which the first has deletes.
fn build(folder: &Path) -> (PathBuf, PathBuf) {
    let (index, input) = (folder.join("index"), folder.join("c.jsonl"));
    write_corpus(&input, &corpus(900, 77));
    run(&index, &input, false).unwrap();
    write_corpus(&input, &corpus(30, 78));
    run(&index, &input, false).unwrap();
    (index, input)
}

/// Changes a byte in the middle of a file, in place, and back when it is dropped.
struct Damage {
    file: PathBuf,
    sound: Vec<u8>,
}

impl Damage {
    fn of(file: &Path) -> Self {
        let sound = std::fs::read(file).unwrap();
        let mut damaged = sound.clone();
        damaged[sound.len() / 2] ^= 0x11;
        std::fs::write(file, damaged).unwrap();
        Self { file: file.to_owned(), sound }
    }
}

impl Drop for Damage {
    fn drop(&mut self) {
        std::fs::write(&self.file, &self.sound).unwrap();
    }
}

/// The files of the commit, without its list.
fn segment_files(index: &Path) -> Vec<PathBuf> {
    let is_of_segment = |file: &PathBuf| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        name.as_bytes()[..8].iter().all(u8::is_ascii_hexdigit)
    };
    files(index).into_iter().filter(is_of_segment).collect()
}

#[test]
fn every_file_is_checked_once_until_it_is_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let (index, _) = build(folder.path());
    let opened = OpenIndex::open(&index).unwrap();
    let checked = opened.files_checked();
    assert_eq!(checked, 2 * SEGMENT_FILES + 1);
    assert_eq!(segment_files(&index).len() as u64, checked);
    let settings = IndexSettings::default();
    let mut caught = 0;
    for file in segment_files(&index) {
        let _damage = Damage::of(&file);
        drop(IndexStore::open_checked(&opened, model(), &settings).unwrap());
        if let Err(IndexError::Catalog(error)) = IndexStore::open(&index, model()) {
            assert!(error.is_damage(), "{error}");
            caught += 1;
        }
    }
    assert_eq!(caught, checked, "the damage is such that reading finds it");
    assert_eq!(opened.files_checked(), checked);
}

#[test]
fn a_search_reads_nothing_again() {
    let folder = tempfile::tempdir().unwrap();
    let (index, _) = build(folder.path());
    let query = vector("w1 w2 w3");
    let truth = found(&search(&index, &query, 20, None));
    let opened = OpenIndex::open(&index).unwrap();
    let stores =
        segment_files(&index).into_iter().filter(|file| file.extension().unwrap() == "store");
    let _damages: Vec<Damage> = stores.map(|file| Damage::of(&file)).collect();
    let snapshot = Index::from_opened(opened).unwrap().snapshot();
    let answer = snapshot.search(&request(&query, 20, None), &|_| None).unwrap();
    assert_eq!(found(&answer), truth);
}

#[test]
fn of_a_commit_since_then_only_what_is_new_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let (index, input) = build(folder.path());
    let opened = OpenIndex::open(&index).unwrap();
    let (checked, generation) = (opened.files_checked(), opened.commit().generation());
    // Ids that replace none: one more segment, and no deletes.
    let documents: Vec<_> =
        corpus(20, 5).into_iter().map(|(id, text)| (format!("new-{id}"), text)).collect();
    write_corpus(&input, &documents);
    run(&index, &input, false).unwrap();
    let settings = IndexSettings::default();
    let store = IndexStore::open_checked(&opened, model(), &settings).unwrap();
    assert_eq!(store.manifest().inputs[0].documents, 20, "the commit is read under the lock");
    assert_eq!(opened.files_checked(), checked + SEGMENT_FILES);
    drop(store);
    // The same ids again: a segment, and deletes in the one before.
    run(&index, &input, false).unwrap();
    let commit = opened.refresh().unwrap();
    assert!(commit.generation() > generation);
    // The segment that was replaced as a whole is gone.
    let segments = commit.segments().len() as u64;
    assert!((2..=4).contains(&segments), "{segments}");
    assert!(opened.files_checked() <= checked + 2 * SEGMENT_FILES + 1);
    let read = opened.files_checked();
    opened.refresh().unwrap();
    assert_eq!(opened.files_checked(), read);
    // A merge replaces all files and keeps the number of the commit.
    IndexStore::open_checked(&opened, model(), &settings).unwrap().merge().unwrap();
    assert_eq!(opened.refresh().unwrap().segments().len(), 1);
    assert_eq!(opened.files_checked(), read + SEGMENT_FILES);
}

/// Between opening and writing, another process may put another index in the same place, or none.
#[test]
fn an_index_that_was_replaced_is_taken_as_it_is_by_then() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let settings = IndexSettings::default();
    drop(IndexStore::open_or_create(&index, model()).unwrap());
    let opened = OpenIndex::open(&index).unwrap();
    let german: Analyzer = "german".parse().unwrap();
    let long = LongTexts::Max { length: 20, overlap: 3 };
    for (analyzer, long) in [(Analyzer::ENGLISH, long), (german, long), (german, LongTexts::Cut)] {
        std::fs::remove_dir_all(&index).unwrap();
        let asked = IndexSettings {
            analyzer: Some(analyzer),
            long: Some(long),
            ..IndexSettings::default()
        };
        drop(IndexStore::open_or_create_with(&index, model(), &asked).unwrap());
        let store = IndexStore::open_checked(&opened, model(), &settings).unwrap();
        assert_eq!(store.manifest().long, long);
        drop(store);
        assert_eq!(OpenIndex::open(&index).unwrap().fields().analyzer, analyzer);
    }
    std::fs::remove_dir_all(&index).unwrap();
    let gone = IndexStore::open_checked(&opened, model(), &settings);
    let is_gone = matches!(gone, Err(IndexError::Catalog(CatalogError::IndexNotFound { .. })));
    assert!(is_gone);
}
