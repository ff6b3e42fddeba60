//! Files import each other in one direction: no circle of imports has more than 3 files.
//!
//! A circle is a strongly connected component of the graph of files of one crate, tests left out.
//! An edge is a path from one file that leads into another; `mod name;` alone is none. A method that is
//! called on a value names no path, so a circle through methods alone is not seen here.

use std::collections::{BTreeMap, BTreeSet};

use crate::{modules::Modules, sources::Repository};

const FILES_LIMIT: usize = 3;

/// Of each file, the files it imports from, and one path as an example.
type Imports = BTreeMap<String, BTreeMap<String, String>>;

fn imports(modules: &Modules) -> Imports {
    let mut imports = Imports::new();
    for (number, module) in modules.all.iter().enumerate().filter(|(_, module)| !module.is_test) {
        let from = imports.entry(module.file.clone()).or_default();
        for path in &module.paths {
            let Some(target) = modules.target(number, path) else { continue };
            let target = &modules.all[target].file;
            if *target != module.file {
                from.entry(target.clone()).or_insert_with(|| path.join("::"));
            }
        }
    }
    imports
}

/// Files that can be reached from a file, in one step or more.
fn reached<'a>(imports: &'a Imports, from: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for target in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(target.as_str()) {
                open.push(target);
            }
        }
    }
    reached
}

/// Circles of several files, the largest first.
fn circles(imports: &Imports) -> Vec<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (file.as_str(), reached(imports, file))).collect();
    let circle_of = |file: &&str| -> BTreeSet<&str> {
        let there = reached[file].iter().copied();
        there.filter(|other| reached.get(other).is_some_and(|back| back.contains(file))).collect()
    };
    let circles: BTreeSet<BTreeSet<&str>> = reached.keys().map(circle_of).collect();
    let mut circles: Vec<_> = circles.into_iter().filter(|circle| circle.len() > 1).collect();
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

/// Circles that are too large, with the imports that make them.
fn large_circles(repository: &Repository) -> Vec<String> {
    let mut large = Vec::new();
    for folder in repository.crates() {
        let imports = imports(&Modules::read(repository, &folder));
        for circle in circles(&imports).into_iter().filter(|circle| circle.len() > FILES_LIMIT) {
            let mut lines = vec![format!("{folder}: a circle of {} files", circle.len())];
            for file in &circle {
                let within = imports[*file].iter().filter(|(to, _)| circle.contains(to.as_str()));
                let within = within.map(|(to, path)| format!("{} ({path})", short(to, &folder)));
                let within: Vec<String> = within.collect();
                lines.push(format!("    {} → {}", short(file, &folder), within.join(", ")));
            }
            large.push(lines.join("\n"));
        }
    }
    large
}

fn short<'a>(file: &'a str, folder: &str) -> &'a str {
    file.strip_prefix(folder).and_then(|file| file.strip_prefix("/src/")).unwrap_or(file)
}

#[test]
fn no_circle_of_imports_is_large() {
    let large = large_circles(&Repository::read());
    assert!(large.is_empty(), "{}", large.join("\n"));
}

/// The circles of a made-up crate, file names without folder and ending.
fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
    let files: Vec<(String, &str)> =
        files.iter().map(|(path, text)| (format!("a/src/{path}.rs"), *text)).collect();
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let imports = imports(&Modules::read(&Repository::of(&files), "a"));
    let name = |file: &&str| short(file, "a").trim_end_matches(".rs").to_owned();
    circles(&imports).iter().map(|circle| circle.iter().map(name).collect()).collect()
}

#[test]
fn a_large_circle_is_found() {
    let chain = [
        ("a/Cargo.toml", ""),
        ("a/src/lib.rs", "mod b; mod c; mod d; mod e; mod f;"),
        ("a/src/b.rs", "use crate::c::C;"),
        ("a/src/c.rs", "use crate::{d, f::F};"),
        ("a/src/d.rs", "fn d() { crate::e::e(); }"),
        ("a/src/e.rs", "fn e() { println!(\"{}\", super::b::NAME); }"),
        ("a/src/f.rs", "use std::fs::File;"),
    ];
    let found = large_circles(&Repository::of(&chain));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("a: a circle of 4 files\n    b.rs → c.rs (crate::c::C)\n"));
    // Without one link of the chain, nothing is left.
    let open = chain.iter().filter(|file| file.0 != "a/src/e.rs").copied();
    let open: Vec<_> = open.chain([("a/src/e.rs", "fn e() {}")]).collect();
    assert_eq!(large_circles(&Repository::of(&open)), Vec::<String>::new());
}

#[test]
fn every_kind_of_path_is_an_import() {
    let to_c = [
        "use crate::c::C;",
        "pub use super::c::{self, C as D};",
        "use super::c as other; fn b() { other::c() }",
        "use crate::*; fn b() { c::c() }",
        "fn b(c: crate::c::C) {}",
        "fn b() { let x: Vec<super::c::C> = Vec::new(); }",
        "fn b() { assert!(vec![super::c::c()].is_empty()); }",
        "#[serde(with = \"crate::c\")] struct B;",
        "macro_rules! b { () => { $crate::c::c() } }",
        "mod inner { use super::super::c::C; }",
        "impl crate::c::T for B {}",
    ];
    for text in to_c {
        let found = circles_of(&[("lib", "mod b; mod c;"), ("b", text), ("c", "use crate::b::B;")]);
        // A glob of the root imports from the root, too, which imports from nobody.
        assert_eq!(found, [["b", "c"]], "{text}");
    }
}

#[test]
fn what_a_parent_re_exports_is_the_parent_s() {
    let parent = "mod d; mod e; pub use d::D;";
    let found = |d: &str| circles_of(&[("lib", "mod c;"), ("c", parent), ("c/d", d), ("c/e", "")]);
    assert_eq!(found("use super::D;"), [["c", "c/d"]]);
    assert_eq!(found("use crate::c::D;"), [["c", "c/d"]]);
    assert_eq!(found("use super::e::E;"), Vec::<Vec<String>>::new());
    let root = |b: &str| circles_of(&[("lib", "mod b; pub use b::B;"), ("b", b)]);
    assert_eq!(root("use crate::B;"), [["b", "lib"]]);
    assert_eq!(root("pub(crate) struct B;"), Vec::<Vec<String>>::new());
}

#[test]
fn tests_and_variables_import_nothing() {
    let quiet = [
        "#[cfg(test)] mod tests { use super::super::c::C; }",
        "#[cfg(test)] use crate::c::C;",
        "impl B { #[cfg(test)] fn b() { crate::c::c() } }",
        "fn b() { let c = 1; drop(c); x.c::<u8>(); ::c::d(); }",
        "/// See `crate::c::C`.\nfn b() {}",
    ];
    for text in quiet {
        let found = circles_of(&[("lib", "mod b; mod c;"), ("b", text), ("c", "use crate::b::B;")]);
        assert_eq!(found, Vec::<Vec<String>>::new(), "{text}");
    }
}

#[test]
fn modules_with_a_path_of_their_own_are_followed() {
    let lib = "#[path = \"elsewhere/other.rs\"] mod b; pub use b::B;";
    let found = circles_of(&[("lib", lib), ("elsewhere/other", "use crate::X;")]);
    assert_eq!(found, [["elsewhere/other", "lib"]]);
}

#[test]
#[should_panic(expected = "no module leads to a/src/lost.rs")]
fn files_that_no_module_leads_to_are_refused() {
    circles_of(&[("lib", "mod b;"), ("b", ""), ("lost", "")]);
}
