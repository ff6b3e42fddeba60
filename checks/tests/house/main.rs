//! The house rules that a program can check, over every source file of the workspace.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
};

const FUNCTION_LINES_LIMIT: usize = 70;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn rust_files() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                walk(&path, found);
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    assert!(found.len() > 50, "the walk misses most of the workspace");
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

#[test]
fn every_file_opens_with_its_purpose() {
    let undocumented: Vec<String> = rust_files()
        .iter()
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//!"))
        .map(|path| relative(path))
        .collect();
    assert_eq!(undocumented, Vec::<String>::new());
}

/// Functions of `text` as (line, length), by indentation: rustfmt makes that reliable.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let is_start = |line: &str| {
        let words = line.trim_start();
        let words = ["pub(crate) ", "pub(super) ", "pub ", "const ", "async ", "unsafe "]
            .iter()
            .fold(words, |words, prefix| words.strip_prefix(prefix).unwrap_or(words));
        words.starts_with("fn ")
    };
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate().filter(|(_, line)| is_start(line)) {
        // A signature may take several lines, and may end without a body.
        let last = lines[start..].iter().find(|line| line.ends_with(['{', ';', '}']));
        if last.is_none_or(|last| last.ends_with(';')) {
            continue;
        }
        let end =
            lines[start..].iter().position(|end| end.trim() == "}" && indent(end) == indent(line));
        found.push((start + 1, end.map_or(1, |end| end + 1)));
    }
    found
}

#[test]
fn functions_are_short() {
    assert_eq!(functions("    fn a() {\n        b();\n    }\n"), [(1, 3)]);
    let long: Vec<String> = rust_files()
        .iter()
        .flat_map(|path| {
            let found = functions(&fs::read_to_string(path).unwrap());
            found
                .into_iter()
                .map(|(line, length)| (relative(path), line, length))
                .collect::<Vec<_>>()
        })
        .filter(|(_, _, length)| *length > FUNCTION_LINES_LIMIT)
        .map(|(path, line, length)| format!("{path}:{line} has {length} lines"))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn libraries_do_not_print() {
    let prints: Vec<String> = rust_files()
        .iter()
        .filter(|path| {
            let path = relative(path);
            let printing = ["cli/", "benches/", "checks/"];
            let is_binary = printing.iter().any(|folder| path.starts_with(folder));
            let is_test = path.contains("tests") || path.contains("examples/");
            !is_binary && !is_test
        })
        .filter(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.lines().any(|line| {
                let line = line.trim_start();
                !line.starts_with("//") && (line.contains("println!(") || line.contains("dbg!("))
            })
        })
        .map(|path| relative(path))
        .collect();
    assert_eq!(prints, Vec::<String>::new());
}

/// Every file that `data/sources.toml` names has the bytes it states; one that is to be fetched (its
/// entry has a `url`) may be missing.
#[test]
fn data_is_what_its_sources_say() {
    use sha2::{Digest, Sha256};
    let text = fs::read_to_string(root().join("data/sources.toml")).unwrap();
    let sources: toml::Table = text.parse().unwrap();
    let mut checked = 0;
    for (name, source) in &sources {
        let source = source.as_table().unwrap();
        assert!(source["licence"].is_str() && source["source"].is_str(), "{name}");
        let folder = root().join("data").join(source["folder"].as_str().unwrap());
        for (file, stated) in source["files"].as_table().unwrap() {
            let path = folder.join(file);
            if source.contains_key("url") && !path.exists() {
                continue;
            }
            let bytes = fs::read(path).unwrap();
            let found: String =
                Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, stated.as_str().unwrap(), "{name}: {file}");
            checked += 1;
        }
    }
    assert!(checked >= 10);
}

/// Words in backticks that look like paths.
fn paths_in(document: &str) -> Vec<String> {
    let quoted = document.split('`').skip(1).step_by(2);
    let is_path = |word: &&str| {
        word.contains('/')
            && !word.contains(|c: char| c.is_whitespace() || "<>{}*$|:".contains(c))
            && [".rs", ".md", ".toml", ".imp", ".sh", ".py", "/"]
                .iter()
                .any(|end| word.ends_with(end))
    };
    quoted.filter(is_path).map(str::to_owned).collect()
}

#[test]
fn paths_in_documents_exist() {
    for document in ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let paths = paths_in(&text);
        assert!(!paths.is_empty(), "{document} names no path");
        for path in paths.iter().filter(|path| !path.starts_with("../") && !path.starts_with('/')) {
            assert!(root().join(path).exists(), "{document} names {path}, which is not there");
        }
    }
}
