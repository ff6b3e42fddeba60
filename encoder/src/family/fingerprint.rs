//! The name of what one side of a model folder computes: a hash that changes whenever a vector
//! could.
//!
//! It covers the bytes of the graph (with weights kept in files beside it), of tables and of the
//! tokenizer. It covers every effective setting that shapes a vector, defaults written out. It does
//! not cover names of files or folders, nor the golden file: moving, renaming or testing a model
//! changes no vector. The documents' fingerprint is the model's, and an index is bound to it. How
//! queries are encoded is in the queries' own. (The length of queries is in both, as it always
//! was.)

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::EncodeError;
use crate::family::choices::{Activation, Batching, Pooling};
use crate::family::detect::GraphLayout;
use crate::family::detect::outputs::Second;
use crate::family::graph::OpenedGraph;
use crate::family::layout::Layout;
use crate::family::settings::sparse::{HeadTensors, Settings};
use crate::family::side::{Kind, OpenedSide};
use crate::files::regular;
use crate::session::pool::DROPPED_WEIGHT;
use crate::side::Side;
use crate::text::template::Template;
use crate::text::unit::Unit;

/// What both sides share.
pub(crate) struct Facts<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) graphs: &'a [OpenedGraph],
    /// The bytes of `tokenizer.json`.
    pub(crate) tokenizer: &'a [u8],
}

/// The settings that shape a vector, whatever the model.
#[derive(Debug, Clone, Copy)]
struct Shaping {
    pooling: Pooling,
    activation: Activation,
    batching: Batching,
    max_length: [usize; 2],
}

/// Returns `sha256:` and 64 hexadecimal digits.
///
/// Errors: `Read` when a file cannot be read. Cost: one pass over the files.
pub(crate) fn fingerprint(
    side: Side,
    opened: &OpenedSide,
    facts: &Facts<'_>,
) -> Result<String, EncodeError> {
    let Facts { settings, graphs, tokenizer } = facts;
    let mut files = Vec::new();
    let graph = match opened.kind {
        Kind::Graph(at) => Some(&graphs[at]),
        Kind::Table(_) => None,
    };
    if let Some(graph) = graph {
        files = graph_digests(&graph.file, &graph.weight_files)?;
    } else if let Some(table) = &opened.card.file {
        files.push(("table".to_owned(), digest_file(table)?));
    }
    files.push(("tokenizer".to_owned(), hex(&Sha256::digest(tokenizer))));
    let shaping = Shaping {
        pooling: opened.pooling,
        activation: opened.activation,
        batching: settings.batching,
        max_length: [settings.lengths.max.query, opened.card.max_length],
    };
    let mut text = canonical(&files, graph.map(|graph| &graph.layout), shaping);
    extend(&mut text, side, opened, facts)?;
    Ok(format!("sha256:{}", hex(&Sha256::digest(text))))
}

/// The text that is hashed: one `key value` line per fact, in this order. A later version of this
/// crate that computes other vectors from the same facts raises the number in the first line.
fn canonical(files: &[(String, String)], layout: Option<&GraphLayout>, shaping: Shaping) -> String {
    let Shaping { pooling, activation, batching, max_length: [query, document] } = shaping;
    let (pooling, activation, batching) = (pooling.name(), activation.name(), batching.name());
    let mut text = "gleaner-encoder 1\n".to_owned();
    for (name, digest) in files {
        text += &format!("{name} {digest}\n");
    }
    let kind = layout.map_or(Layout::Lookup, |layout| layout.layout).name();
    let output = layout.map_or("", |layout| &layout.output);
    text += &format!("layout {kind}\noutput {output}\npooling {pooling}\n");
    text += &format!("activation {activation}\nbatching {batching}\n");
    text += &format!("max_length.query {query}\nmax_length.document {document}\n");
    if let Some(HeadTensors { matrix, bias }) = layout.and_then(|layout| layout.head.as_ref()) {
        text += &format!("head.matrix {matrix}\nhead.bias {}\n", bias.as_deref().unwrap_or("-"));
    }
    text += &format!("dropped_weight {DROPPED_WEIGHT:e}\n");
    text
}

/// The facts that most models do not have, each only where it is not the default.
fn extend(
    text: &mut String,
    side: Side,
    opened: &OpenedSide,
    facts: &Facts<'_>,
) -> Result<(), EncodeError> {
    let (settings, card) = (facts.settings, &opened.card);
    match side {
        Side::Query => *text += &format!("side query\nmax_length {}\n", card.max_length),
        Side::Document => {}
    }
    match opened.kind {
        Kind::Table(_) => *text += &format!("encoder {}\n", card.encoder.name()),
        Kind::Graph(at) => {
            if let Some(second) = &facts.graphs[at].layout.second {
                *text += &format!("second_output {}\n", second.name());
                match second {
                    Second::Gates(_) => *text += &format!("gate {}\n", settings.gate),
                    Second::Ids(_) => {}
                }
            }
        }
    }
    if !is_plain(&card.template) {
        *text += &format!("template {:?}\n", card.template);
    }
    if card.lower_case {
        *text += "lower_case true\n";
    }
    let prune = &opened.prune;
    if !prune.is_nothing() {
        *text += &format!("prune {:?} {:?} {:?}\n", prune.ratio, prune.mass, prune.top_terms);
    }
    let terms = &settings.terms;
    match terms.unit {
        Unit::Token => {}
        Unit::Word => *text += "unit Word\n",
        Unit::Code => *text += "unit Code\n",
    }
    if let Some(names) = &terms.names {
        *text += &format!("names {} {:?}\n", digest_file(names)?, terms.first);
    }
    if let Some(count) = terms.count {
        *text += &format!("terms {count}\n");
    }
    if !terms.drop.is_empty() {
        *text += &format!("drop {:?}\n", terms.drop);
    }
    Ok(())
}

/// Whether the template that a card shows puts nothing around a text.
fn is_plain(template: &str) -> bool {
    template == String::from(Template::default())
}

/// The digests of a graph and of the files that hold its weights, of which it names some, each with
/// what the file is.
///
/// Errors: `Read` when a file cannot be read.
pub(crate) fn graph_digests(
    graph: &Path,
    named: &[(String, PathBuf)],
) -> Result<Vec<(String, String)>, EncodeError> {
    let mut digests = vec![("graph".to_owned(), digest_file(graph)?)];
    for (label, path) in all_weight_files(graph, named) {
        digests.push((format!("weights {label}"), digest_file(&path)?));
    }
    Ok(digests)
}

/// The files that hold a large graph's weights: those by the names that exporters use, by their
/// suffix, where they exist; then others that the graph names.
fn all_weight_files(graph: &Path, named: &[(String, PathBuf)]) -> Vec<(String, PathBuf)> {
    let mut files: Vec<(String, PathBuf)> = ["_data", ".data"]
        .into_iter()
        .filter_map(|suffix| {
            let mut name = graph.as_os_str().to_owned();
            name.push(suffix);
            let path = PathBuf::from(name);
            path.is_file().then_some((suffix.to_owned(), path))
        })
        .collect();
    let usual: Vec<PathBuf> = files.iter().map(|(_, path)| path.clone()).collect();
    let others = named.iter().filter(|(_, path)| !usual.contains(path)).cloned();
    files.extend(others);
    files
}

fn digest_file(path: &Path) -> Result<String, EncodeError> {
    let failed = |source| EncodeError::Read { path: path.to_owned(), source };
    let mut file = regular(path).and_then(|()| File::open(path)).map_err(failed)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hex(&hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashSet;

    use super::*;
    use crate::family::detect::inputs::Fixed;

    const SHAPING: Shaping = Shaping {
        pooling: Pooling::Max,
        activation: Activation::Log1pRelu,
        batching: Batching::Padded,
        max_length: [256, 256],
    };

    fn layout(layout: Layout, output: &str) -> GraphLayout {
        GraphLayout {
            layout,
            inputs: Vec::new(),
            fixed: Fixed::default(),
            output: output.to_owned(),
            second: None,
            columns: 1,
            head: None,
            is_single: false,
        }
    }

    fn headed(matrix: &str, bias: Option<&str>) -> GraphLayout {
        let (matrix, bias) = (matrix.to_owned(), bias.map(str::to_owned));
        GraphLayout { head: Some(HeadTensors { matrix, bias }), ..layout(Layout::Hidden, "logits") }
    }

    #[test]
    fn every_fact_changes_the_text() {
        let file = |name: &str, digest: &str| (name.to_owned(), digest.to_owned());
        let files = [file("graph", "00"), file("tokenizer", "11")];
        let logits = layout(Layout::Logits, "logits");
        let of = |shaping| canonical(&files, Some(&logits), shaping);
        let with = |files: &[(String, String)]| canonical(files, Some(&logits), SHAPING);
        let all = [
            of(SHAPING),
            of(Shaping { pooling: Pooling::Sum, ..SHAPING }),
            of(Shaping { pooling: Pooling::Graph, ..SHAPING }),
            of(Shaping { activation: Activation::Relu, ..SHAPING }),
            of(Shaping { activation: Activation::Binary, ..SHAPING }),
            of(Shaping { activation: Activation::Log1pLog1pRelu, ..SHAPING }),
            of(Shaping { batching: Batching::Single, ..SHAPING }),
            of(Shaping { max_length: [255, 256], ..SHAPING }),
            of(Shaping { max_length: [256, 255], ..SHAPING }),
            with(&[file("graph", "01"), file("tokenizer", "11")]),
            with(&[file("graph", "00"), file("tokenizer", "12")]),
            with(&[file("graph", "00"), file("weights _data", "22"), file("tokenizer", "11")]),
            canonical(&files, Some(&layout(Layout::Pooled, "logits")), SHAPING),
            canonical(&files, Some(&layout(Layout::Logits, "other")), SHAPING),
            canonical(&files, None, SHAPING),
            canonical(&files, Some(&headed("a", None)), SHAPING),
            canonical(&files, Some(&headed("a", Some("b"))), SHAPING),
            canonical(&files, Some(&headed("b", Some("b"))), SHAPING),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn names_do_not_change_a_digest() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.onnx"), folder.path().join("b.onnx"));
        for graph in [&a, &b] {
            std::fs::write(graph, b"graph").unwrap();
        }
        assert_eq!(digest_file(&a).unwrap(), digest_file(&b).unwrap());
    }

    /// Stored in every index: a change here orphans them all, so it must be meant.
    #[test]
    fn the_canonical_text_is_frozen() {
        let files = [("graph".to_owned(), "00".to_owned())];
        assert_eq!(
            canonical(&files, Some(&layout(Layout::Logits, "logits")), SHAPING),
            "gleaner-encoder 1\ngraph 00\nlayout logits\noutput logits\npooling max\n\
             activation log1p_relu\nbatching padded\nmax_length.query 256\n\
             max_length.document 256\ndropped_weight 1e-6\n"
        );
    }
}
