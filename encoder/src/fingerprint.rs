//! The name of what a model folder computes: a hash that changes whenever a vector could.
//!
//! It covers the bytes of the graph (with weights kept in files beside it) and of the tokenizer,
//! and every effective setting that shapes a vector, defaults written out. It does not cover names
//! of files or folders, nor the golden file: moving, renaming or testing a model changes no vector.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::EncodeError;
use crate::layout::{GraphLayout, Layout};
use crate::pool::DROPPED_WEIGHT;
use crate::settings::{Activation, Batching, HeadTensors, MaxLength, Pooling};

/// The settings that shape a vector.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shaping {
    pub(crate) pooling: Pooling,
    pub(crate) activation: Activation,
    pub(crate) batching: Batching,
    pub(crate) max_length: MaxLength,
}

/// Returns `sha256:` and 64 hexadecimal digits.
///
/// Errors: `Read` when the graph or its weights cannot be read. Cost: one pass over the files.
pub(crate) fn fingerprint(
    graph: &Path,
    tokenizer: &[u8],
    layout: &GraphLayout,
    shaping: Shaping,
) -> Result<String, EncodeError> {
    let mut files = vec![("graph".to_owned(), digest_file(graph)?)];
    for (suffix, path) in weight_files(graph) {
        files.push((format!("weights {suffix}"), digest_file(&path)?));
    }
    files.push(("tokenizer".to_owned(), hex(&Sha256::digest(tokenizer))));
    let text = canonical(&files, layout, shaping);
    Ok(format!("sha256:{}", hex(&Sha256::digest(text))))
}

/// The text that is hashed: one `key value` line per fact, in this order. A later version of this
/// crate that computes other vectors from the same facts raises the number in the first line.
fn canonical(files: &[(String, String)], layout: &GraphLayout, shaping: Shaping) -> String {
    let Shaping { pooling, activation, batching, max_length } = shaping;
    let kind = match layout.layout {
        Layout::Pooled => "pooled",
        Layout::Logits => "logits",
        Layout::Hidden => "hidden",
    };
    let pooling = match pooling {
        Pooling::Max => "max",
        Pooling::Sum => "sum",
        Pooling::Graph => "graph",
    };
    let activation = match activation {
        Activation::Log1pRelu => "log1p_relu",
        Activation::Log1pLog1pRelu => "log1p_log1p_relu",
        Activation::Relu => "relu",
        Activation::Graph => "graph",
    };
    let batching = match batching {
        Batching::Padded => "padded",
        Batching::Single => "single",
    };
    let mut text = "gleaner-encoder 1\n".to_owned();
    for (name, digest) in files {
        text += &format!("{name} {digest}\n");
    }
    text += &format!("layout {kind}\noutput {}\npooling {pooling}\n", layout.output);
    text += &format!("activation {activation}\nbatching {batching}\n");
    text += &format!("max_length.query {}\n", max_length.query);
    text += &format!("max_length.document {}\n", max_length.document);
    if let Some(HeadTensors { matrix, bias }) = &layout.head {
        text += &format!("head.matrix {matrix}\nhead.bias {}\n", bias.as_deref().unwrap_or("-"));
    }
    text += &format!("dropped_weight {DROPPED_WEIGHT:e}\n");
    text
}

/// The files that exporters put a large graph's weights into, where they exist.
fn weight_files(graph: &Path) -> Vec<(&'static str, PathBuf)> {
    ["_data", ".data"]
        .into_iter()
        .filter_map(|suffix| {
            let mut name = graph.as_os_str().to_owned();
            name.push(suffix);
            let path = PathBuf::from(name);
            path.is_file().then_some((suffix, path))
        })
        .collect()
}

fn digest_file(path: &Path) -> Result<String, EncodeError> {
    let failed = |source| EncodeError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hex(&hash.finalize())),
            count => hash.update(&buffer[..count]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::HashSet;

    use super::*;

    const SHAPING: Shaping = Shaping {
        pooling: Pooling::Max,
        activation: Activation::Log1pRelu,
        batching: Batching::Padded,
        max_length: MaxLength { query: 256, document: 256 },
    };

    fn layout(layout: Layout, output: &str) -> GraphLayout {
        let (inputs, output) = (Vec::new(), output.to_owned());
        GraphLayout { layout, inputs, output, columns: 1, head: None }
    }

    fn headed(matrix: &str, bias: Option<&str>) -> GraphLayout {
        let (matrix, bias) = (matrix.to_owned(), bias.map(str::to_owned));
        GraphLayout { head: Some(HeadTensors { matrix, bias }), ..layout(Layout::Hidden, "logits") }
    }

    #[test]
    fn every_fact_changes_the_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let (graph, other) = (folder.path().join("a.onnx"), folder.path().join("b.onnx"));
        std::fs::write(&graph, b"graph").unwrap();
        std::fs::write(&other, b"graph!").unwrap();
        let logits = layout(Layout::Logits, "logits");
        let of = |shaping| fingerprint(&graph, b"tokenizer", &logits, shaping).unwrap();
        let (query, document) =
            (MaxLength { query: 255, document: 256 }, MaxLength { query: 256, document: 255 });
        let mut all = vec![
            of(SHAPING),
            of(Shaping { pooling: Pooling::Sum, ..SHAPING }),
            of(Shaping { pooling: Pooling::Graph, ..SHAPING }),
            of(Shaping { activation: Activation::Relu, ..SHAPING }),
            of(Shaping { activation: Activation::Log1pLog1pRelu, ..SHAPING }),
            of(Shaping { batching: Batching::Single, ..SHAPING }),
            of(Shaping { max_length: query, ..SHAPING }),
            of(Shaping { max_length: document, ..SHAPING }),
            fingerprint(&other, b"tokenizer", &logits, SHAPING).unwrap(),
            fingerprint(&graph, b"tokenizer!", &logits, SHAPING).unwrap(),
            fingerprint(&graph, b"tokenizer", &layout(Layout::Pooled, "logits"), SHAPING).unwrap(),
            fingerprint(&graph, b"tokenizer", &layout(Layout::Logits, "other"), SHAPING).unwrap(),
            fingerprint(&graph, b"tokenizer", &headed("a", None), SHAPING).unwrap(),
            fingerprint(&graph, b"tokenizer", &headed("a", Some("b")), SHAPING).unwrap(),
            fingerprint(&graph, b"tokenizer", &headed("b", Some("b")), SHAPING).unwrap(),
        ];
        let again = of(SHAPING);
        std::fs::write(folder.path().join("a.onnx_data"), b"weights").unwrap();
        all.push(of(SHAPING));
        assert_eq!(again, all[0]);
        assert!(again.starts_with("sha256:") && again.len() == 71);
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn names_do_not_change_the_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.onnx"), folder.path().join("b.onnx"));
        for graph in [&a, &b] {
            std::fs::write(graph, b"graph").unwrap();
        }
        let logits = layout(Layout::Logits, "logits");
        let of = |graph: &Path| fingerprint(graph, b"t", &logits, SHAPING).unwrap();
        assert_eq!(of(&a), of(&b));
    }

    /// Stored in every index: a change here orphans them all, so it must be meant.
    #[test]
    fn the_canonical_text_is_frozen() {
        let files = [("graph".to_owned(), "00".to_owned())];
        assert_eq!(
            canonical(&files, &layout(Layout::Logits, "logits"), SHAPING),
            "gleaner-encoder 1\ngraph 00\nlayout logits\noutput logits\npooling max\n\
             activation log1p_relu\nbatching padded\nmax_length.query 256\n\
             max_length.document 256\ndropped_weight 1e-6\n"
        );
    }
}
