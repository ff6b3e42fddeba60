//! Mistakes of the command line in our words: what is wrong, where, and what to write instead.
//!
//! clap finds the mistakes; none of its sentences is shown. `other_names` knows what other programs
//! call our flags and commands.

mod other_names;

use std::error::Error;

use clap::{
    Arg, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::args::{examples, variable};
use other_names::{command_of, flags_of};

/// Said where a text of the command line is no input.
const ENCODE_READS: &str = "it reads texts from a file or from stdin: \
     echo '{\"_id\": \"1\", \"text\": \"a text\"}' | gleaner encode --model DIR --input -";
const NO_QUERY: &str = "gleaner search needs a text to search for: gleaner search --index DIR \
     \"your question\". In place of a text, give a vector with --tokens or --dense-vector, or the id of \
     a document with --like";
const WHICH_RUN: &str = "gleaner eval needs --index DIR, the index to search; --run FILE writes a run. To \
     measure a run that is there already, give --from-run FILE in place of --run FILE";

/// Flags that say nothing without another one.
const NEED: [(&str, &str); 4] = [
    ("--dense-storage", "--dense-model"),
    ("--dense-metric", "--dense-model"),
    ("--window", "--long"),
    ("--overlap", "--long"),
];

/// Why two flags exclude each other, and what to do.
const CONFLICTS: [(&str, &str, &str); 9] = [
    (
        "--from-run",
        "--index",
        "--from-run measures a run and searches no index. Leave one of them out; to write a run, give \
         --run FILE",
    ),
    (
        "--from-run",
        "--rank",
        "--from-run measures a run, whose order is fixed. Leave --rank out, or search with --index DIR",
    ),
    ("--qrels", "--dataset", "both name the judgements. Leave one of them out"),
    ("--like", "TEXT", "--like searches for a document in place of a text. Leave one of them out"),
    (
        "--like",
        "--tokens",
        "--like searches for a document in place of a vector. Leave one of them out",
    ),
    (
        "--like",
        "--dense-vector",
        "--like searches for a document in place of a vector. Leave one of them out",
    ),
    (
        "--dense",
        "--format",
        "--dense writes JSON lines and has no other format. Leave --format out",
    ),
    ("--dense", "--ids", "--dense writes the ids beside the vectors. Leave --ids out"),
    ("--provenance", "--format", "--provenance has a format of its own. Leave --format out"),
];

/// A mistake in our words, and where the help is.
pub(super) fn in_plain_words(error: &clap::Error, command: &Command, words: &[String]) -> String {
    let line = Line::of(command, words);
    format!("{}\nsee: {} --help", line.mistake(error), line.path)
}

/// The command that was called, and the words of the call.
struct Line<'a> {
    command: &'a Command,
    /// Such as `gleaner model list`.
    path: String,
    words: &'a [String],
    all: &'a Command,
}

impl<'a> Line<'a> {
    fn of(all: &'a Command, words: &'a [String]) -> Self {
        let (mut command, mut path) = (all, "gleaner".to_owned());
        for word in words {
            let Some(below) = command.find_subcommand(word) else { break };
            command = below;
            path = format!("{path} {word}");
        }
        Self { command, path, words, all }
    }

    fn mistake(&self, error: &clap::Error) -> String {
        let arg = context(error, ContextKind::InvalidArg).into_iter().next().unwrap_or_default();
        let value = first(error, ContextKind::InvalidValue);
        match error.kind() {
            ErrorKind::UnknownArgument => {
                self.unknown(&arg, first(error, ContextKind::SuggestedArg))
            }
            ErrorKind::InvalidSubcommand => {
                let name = first(error, ContextKind::InvalidSubcommand);
                self.unknown_command(&name, &context(error, ContextKind::SuggestedSubcommand))
            }
            ErrorKind::MissingRequiredArgument => {
                self.missing(&context(error, ContextKind::InvalidArg))
            }
            ErrorKind::ArgumentConflict => {
                self.conflict(&arg, &context(error, ContextKind::PriorArg))
            }
            ErrorKind::ValueValidation => {
                let reason = error.source().map_or_else(String::new, ToString::to_string);
                format!("{} {}: {reason}", self.place(&arg), quoted(&value))
            }
            ErrorKind::InvalidValue if value.is_empty() && !self.is_in_variable(&arg) => {
                format!("{} needs a value: {}", name(&arg), with_value(&arg))
            }
            ErrorKind::InvalidValue => self.no_choice(error, &arg, &value),
            ErrorKind::TooManyValues => {
                let flag = name(&arg);
                format!("{flag} is a switch and takes no value; leave out ={value}")
            }
            ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => match self.path.as_str() {
                "gleaner compare" => {
                    "gleaner compare needs two runs or more, RUN RUN; the first is the baseline"
                        .to_owned()
                }
                _ => format!("{} needs more values: {}", name(&arg), with_value(&arg)),
            },
            ErrorKind::InvalidUtf8 => "a word of the command line is not UTF-8".to_owned(),
            _ => format!("the call of {} is not understood", self.path),
        }
    }

    /// A flag, or its variable where the command line does not have the flag.
    fn place(&self, arg: &str) -> String {
        match self.is_in_variable(arg) {
            true => format!("{} (the variable of {})", variable(long(arg)), name(arg)),
            false => name(arg),
        }
    }

    /// Whether a flag has its value from the environment.
    fn is_in_variable(&self, arg: &str) -> bool {
        let is_it = |arg_of: &&Arg| arg_of.get_long() == Some(long(arg));
        let Some(found) = self.command.get_arguments().find(is_it) else { return false };
        let short = found.get_short().map(|short| format!("-{short}"));
        let names: Vec<&str> =
            found.get_all_aliases().unwrap_or_default().into_iter().chain([long(arg)]).collect();
        let is_said = |word: &String| {
            let is_short = short.as_ref().is_some_and(|short| word.starts_with(&short[..]));
            is_short || names.iter().any(|name| is_flag(word, &format!("--{name}")))
        };
        !self.words.iter().any(is_said)
    }

    fn has(&self, flag: &str) -> bool {
        has(self.command, flag)
    }

    fn no_choice(&self, error: &clap::Error, arg: &str, value: &str) -> String {
        let choices = context(error, ContextKind::ValidValue).join(", ");
        if choices.is_empty() {
            return format!("{} is empty; give a value: {}", self.place(arg), with_value(arg));
        }
        let near = context(error, ContextKind::SuggestedValue);
        let near = near.last().map_or_else(String::new, |near| format!("; {near} is the nearest"));
        format!("{} {}: give one of {choices}{near}", self.place(arg), quoted(value))
    }

    /// A flag or a word that the command does not have.
    fn unknown(&self, arg: &str, near: String) -> String {
        let path = &self.path;
        if !arg.starts_with('-') {
            return match path.as_str() {
                "gleaner encode" => format!("gleaner encode takes no text {arg:?}; {ENCODE_READS}"),
                "gleaner index" => {
                    format!("{path} takes no word {arg:?}; inputs stand behind --input")
                }
                _ if self.has("--index") => {
                    format!(
                        "{path} takes no word {arg:?}; every value stands behind its flag, such as --index DIR"
                    )
                }
                _ => format!("{path} takes no word {arg:?}"),
            };
        }
        if path == "gleaner search" && ["--query", "--text", "-q"].contains(&arg) {
            return format!(
                "{path} has no flag {arg}; the text stands without a flag: {path} --index DIR \"your question\""
            );
        }
        let ours = flags_of(arg).iter().find_map(|flag| self.usage_of(flag));
        let remedy = match ours {
            Some(flag) => format!("give {flag}"),
            None if !near.is_empty() => format!("{near} is the nearest"),
            None => match self.commands_with(arg) {
                found if !found.is_empty() => format!("it is a flag of {}", found.join(", ")),
                _ if path == "gleaner search" => {
                    format!(
                        "a text that begins with a dash stands behind --: {path} --index DIR -- {}",
                        quoted(arg)
                    )
                }
                _ => "the help lists its flags".to_owned(),
            },
        };
        format!("{path} has no flag {arg}; {remedy}")
    }

    /// How a flag of this command is written with its value.
    fn usage_of(&self, flag: &str) -> Option<String> {
        let is_it = |arg: &&Arg| arg.get_long() == Some(flag);
        let arg = self.command.get_arguments().find(is_it)?;
        let name = if flag == "k" { "-k".to_owned() } else { format!("--{flag}") };
        let values = arg.get_value_names().filter(|_| arg.get_action().takes_values());
        Some(match values.and_then(|values| values.first()) {
            Some(value) => format!("{name} {value}"),
            None => name,
        })
    }

    fn commands_with(&self, flag: &str) -> Vec<String> {
        let commands = self.all.get_subcommands().filter(|command| has(command, flag));
        commands.map(|command| format!("gleaner {}", command.get_name())).collect()
    }

    fn unknown_command(&self, name: &str, near: &[String]) -> String {
        let path = &self.path;
        let remedy = match (command_of(name).filter(|_| path == "gleaner"), near.last()) {
            (Some(ours), _) => format!("the command is `gleaner {ours}`"),
            (None, Some(near)) => format!("the nearest is `{path} {near}`"),
            (None, None) => {
                let shown = self.command.get_subcommands().filter(|command| !command.is_hide_set());
                let names: Vec<&str> = shown.map(Command::get_name).collect();
                format!("the commands are {}", names.join(", "))
            }
        };
        format!("there is no command `{path} {name}`; {remedy}")
    }

    fn missing(&self, missing: &[String]) -> String {
        let is_on_line = |flag: &str| self.words.iter().any(|word| is_flag(word, flag));
        let lacks = |flag: &str| missing.iter().any(|arg| name(arg) == flag);
        let path = &self.path;
        if let Some((flag, other)) =
            NEED.iter().find(|(flag, other)| is_on_line(flag) && lacks(other))
        {
            let other = self.usage_of(&other[2..]).unwrap_or_default();
            return format!("{flag} is for {other}, which is missing; give both, or neither");
        }
        if path == "gleaner eval" && lacks("--index") && is_on_line("--run") {
            return WHICH_RUN.to_owned();
        }
        if path == "gleaner search" && lacks("TEXT") && !lacks("--index") {
            return NO_QUERY.to_owned();
        }
        let mut needs: Vec<String> = missing.iter().map(|arg| with_value(arg)).collect();
        needs.dedup();
        let mut said = format!("{path} needs {}", needs.join(" and "));
        match path.as_str() {
            "gleaner eval" if lacks("--index") => {
                said += ", the index to search; or --from-run FILE, a run to measure";
            }
            "gleaner compare" if lacks("--qrels") => said += ", or --dataset DIR",
            "gleaner export" if lacks("--format") => said += ", or --dense FIELD",
            _ => {}
        }
        match examples(path).first() {
            Some(example) => format!("{said}. For example: {}", example.line),
            None => said,
        }
    }

    fn conflict(&self, arg: &str, prior: &[String]) -> String {
        let (flag, others): (_, Vec<String>) =
            (name(arg), prior.iter().map(|arg| name(arg)).collect());
        if others.contains(&flag) {
            return format!("{flag} is given twice; give it once");
        }
        let reason = CONFLICTS.iter().find(|(one, two, _)| {
            others
                .iter()
                .any(|other| (flag == *one && other == two) || (flag == *two && other == one))
        });
        match reason {
            Some((one, two, why)) => format!("{one} and {two} cannot stand together: {why}"),
            None => {
                let others = others.join(", ");
                format!("{flag} and {others} cannot stand together; leave one of them out")
            }
        }
    }
}

/// Whether a command has a flag, by any of its names.
fn has(command: &Command, flag: &str) -> bool {
    let is_it = |arg: &Arg| {
        let names = arg.get_long_and_visible_aliases().unwrap_or_default();
        names.iter().any(|name| flag.strip_prefix("--") == Some(name))
    };
    command.get_arguments().any(is_it)
}

/// Whether a word is this flag, with or without a value.
fn is_flag(word: &str, flag: &str) -> bool {
    let rest = word.strip_prefix(flag);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// `--index` of `--index <DIR>`, `TEXT` of `[TEXT]...`; `k` has one letter only.
fn name(arg: &str) -> String {
    let name = arg.split([' ', '=']).next().unwrap_or_default();
    match name {
        "--k" => "-k".to_owned(),
        name => name.trim_matches(['<', '>', '[', ']', '.']).to_owned(),
    }
}

/// `index` of `--index <DIR>`.
fn long(arg: &str) -> &str {
    arg.split([' ', '=']).next().unwrap_or_default().trim_start_matches('-')
}

/// `--index DIR` of `--index <DIR>`.
fn with_value(arg: &str) -> String {
    let arg = arg.replace("--k ", "-k ").replace("...", "");
    arg.replace(['<', '>', '[', ']'], "")
}

/// A value as it would be typed.
fn quoted(value: &str) -> String {
    match value.is_empty() || value.contains(char::is_whitespace) {
        true => format!("{value:?}"),
        false => value.to_owned(),
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

fn first(error: &clap::Error, kind: ContextKind) -> String {
    context(error, kind).into_iter().next().unwrap_or_default()
}
