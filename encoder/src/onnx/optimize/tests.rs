//! Broken, strange and ordinary graphs under the knife, without a runtime.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::rewrite::quoted;
use super::*;
use crate::family::choices::Activation;
use crate::onnx::protobuf::{put_bytes, put_number};
use crate::onnx::surgery::{HIDDEN, find, write};
use crate::onnx::tensor::FLOAT;

const ROWS: u64 = 200;
const DIMS: u64 = 32;

fn tensor(name: &str, shape: &[u64]) -> Vec<u8> {
    let mut message = Vec::new();
    shape.iter().for_each(|&dim| put_number(&mut message, 1, dim));
    put_number(&mut message, 2, FLOAT);
    put_bytes(&mut message, 8, name.as_bytes());
    let values = (0..shape.iter().product()).map(|at: u64| (at % 64) as f32 * 0.25);
    let raw: Vec<u8> = values.flat_map(f32::to_le_bytes).collect();
    put_bytes(&mut message, 9, &raw);
    message
}

fn node(kind: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let mut message = Vec::new();
    inputs.iter().for_each(|input| put_bytes(&mut message, 1, input.as_bytes()));
    put_bytes(&mut message, 2, output.as_bytes());
    put_bytes(&mut message, 4, kind.as_bytes());
    message
}

fn named(name: &str) -> Vec<u8> {
    let mut message = Vec::new();
    put_bytes(&mut message, 1, name.as_bytes());
    message
}

/// A tied model: a look-up, something in between, and `tail` that ends in `logits`.
fn model(tail: &[Vec<u8>]) -> Vec<u8> {
    let mut graph = Vec::new();
    put_bytes(&mut graph, 1, &node("Gather", &["table", "input_ids"], "rows"));
    put_bytes(&mut graph, 1, &node("Relu", &["rows"], "states"));
    tail.iter().for_each(|node| put_bytes(&mut graph, 1, node));
    put_bytes(&mut graph, 5, &tensor("table", &[ROWS, DIMS]));
    put_bytes(&mut graph, 5, &tensor("turned", &[DIMS, ROWS]));
    put_bytes(&mut graph, 5, &tensor("bias", &[ROWS]));
    put_bytes(&mut graph, 5, &tensor("one", &[]));
    put_bytes(&mut graph, 11, &named("input_ids"));
    put_bytes(&mut graph, 11, &named("attention_mask"));
    put_bytes(&mut graph, 12, &named("logits"));
    // A field that nobody knows.
    put_bytes(&mut graph, 99, b"kept");
    let mut model = Vec::new();
    put_number(&mut model, 1, 8);
    put_bytes(&mut model, 7, &graph);
    put_bytes(&mut model, 98, b"kept too");
    model
}

fn cut(tail: &[Vec<u8>]) -> Result<Cut, String> {
    find(&Graph::read(&model(tail)).unwrap(), "logits", ROWS as usize)
}

#[test]
fn the_usual_output_layers_are_found() {
    let turn = node("Transpose", &["table"], "t");
    let pooled = [
        node("ReduceMax", &["l"], "m"),
        node("Relu", &["m"], "r"),
        node("Add", &["r", "one"], "p"),
        node("Log", &["p"], "logits"),
    ];
    let logits = vec![node("MatMul", &["states", "t"], "x"), node("Add", &["bias", "x"], "l")];
    let renamed = vec![node("Identity", &["l"], "logits")];
    for (tail, matrix, bias, activation) in [
        ([vec![turn.clone()], logits.clone(), renamed].concat(), "table", Some("bias"), None),
        (vec![node("MatMul", &["states", "turned"], "logits")], "turned", None, None),
        (
            vec![
                node("Reshape", &["states", "one"], "flat"),
                node("Gemm", &["flat", "turned", "bias"], "l"),
                node("Reshape", &["l", "one"], "logits"),
            ],
            "turned",
            Some("bias"),
            None,
        ),
        (
            [vec![turn], logits, pooled.to_vec()].concat(),
            "table",
            Some("bias"),
            Some(Activation::Log1pRelu),
        ),
    ] {
        let cut = cut(&tail).unwrap();
        assert_eq!((cut.hidden.as_str(), cut.matrix.as_str()), ("states", matrix));
        assert_eq!((cut.bias.as_deref(), cut.activation), (bias, activation));
        assert_eq!(cut.dims, DIMS as usize);
    }
}

#[test]
fn other_output_layers_are_refused() {
    let x = node("MatMul", &["states", "turned"], "x");
    for tail in [
        vec![],
        vec![node("MatMul", &["states", "states"], "logits")],
        vec![node("MatMul", &["states", "one"], "logits")],
        vec![x.clone(), node("Softmax", &["x"], "logits")],
        vec![x.clone(), node("Relu", &["x"], "logits")],
        vec![x.clone(), node("Add", &["x", "bias"], "y"), node("Add", &["y", "bias"], "logits")],
        // A graph that feeds itself.
        vec![node("Identity", &["logits"], "logits")],
        vec![node("Add", &["logits", "logits"], "logits")],
    ] {
        assert!(cut(&tail).is_err());
    }
}

fn usual() -> Vec<u8> {
    let tail = [node("MatMul", &["states", "turned"], "x"), node("Add", &["x", "bias"], "logits")];
    model(&tail)
}

#[test]
fn the_cut_graph_has_what_is_needed_and_what_is_unknown() {
    let bytes = usual();
    let graph = Graph::read(&bytes).unwrap();
    let cut = find(&graph, "logits", ROWS as usize).unwrap();
    for is_half in [false, true] {
        let made = write(&graph, &cut, is_half, ".".as_ref()).unwrap();
        let made_graph = Graph::read(&made).unwrap();
        assert_eq!(made_graph.outputs, [HIDDEN, "turned", "bias"]);
        assert_eq!(made_graph.inputs, graph.inputs);
        assert!(made_graph.producer("x").is_none() && made_graph.producer("states").is_some());
        assert!(!made_graph.tensors.contains_key("one"));
        assert!(made_graph.fields.iter().any(|field| field.tag == 99 && field.bytes == b"kept"));
        assert!(made.ends_with(b"kept too"));
        for name in ["table", "turned", "bias"] {
            let (old, new) = (graph.tensor(name).unwrap(), made_graph.tensor(name).unwrap());
            assert_eq!(old.element != new.element, is_half && name != "bias");
            // Quarters of small numbers are exact in float16.
            let folder = Path::new(".");
            assert_eq!(old.floats(folder).unwrap(), new.floats(folder).unwrap());
        }
        let cast = made_graph.producer("rows").unwrap();
        assert_eq!(cast.kind == "Cast", is_half);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_files_are_refused_or_cut_but_never_a_panic(
        flips in prop::collection::vec((0usize..700, any::<u8>()), 0..6),
        from_end in any::<bool>(),
        length in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = usual();
        for (at, byte) in flips {
            let at = if from_end { bytes.len() - 1 - at } else { at };
            bytes[at] = byte;
        }
        if let Some(length) = length {
            bytes.truncate(length.index(bytes.len()));
        }
        if let Ok(graph) = Graph::read(&bytes)
            && let Ok(cut) = find(&graph, "logits", ROWS as usize)
        {
            for is_half in [false, true] {
                let _ = write(&graph, &cut, is_half, "/nowhere".as_ref());
            }
        }
    }
}

#[test]
fn names_are_quoted_for_toml() {
    for name in ["plain", "a\"b\\c", "tab\tand\u{1}", "ö.weight"] {
        let table: toml::Table = format!("name = {}", quoted(name)).parse().unwrap();
        assert_eq!(table["name"].as_str(), Some(name));
    }
}

fn new<'a>(golden: Option<(&'a str, f32)>) -> New<'a> {
    New { graph: "hidden.onnx", activation: None, matrix: "m", bias: None, golden }
}

#[test]
fn what_was_true_of_the_old_graph_only_is_not_kept() {
    for old in [
        "layout = 'logits'\noutputs = { weights = 'logits' }\n",
        "outputs.weights = 'logits'\n'graph' = 'model.onnx'\ngolden.file = 'g.json'\n",
        "gate = 0.5\n[outputs]\nweights = 'logits'\n\n[query]\nencoder = 'idf' # kept\n",
        "golden = { file = '../g.json' }\n[head]\nmatrix = 'old'\n[query] # kept\nencoder = 'idf'\n",
        "[golden]\nfile = '../g.json'\n# kept\ntolerance = 0.25",
    ] {
        let text = rewritten(old, &new(Some(("g.json", 5e-3))));
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["graph"].as_str(), Some("hidden.onnx"), "{text}");
        assert_eq!(table["head"]["matrix"].as_str(), Some("m"), "{text}");
        assert_eq!(table["golden"]["file"].as_str(), Some("g.json"), "{text}");
        assert_eq!(table["golden"]["tolerance"].as_float(), Some(0.005), "{text}");
        assert!(["layout", "outputs"].iter().all(|key| !table.contains_key(*key)), "{text}");
        assert_eq!(old.contains("[query]"), table.contains_key("query"), "{text}");
        assert_eq!(old.contains("# kept"), text.contains("# kept"), "{text}");
    }
}

#[test]
fn settings_that_are_kept_name_their_graph() {
    for (old, named) in [
        ("", "onnx/model.onnx"),
        ("graph = 'a.onnx'\n", "a.onnx"),
        ("[query]\nencoder = 'idf'\n", "onnx/model.onnx"),
    ] {
        let table: toml::Table = kept(old, "onnx/model.onnx").parse().unwrap();
        assert_eq!(table["graph"].as_str(), Some(named));
    }
}
