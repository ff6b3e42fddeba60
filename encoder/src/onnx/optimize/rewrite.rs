//! The settings of an optimized folder: those of the original, as far as they still hold.
//!
//! Works on the text, line by line, so that comments and what else was written stay as they are;
//! whether the outcome is right shows when the folder is opened and compared (`optimize.rs`).

use crate::family::choices::Activation;

/// What the new settings say of the graph, in place of what the old ones did.
pub(super) struct New<'a> {
    /// The graph's file.
    pub(super) graph: &'a str,
    /// What is done to logits, where the old graph did it.
    pub(super) activation: Option<Activation>,
    pub(super) matrix: &'a str,
    pub(super) bias: Option<&'a str>,
    /// The golden file as the folder names it, and its tolerance.
    pub(super) golden: Option<(&'a str, f32)>,
}

/// Tables that say what the old graph returned, or are written anew.
const TABLES: [&str; 3] = ["outputs", "head", "golden"];

/// The new settings: the old ones, but for what was true of the old graph only.
pub(super) fn rewritten(old: &str, new: &New<'_>) -> String {
    let mut text = format!("graph = {}\n", quoted(new.graph));
    let mut replaced = vec!["graph", "layout"];
    if let Some(activation) = new.activation {
        text += &format!("pooling = \"max\"\nactivation = \"{}\"\n", activation.name());
        replaced.extend(["pooling", "activation"]);
    }
    let mut table = "";
    for line in old.lines() {
        let trimmed = line.trim_start();
        if let Some(header) = trimmed.strip_prefix('[') {
            table = first(header.trim_start_matches('['));
        }
        let is_replaced = match table {
            "" => key(line).is_some_and(|key| replaced.contains(&key) || TABLES.contains(&key)),
            table => TABLES.contains(&table),
        };
        if !is_replaced || trimmed.starts_with('#') {
            text += &format!("{line}\n");
        }
    }
    if let Some((file, tolerance)) = new.golden {
        text += &format!("\n[golden]\nfile = {}\ntolerance = {tolerance:?}\n", quoted(file));
    }
    text += &format!("\n[head]\nmatrix = {}\n", quoted(new.matrix));
    if let Some(bias) = new.bias {
        text += &format!("bias = {}\n", quoted(bias));
    }
    text
}

/// The old settings as they are kept: with the graph named, because two lie in the folder now.
pub(super) fn kept(old: &str, graph: &str) -> String {
    let lines = old.lines().take_while(|line| !line.trim_start().starts_with('['));
    match lines.filter_map(key).any(|key| key == "graph") {
        true => old.to_owned(),
        false => format!("graph = {}\n{old}", quoted(graph)),
    }
}

/// The first part of the key that a line states: `outputs` of `outputs.weights = "x"`.
fn key(line: &str) -> Option<&str> {
    line.split_once('=').map(|(key, _)| first(key))
}

fn first(key: &str) -> &str {
    let part = key.split(['.', ']']).next().unwrap_or_default();
    part.trim().trim_matches(['"', '\''])
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            c if c.is_control() => quoted += &format!("\\u{:04x}", u32::from(c)),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
