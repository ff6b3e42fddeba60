//! How a source file looks: its opening, the lengths of its functions, what it prints.
//!
//! Names and words are judged by people.

use crate::sources::Repository;

const FUNCTION_LINES_LIMIT: usize = 70;

/// Crates with programs, which print.
const PRINTING: [&str; 3] = ["cli/", "benches/", "checks/"];

/// Files that do not open by saying what they hold.
fn undocumented(repository: &Repository) -> Vec<&str> {
    repository.rust().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path).collect()
}

/// Functions of a text as (line, length), by indentation: rustfmt makes that reliable.
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

fn long_functions(repository: &Repository) -> Vec<String> {
    let mut long = Vec::new();
    for (path, text) in repository.rust() {
        let functions = functions(text).into_iter();
        let functions = functions.filter(|(_, length)| *length > FUNCTION_LINES_LIMIT);
        long.extend(functions.map(|(line, length)| format!("{path}:{line} has {length} lines")));
    }
    long
}

/// Files of libraries that print.
fn printing(repository: &Repository) -> Vec<&str> {
    let is_library = |path: &str| {
        let is_printing = PRINTING.iter().any(|folder| path.starts_with(folder));
        !is_printing && !path.contains("tests") && !path.contains("examples/")
    };
    let prints = |text: &str| {
        text.lines().any(|line| {
            let line = line.trim_start();
            !line.starts_with("//")
                && ["print!(", "println!(", "dbg!("].iter().any(|print| line.contains(print))
        })
    };
    let files = repository.rust().filter(|(path, text)| is_library(path) && prints(text));
    files.map(|(path, _)| path).collect()
}

#[test]
fn every_file_opens_with_its_purpose() {
    assert_eq!(undocumented(&Repository::read()), Vec::<&str>::new());
    let bad = Repository::of(&[("a/src/lib.rs", "use a::b;"), ("a/src/b.rs", "//! B.")]);
    assert_eq!(undocumented(&bad), ["a/src/lib.rs"]);
}

#[test]
fn functions_are_short() {
    assert_eq!(long_functions(&Repository::read()), Vec::<String>::new());
    assert_eq!(functions("    fn a() {\n        b();\n    }\n"), [(1, 3)]);
    let long = format!("\npub fn a() {{\n{}}}\n", "    b();\n".repeat(69));
    let bad = Repository::of(&[("a.rs", &long)]);
    assert_eq!(long_functions(&bad), ["a.rs:2 has 71 lines"]);
}

#[test]
fn libraries_do_not_print() {
    assert_eq!(printing(&Repository::read()), Vec::<&str>::new());
    let text = "fn a() {\n    println!(\"a\");\n}\n";
    let bad = Repository::of(&[("a/src/lib.rs", text), ("cli/src/main.rs", text)]);
    assert_eq!(printing(&bad), ["a/src/lib.rs"]);
}
