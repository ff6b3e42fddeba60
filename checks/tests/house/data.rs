//! Every file that `data/sources.toml` names has the bytes it states.
//!
//! One that is to be fetched (its entry has a `url`) may be missing.

use std::{fs, path::Path};

use sha2::{Digest, Sha256};

use crate::sources::root;

/// Files that are checked, and those that are not what is stated.
fn differences(data: &Path) -> (usize, Vec<String>) {
    let text = fs::read_to_string(data.join("sources.toml")).unwrap();
    let sources: toml::Table = text.parse().unwrap();
    let (mut checked, mut differences) = (0, Vec::new());
    for (name, source) in &sources {
        let source = source.as_table().unwrap();
        assert!(source["licence"].is_str() && source["source"].is_str(), "{name}");
        let folder = data.join(source["folder"].as_str().unwrap());
        for (file, stated) in source["files"].as_table().unwrap() {
            let path = folder.join(file);
            if source.contains_key("url") && !path.exists() {
                continue;
            }
            let bytes = fs::read(path).unwrap();
            let found: String =
                Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            checked += 1;
            if found != stated.as_str().unwrap() {
                differences.push(format!("{name}: {file}"));
            }
        }
    }
    (checked, differences)
}

#[test]
fn data_is_what_its_sources_say() {
    let (checked, differences) = differences(&root().join("data"));
    assert_eq!(differences, Vec::<String>::new());
    assert!(checked >= 10);
}

/// Folders of `data/fixtures` whose files no source names.
fn unnamed_fixtures(data: &Path) -> Vec<String> {
    let text = fs::read_to_string(data.join("sources.toml")).unwrap();
    let sources: toml::Table = text.parse().unwrap();
    let named = sources.values().filter(|source| source["folder"].as_str() == Some("fixtures"));
    let named: Vec<&String> =
        named.flat_map(|source| source["files"].as_table().unwrap().keys()).collect();
    let folders = fs::read_dir(data.join("fixtures")).unwrap();
    let folders = folders.map(|folder| folder.unwrap().file_name().into_string().unwrap());
    folders
        .filter(|folder| !named.iter().any(|file| file.starts_with(&format!("{folder}/"))))
        .collect()
}

#[test]
fn every_fixture_has_a_source() {
    assert_eq!(unnamed_fixtures(&root().join("data")), Vec::<String>::new());
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("fixtures/new")).unwrap();
    fs::write(folder.path().join("sources.toml"), "").unwrap();
    assert_eq!(unnamed_fixtures(folder.path()), ["new"]);
}

#[test]
fn other_bytes_are_found() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "other").unwrap();
    let stated =
        "[set]\nlicence = \"MIT\"\nsource = \"here\"\nfolder = \".\"\n[set.files]\nfile = \"00\"";
    fs::write(folder.path().join("sources.toml"), stated).unwrap();
    assert_eq!(differences(folder.path()), (1, vec!["set: file".to_owned()]));
}
