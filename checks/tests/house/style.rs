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

/// The one file of the product that writes to stderr.
const STDERR: &str = "cli/src/io/stderr.rs";

/// Whether a text uses one of these macros, comments apart.
fn uses(text: &str, macros: &[&str]) -> bool {
    let code = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
    code.into_iter().any(|line| macros.iter().any(|name| line.contains(name)))
}

/// Files of libraries that print, and files of the product that print by macros which panic where
/// nothing can be written.
fn printing(repository: &Repository) -> Vec<&str> {
    let is_tested_code = |path: &str| !path.contains("tests") && !path.contains("examples/");
    let prints = |path: &str, text: &str| {
        let may_print = PRINTING.iter().any(|folder| path.starts_with(folder));
        // `print!(` is the end of all four of them.
        let panics = uses(text, &["print!(", "println!(", "dbg!("]);
        let writes_stderr = uses(text, &["io::stderr()"]) && path != STDERR;
        // The programs of `benches` and `checks` are run by hand, and are no product.
        let is_product = path.starts_with("cli/");
        match is_product {
            true => panics || writes_stderr && !text.contains("stderr().is_terminal()"),
            false => !may_print && (panics || writes_stderr),
        }
    };
    let files = repository.rust().filter(|(path, text)| is_tested_code(path) && prints(path, text));
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
fn only_programs_print_and_the_product_never_by_macros_that_panic() {
    assert_eq!(printing(&Repository::read()), Vec::<&str>::new());
    let prints = "fn a() {\n    println!(\"a\");\n}\n";
    let complains = "fn a() {\n    eprintln!(\"a\");\n}\n";
    let writes = "fn a() {\n    writeln!(io::stderr(), \"a\");\n}\n";
    let bad = Repository::of(&[
        ("a/src/lib.rs", prints),
        ("api/src/lib.rs", complains),
        ("benches/src/main.rs", prints),
        ("cli/src/commands/a.rs", complains),
        ("cli/src/commands/b.rs", writes),
        ("cli/src/io/stderr.rs", writes),
        ("cli/src/main.rs", prints),
        ("cli/src/quiet.rs", "// println!(\n"),
    ]);
    let found =
        ["a/src/lib.rs", "api/src/lib.rs", "cli/src/commands/a.rs", "cli/src/commands/b.rs"];
    assert_eq!(printing(&bad), [&found[..], &["cli/src/main.rs"]].concat());
}
