//! Documents name files that are there: words in backticks that look like paths, and links.
//!
//! All Markdown of the repository is read, and the comments of all source files. A word may be a
//! path from the root, from the document's own folder or from its crate. Records of the past keep
//! their words; their links count.

use crate::{modules::join, sources::Repository};

const ENDINGS: [&str; 9] = [".rs", ".md", ".toml", ".imp", ".vec", ".sh", ".py", ".svg", "/"];

/// Documents that tell how it was, in words of then.
const RECORDS: [&str; 2] = ["CHANGELOG.md", "benches/records/"];

/// Words in backticks that look like paths.
fn paths_in(document: &str) -> Vec<&str> {
    let quoted = outside_fences(document).flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_path = |word: &&str| {
        word.contains('/')
            && !word.contains(|c: char| c.is_whitespace() || "<>{}*$|:…".contains(c))
            && ENDINGS.iter().any(|end| word.ends_with(end))
    };
    quoted.filter(is_path).collect()
}

/// Targets of links, without the part of the page.
fn links_in(document: &str) -> Vec<&str> {
    let links = outside_fences(document).flat_map(|line| line.split("](").skip(1));
    let targets = links.filter_map(|rest| rest.split([')', '#', ' ']).next());
    targets.filter(|target| !target.is_empty() && !target.contains(':')).collect()
}

/// Lines of a document that do not stand in a block of code.
pub(crate) fn outside_fences(document: &str) -> impl Iterator<Item = &str> {
    let mut is_fenced = false;
    document.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    })
}

/// Lines of a source file that are comments.
fn comments(text: &str) -> String {
    let lines = text.lines().map(str::trim_start).filter(|line| line.starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Paths and links that lead nowhere.
fn dead_ends(repository: &Repository) -> Vec<String> {
    let mut dead = Vec::new();
    let documents = repository.ending(".md").map(|(path, text)| (path, text.to_owned()));
    let sources = repository.rust().map(|(path, text)| (path, comments(text)));
    for (document, text) in documents.chain(sources) {
        let folder = document.rsplit_once('/').map_or("", |(folder, _)| folder);
        let home = document.split_once('/').map_or("", |(home, _)| home);
        let is_record = RECORDS.iter().any(|record| document.starts_with(record));
        let is_there = |path: &str| {
            let folders = ["", folder, home, &format!("{home}/src")];
            folders.iter().any(|folder| repository.has(&join(folder, path)))
        };
        // What lies beside the repository, or anywhere else on a machine, is not ours.
        let is_ours = |path: &&str| !path.starts_with("../") && !path.starts_with('/');
        let is_source = document.ends_with(".rs");
        // A source file may speak of folders of models or of indexes.
        let paths = paths_in(&text).into_iter();
        let paths = paths.filter(|path| !(is_record || is_source && path.ends_with('/')));
        let paths = paths.filter(is_ours).filter(|path| !is_there(path));
        let links = links_in(&text).into_iter().filter(|_| !is_source);
        let links = links.filter(|link| !repository.has(&join(folder, link)));
        dead.extend(paths.chain(links).map(|path| format!("{document}: {path}")));
    }
    dead
}

#[test]
fn paths_in_documents_exist() {
    let repository = Repository::read();
    let dead = dead_ends(&repository);
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    for document in ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"] {
        let text = repository.text(document).unwrap();
        assert!(!paths_in(text).is_empty(), "{document} names no path");
    }
}

#[test]
fn dead_ends_are_found() {
    let text = "`a/src/b.rs`, `src/b.rs` and `b.rs`; `a/src/c.rs`, [b](src/b.rs#top), [c](c.md),\n\
                [site](https://example.org/c.md), `../beside/c.rs`, `a b/c.rs`\n\
                ```\n`a/src/d.rs`\n```\n";
    let files = [
        ("a/src/b.rs", ""),
        ("a/A.md", text),
        ("benches/records/r.md", "`a/old.rs`"),
        ("a/src/d.rs", "//! As `a/src/old.rs` does.\nfn a() { b(\"`a/src/e.rs`\") }"),
    ];
    let expected = ["a/A.md: a/src/c.rs", "a/A.md: c.md", "a/src/d.rs: a/src/old.rs"];
    assert_eq!(dead_ends(&Repository::of(&files)), expected);
}
