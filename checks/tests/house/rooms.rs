//! Rooms are small: no folder of the repository has more than 15 source files.

use std::collections::BTreeMap;

use crate::sources::Repository;

const FILES_LIMIT: usize = 15;

/// Folders with too many source files flat in them.
fn crowded(repository: &Repository) -> Vec<String> {
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, _) in repository.rust() {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        *files.entry(folder).or_default() += 1;
    }
    let crowded = files.into_iter().filter(|(_, count)| *count > FILES_LIMIT);
    crowded.map(|(folder, count)| format!("{folder} has {count} files")).collect()
}

#[test]
fn no_folder_is_crowded() {
    assert_eq!(crowded(&Repository::read()), Vec::<String>::new());
}

#[test]
fn a_crowded_folder_is_found() {
    let paths: Vec<String> = (0..16).map(|file| format!("a/src/{file}.rs")).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "")).collect();
    assert_eq!(crowded(&Repository::of(&files)), ["a/src has 16 files"]);
    assert_eq!(crowded(&Repository::of(&files[1..])), Vec::<String>::new());
}
