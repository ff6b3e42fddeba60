//! `gleaner reference`: the page docs/cli.md, written from the declaration of the command line.
//!
//! A test compares the page with what is printed here.

use std::{collections::BTreeMap, fmt::Write as _, io::Write as _};

use clap::{Arg, Command};

use crate::{
    args::{Example, GROUPS, command, examples, variable},
    io::output::stdout,
};

const OPENING: &str = r#"# The command line

This page lists all commands, their flags and the variables of the flags. `gleaner reference` prints it, and a test
fails when the page differs. To write it again: `gleaner reference > docs/cli.md`.

`gleaner --help` shows the commands. `gleaner COMMAND --help` explains one command, and `-h` shows it in short. All
examples work in the folder of the repository, in this order. In the column "default", *off* stands for a
switch, and *none* says that nothing is set.

| exit code | meaning |
|---|---|
| 0 | The command succeeded. |
| 1 | The command failed. |
| 2 | The command line is wrong, or a value in it. |
| 3 | The input is rejected. |
| 4 | The index is damaged. |
| 5 | A condition of `--fail-if` is true. |
| 130 | The command was interrupted. |
"#;

const VARIABLES: &str = "
## Variables

Every flag can be set by a variable of the environment, too. A flag of the command line wins over its variable. A
switch is on with `true` and off with `false`.

Set a variable for one command: `GLEANER_K=5 gleaner search …`. An exported variable reaches all commands that have
the flag. `--json` is a switch of `search` and a file of `eval`, and both read `GLEANER_JSON`.

| flag | variable | commands |
|---|---|---|
";

/// `gleaner reference`
pub(crate) fn run() -> anyhow::Result<()> {
    let mut out = stdout();
    out.write_all(page(&command()).as_bytes())?;
    Ok(out.flush()?)
}

/// The whole page.
fn page(all: &Command) -> String {
    let (mut page, mut twins) = (OPENING.to_owned(), BTreeMap::new());
    for name in GROUPS.iter().flat_map(|(_, names)| *names) {
        if let Some(command) = all.find_subcommand(name) {
            section(&mut page, command, &format!("gleaner {name}"), &mut twins);
        }
    }
    page += VARIABLES;
    for (long, commands) in twins {
        let _ =
            writeln!(page, "| {} | `{}` | {} |", flag(&long), variable(&long), commands.join(", "));
    }
    page
}

/// A command, and those below it.
fn section(
    page: &mut String,
    command: &Command,
    path: &str,
    twins: &mut BTreeMap<String, Vec<String>>,
) {
    let about = command.get_about().map_or_else(String::new, ToString::to_string);
    let _ = write!(page, "\n## {path}\n\n{about}.\n");
    let mut below = command.get_subcommands().peekable();
    if below.peek().is_some() {
        for command in below {
            section(page, command, &format!("{path} {}", command.get_name()), twins);
        }
        return;
    }
    let usage = command.clone().bin_name(path).render_usage().to_string();
    let _ = write!(page, "\n```text\n{usage}\n```\n\n");
    for Example { line, does } in examples(path) {
        let _ = writeln!(page, "- `{line}` {does}.");
    }
    for (heading, args) in headings(command) {
        let _ = write!(page, "\n### {heading}\n\n| flag | meaning | default |\n|---|---|---|\n");
        for arg in args {
            let _ = writeln!(page, "{}", row(arg));
            if let Some(long) = arg.get_long() {
                let commands = twins.entry(long.to_owned()).or_default();
                commands.push(path.trim_start_matches("gleaner ").to_owned());
            }
        }
    }
}

/// The flags of a command under their headings, in the order of the help.
fn headings(command: &Command) -> Vec<(&str, Vec<&Arg>)> {
    let mut found: Vec<(&str, Vec<&Arg>)> = Vec::new();
    let shown = |arg: &&Arg| !arg.is_hide_set() && arg.get_id() != "help";
    for arg in command.get_arguments().filter(shown) {
        let heading = arg.get_help_heading().unwrap_or("Arguments");
        match found.iter_mut().find(|(of, _)| *of == heading) {
            Some((_, args)) => args.push(arg),
            None => found.push((heading, vec![arg])),
        }
    }
    found
}

/// `| --flag VALUE | what it does | its default |`
fn row(arg: &Arg) -> String {
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map_or_else(String::new, ToString::to_string);
    let mut help = help.replace("\n\n", " ");
    let mut default = defaults(arg);
    // The default of a flag without a value of its own is part of its help.
    if let Some((start, end)) =
        help.find(" [default: ").and_then(|start| Some((start, help[start..].find(']')?)))
    {
        default = help[start + " [default: ".len()..start + end].to_owned();
        help.replace_range(start..=start + end, "");
    }
    if !help.ends_with(['.', '…']) {
        help.push('.');
    }
    let help = escaped(&help) + &choices(arg);
    let values = arg.get_value_names().filter(|_| arg.get_action().takes_values());
    let value = values.and_then(|values| values.first()).map_or("", |value| value.as_str());
    let shown = match arg.get_long() {
        Some(long) if value.is_empty() => flag(long),
        Some(long) => format!("{} `{value}`", flag(long)),
        None => format!("`{value}`"),
    };
    format!("| {} | {help} | {} |", escaped(&shown), escaped(&default))
}

fn defaults(arg: &Arg) -> String {
    let values = arg.get_default_values().iter().map(|value| value.to_string_lossy());
    match values.collect::<Vec<_>>().join(" ") {
        _ if !arg.get_action().takes_values() => "off".to_owned(),
        none if none.is_empty() && arg.is_required_set() => "required".to_owned(),
        none if none.is_empty() => "none".to_owned(),
        values => format!("`{values}`"),
    }
}

/// The values that a flag may have, with what they mean.
fn choices(arg: &Arg) -> String {
    if !arg.get_action().takes_values() {
        return String::new();
    }
    let mut text = String::new();
    for value in arg.get_possible_values() {
        let _ = write!(text, "<br>`{}`", value.get_name());
        if let Some(help) = value.get_help() {
            let _ = write!(text, ": {}", escaped(&help.to_string()));
        }
    }
    text
}

/// A flag as it is typed.
fn flag(long: &str) -> String {
    if long == "k" { "`-k`".to_owned() } else { format!("`--{long}`") }
}

/// A cell of a table.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
