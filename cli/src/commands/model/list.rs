//! `gleaner model list`: the model folders in a folder, without opening any.
//!
//! A folder with a `tokenizer.json` or a `modules.json` is taken for a model; whether it can be used,
//! and what it computes, `model inspect` says.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde::Serialize;

use crate::{args::ModelListArgs, io::output::stdout};

/// How deep a graph may lie: exporters put it into `onnx/`, which may be in a step's folder.
const GRAPH_DEPTH: usize = 3;
/// A folder that has one of these is taken for a model.
const MARKS: [&str; 2] = ["tokenizer.json", "modules.json"];

#[derive(Serialize)]
struct ListedModel {
    name: String,
    folder: PathBuf,
    /// Relative to the folder.
    graphs: Vec<String>,
    graph_bytes: u64,
    /// Whether the folder states settings of its own.
    has_settings: bool,
    /// Whether a pull into it has not ended.
    is_incomplete: bool,
}

/// `gleaner model list`
pub(super) fn run(args: &ModelListArgs) -> anyhow::Result<()> {
    let models = find(&args.folder)?;
    let mut out = stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&models)?)?;
        return Ok(out.flush()?);
    }
    if models.is_empty() {
        say!("no model in {}", args.folder.display());
    }
    for model in &models {
        let ListedModel { name, graphs, graph_bytes, .. } = model;
        let what = match (model.is_incomplete, graphs.is_empty()) {
            (true, _) => "incomplete: `gleaner model pull` goes on".to_owned(),
            (_, true) => "no ONNX graph".to_owned(),
            _ => format!("{} ({:.1} MB)", graphs.join(", "), *graph_bytes as f64 / 1e6),
        };
        writeln!(out, "{name:<32} {what}")?;
    }
    Ok(out.flush()?)
}

fn find(folder: &Path) -> anyhow::Result<Vec<ListedModel>> {
    let failed = || format!("cannot list {}", folder.display());
    let mut models = Vec::new();
    for entry in fs::read_dir(folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            continue;
        };
        let pulled = name.strip_prefix('.').and_then(|name| name.strip_suffix(".pull"));
        let is_marked = MARKS.iter().any(|mark| path.join(mark).is_file());
        if !path.is_dir() || pulled.is_none() && !is_marked {
            continue;
        }
        let mut graphs = Vec::new();
        find_graphs(&path, "", GRAPH_DEPTH, &mut graphs);
        graphs.sort();
        let size = |graph: &String| fs::metadata(path.join(graph)).map_or(0, |file| file.len());
        models.push(ListedModel {
            name: pulled.unwrap_or(&name).to_owned(),
            graph_bytes: graphs.iter().map(size).sum(),
            graphs,
            has_settings: path.join("gleaner.toml").is_file(),
            is_incomplete: pulled.is_some(),
            folder: path,
        });
    }
    models.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(models)
}

/// Graphs below a folder, by their path in it. What cannot be read has none.
fn find_graphs(folder: &Path, prefix: &str, depth: usize, graphs: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder.join(prefix)) else { return };
    for entry in entries.flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() && depth > 1 {
            find_graphs(folder, &format!("{name}/"), depth - 1, graphs);
        } else if name.ends_with(".onnx") {
            graphs.push(name);
        }
    }
}
