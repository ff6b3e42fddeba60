//! What `--help` says: its groups and examples, its length, and the page docs/cli.md.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::harness::{BINARY, Desk, ok, root, runtime_is_here, text};

/// Every command that has flags.
const COMMANDS: [&[&str]; 17] = [
    &["demo"],
    &["index"],
    &["search"],
    &["batch-search"],
    &["eval"],
    &["compare"],
    &["serve"],
    &["encode"],
    &["export"],
    &["model", "inspect"],
    &["model", "selftest"],
    &["model", "optimize"],
    &["model", "pull"],
    &["model", "list"],
    &["inspect"],
    &["doctor"],
    &["merge"],
];

fn help(command: &[&str], flag: &str) -> String {
    ok(&[command, &[flag]].concat())
}

/// The command lines under "Examples:".
fn examples(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Examples:").skip(1);
    let lines = lines.take_while(|line| line.starts_with("  "));
    let lines = lines.filter(|line| !line.starts_with("      "));
    lines.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_help_begins_with_the_commands_that_one_needs_first() {
    let help = ok(&["--help"]);
    let place = |word: &str| help.find(&format!("\n    {word} ")).unwrap();
    let order = ["demo", "index", "search", "batch-search", "eval", "compare", "serve", "encode"];
    let more = ["export", "model", "inspect", "doctor", "merge"];
    let places: Vec<usize> = order.into_iter().chain(more).map(place).collect();
    assert!(places.is_sorted(), "{help}");
    assert_eq!(examples(&help).len(), 3, "{help}");
    assert!(help.contains("GLEANER_ON_ERROR") && help.contains("docs/cli.md"), "{help}");
    assert_eq!(text(&crate::harness::run(&[]).stderr), ok(&["-h"]));
}

#[test]
fn short_help_is_short_and_long_help_has_all_examples() {
    for command in COMMANDS {
        let (short, long) = (help(command, "-h"), help(command, "--help"));
        assert!(short.lines().count() < long.lines().count(), "{command:?}");
        assert_eq!(examples(&short).len(), 1, "{short}");
        assert!(!examples(&long).is_empty(), "{long}");
        assert!(!long.contains("[env:") && !long.contains("GLEANER_"), "{long}");
        let usage = long.find("Usage:").unwrap();
        let after = long.find("Examples:").unwrap();
        assert!(usage < after && after < long.rfind("Help:").unwrap(), "{long}");
    }
}

#[test]
fn the_page_of_the_command_line_is_what_the_program_says() {
    let page = fs::read_to_string(root().join("docs/cli.md")).unwrap_or_default();
    assert!(
        page == ok(&["reference"]),
        "docs/cli.md is not what the program says; write it again: gleaner reference > docs/cli.md"
    );
}

/// Runs an example in a folder where `gleaner` and `data` are found.
fn run_example(line: &str, folder: &Path) {
    let path = Path::new(BINARY).parent().unwrap().to_str().unwrap().to_owned();
    let path = format!("{path}:{}", std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", line]).env("PATH", path).current_dir(folder).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
}

#[test]
fn the_examples_work() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    std::os::unix::fs::symlink(root().join("data"), desk.folder().join("data")).unwrap();
    for command in COMMANDS {
        // The server does not end, and nothing is fetched here.
        if matches!(command, ["serve"] | ["model", "pull"]) {
            continue;
        }
        for line in examples(&help(command, "--help")) {
            run_example(&line, desk.folder());
        }
    }
    for line in examples(&ok(&["--help"])) {
        run_example(&line, desk.folder());
    }
    let mut server = crate::harness::gleaner(&["serve", "--data", ".", "--addr", "127.0.0.1:0"])
        .current_dir(desk.folder())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(server.try_wait().unwrap().is_none(), "serve goes on");
    server.kill().unwrap();
    server.wait().unwrap();
}
