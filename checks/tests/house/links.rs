//! Pages that people read lead on: every link has a target, and every path that is named is a link.
//!
//! Read are the pages of the root and of `docs`. A target may name a heading: `page.md#heading`, as
//! GitHub and mdBook write headings. Whether a path in backticks exists is left to `documents.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{documents::outside_fences, modules::join, sources::Repository};

/// Pages of the root, and whether their paths have to be links.
const PAGES: [(&str, bool); 5] = [
    ("README.md", true),
    ("CONTRIBUTING.md", true),
    ("SECURITY.md", true),
    ("ARCHITECTURE.md", false),
    ("CHANGELOG.md", false),
];

/// The folder of the book. All paths in its pages have to be links.
const BOOK: &str = "docs/";

/// A word in backticks with such an ending is a path even without a `/`.
const ENDINGS: [&str; 3] = [".md", ".toml", ".rs"];

/// A page in two parts.
struct Parts<'p> {
    /// What stands between the parentheses of links.
    targets: Vec<&'p str>,
    /// What is left without links.
    rest: String,
}

impl<'p> Parts<'p> {
    fn of(prose: &'p str) -> Self {
        let (mut targets, mut rest, mut from) = (Vec::new(), String::new(), 0);
        while let Some(middle) = prose[from..].find("](").map(|at| at + from) {
            let start = prose[from..middle].rfind('[').map_or(middle, |at| at + from);
            let Some(end) = prose[middle..].find(')').map(|at| at + middle) else { break };
            targets.push(prose[middle + 2..end].split_whitespace().next().unwrap_or_default());
            rest.push_str(&prose[from..start]);
            from = end + 1;
        }
        rest.push_str(&prose[from..]);
        Self { targets, rest }
    }
}

/// A page without its blocks of code.
fn prose(page: &str) -> String {
    outside_fences(page).collect::<Vec<_>>().join("\n")
}

/// What links to headings of a page may name.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let headings = outside_fences(page).filter(|line| line.starts_with('#'));
    let anchors = headings.map(|line| {
        let kept = |sign: char| sign.is_alphanumeric() || "-_ ".contains(sign);
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let anchor = title.chars().filter(|&sign| kept(sign)).collect::<String>().replace(' ', "-");
        let times = seen.entry(anchor.clone()).or_default();
        *times += 1;
        if *times == 1 { anchor } else { format!("{anchor}-{}", *times - 1) }
    });
    anchors.collect()
}

/// Whether a link of a page leads somewhere.
fn leads(repository: &Repository, page: &str, target: &str) -> bool {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(p, a)| (p, Some(a)));
    let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = if path.is_empty() { page.to_owned() } else { join(folder, path) };
    let has_anchor =
        |anchor| repository.text(&path).is_some_and(|text| anchors(text).contains(anchor));
    repository.has(&path) && anchor.is_none_or(has_anchor)
}

/// What the program prints of itself; its defaults are paths, and no links.
const GENERATED: &str = "docs/cli.md";

/// Links that lead nowhere, and paths that are no links.
fn loose_ends(repository: &Repository) -> Vec<String> {
    let root = PAGES.into_iter();
    let book = repository.ending(".md").map(|(path, _)| path).filter(|path| path.starts_with(BOOK));
    let mut loose = Vec::new();
    for (page, must_link) in root.chain(book.map(|path| (path, path != GENERATED))) {
        let Some(text) = repository.text(page) else {
            loose.push(format!("{page} is missing"));
            continue;
        };
        let prose = prose(text);
        let parts = Parts::of(&prose);
        let inside = parts.targets.iter().filter(|target| !target.contains(':'));
        let dead = inside.filter(|target| !leads(repository, page, target));
        loose.extend(dead.map(|target| format!("{page}: {target} leads nowhere")));
        let words = parts.rest.split('`').skip(1).step_by(2);
        let is_path = |word: &&str| {
            let is_named = word.contains('/') || ENDINGS.iter().any(|end| word.ends_with(end));
            is_named && !word.trim_matches('/').is_empty() && repository.has(word)
        };
        let unlinked = words.filter(|word| must_link && is_path(word));
        loose.extend(unlinked.map(|word| format!("{page}: {word} is no link")));
    }
    loose
}

#[test]
fn pages_lead_on() {
    let loose = loose_ends(&Repository::read());
    assert!(loose.is_empty(), "{}", loose.join("\n"));
}

#[test]
fn loose_ends_are_found() {
    let page = "# A page\n## Two `words`, here\n## Two words here\n\
                [`a/b.rs`](a/b.rs), [a page](docs/page.md#a-page), [self](#two-words-here-1),\n\
                [two\nlines](docs/page.md), `a/b.rs`, `a/gone.rs`, `b.rs`, `/`, `SECURITY.md`\n\
                [gone](gone.md), [no heading](docs/page.md#b), [site](https://example.org/c.md)\n\
                ```\n`a/b.rs` [gone](gone.md)\n```\n";
    let files = [
        ("README.md", page),
        ("CONTRIBUTING.md", ""),
        ("SECURITY.md", ""),
        ("ARCHITECTURE.md", "`a/b.rs` [b](b.rs)"),
        ("docs/page.md", "# A page\n[b](../a/b.rs) [b](a/b.rs) `a/b.rs`\n"),
        ("a/b.rs", ""),
        ("a/page.md", "`a/b.rs` [gone](gone.md)"),
    ];
    let expected = [
        "README.md: gone.md leads nowhere",
        "README.md: docs/page.md#b leads nowhere",
        "README.md: a/b.rs is no link",
        "README.md: SECURITY.md is no link",
        "ARCHITECTURE.md: b.rs leads nowhere",
        "CHANGELOG.md is missing",
        "docs/page.md: a/b.rs leads nowhere",
        "docs/page.md: a/b.rs is no link",
    ];
    assert_eq!(loose_ends(&Repository::of(&files)), expected);
}
