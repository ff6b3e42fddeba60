//! Tiny ONNX graphs and tokenizers, written from scratch, to reach what the shipped model cannot
//! show: other layouts, bad numbers, results that depend on the batch.
//!
//! The writer knows just enough of the protobuf encoding: varints, and fields with a length.

use std::path::Path;

/// Words of the test tokenizer; the position is the id. It adds no special tokens.
pub(crate) const WORDS: [&str; 6] = ["[PAD]", "[UNK]", "a", "b", "c", "d"];

/// What a word's row in the graph's table is.
pub(crate) type Row = [f32; WORDS.len()];

const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// The graph `table[input_ids]`, then whatever is asked for.
pub(crate) struct Graph {
    /// One row of logits per word; the first row is what padding would contribute.
    pub(crate) table: [Row; WORDS.len()],
    /// Pool in the graph (largest value over all positions, padding too).
    pub(crate) pooled: bool,
    /// Added to every weight, times the number of texts in the batch but one.
    pub(crate) noise: f32,
    /// Inputs beside `input_ids`.
    pub(crate) inputs: &'static [&'static str],
}

impl Graph {
    /// A graph with logits per token, `table` as given, and the usual inputs.
    pub(crate) fn logits(table: [Row; WORDS.len()]) -> Self {
        let inputs = &["attention_mask", "token_type_ids"];
        Self { table, pooled: false, noise: 0.0, inputs }
    }

    /// Writes a model folder: graph, tokenizer and, unless empty, `gleaner.toml`.
    pub(crate) fn write(&self, folder: &Path, settings: &str) {
        std::fs::write(folder.join("model.onnx"), self.bytes()).unwrap();
        std::fs::write(folder.join("tokenizer.json"), tokenizer(&WORDS)).unwrap();
        if !settings.is_empty() {
            std::fs::write(folder.join("gleaner.toml"), settings).unwrap();
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut graph = Vec::new();
        field(&mut graph, 1, &node("Gather", &["table", "input_ids"], "rows", &[]));
        let mut last = "rows";
        if self.pooled {
            field(&mut graph, 1, &node("ReduceMax", &[last], "pooled", &[axes(), keep_no_axes()]));
            last = "pooled";
        }
        for noisy in [
            node("Shape", &["input_ids"], "shape", &[]),
            node("Gather", &["shape", "zero"], "texts", &[]),
            node("Cast", &["texts"], "count", &[integer("to", FLOAT)]),
            node("Sub", &["count", "one"], "others", &[]),
            node("Mul", &["others", "noise"], "extra", &[]),
            node("Add", &[last, "extra"], "weights", &[]),
        ] {
            field(&mut graph, 1, &noisy);
        }
        field(&mut graph, 2, b"test");
        let width = WORDS.len() as u64;
        field(&mut graph, 5, &floats("table", &[width, width], self.table.as_flattened()));
        field(&mut graph, 5, &floats("one", &[], &[1.0]));
        field(&mut graph, 5, &floats("noise", &[], &[self.noise]));
        field(&mut graph, 5, &tensor("zero", &[], INT64, &0i64.to_le_bytes()));
        let open = [None, None];
        for name in ["input_ids"].iter().chain(self.inputs) {
            field(&mut graph, 11, &value(name, INT64, &open));
        }
        let shape: &[Option<u64>] =
            if self.pooled { &[None, Some(width)] } else { &[None, None, Some(width)] };
        field(&mut graph, 12, &value("weights", FLOAT, shape));
        let mut opset = Vec::new();
        number(&mut opset, 2, 17);
        let mut model = Vec::new();
        number(&mut model, 1, 8);
        field(&mut model, 7, &graph);
        field(&mut model, 8, &opset);
        model
    }
}

/// A `tokenizer.json` that splits at white space.
pub(crate) fn tokenizer(words: &[&str]) -> String {
    let entries: Vec<String> =
        words.iter().enumerate().map(|(id, word)| format!("\"{word}\": {id}")).collect();
    format!(
        r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": null, "pre_tokenizer": {{"type": "WhitespaceSplit"}},
            "post_processor": null, "decoder": null,
            "model": {{"type": "WordLevel", "vocab": {{{}}}, "unk_token": "[UNK]"}}}}"#,
        entries.join(", ")
    )
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn number(bytes: &mut Vec<u8>, tag: u64, value: u64) {
    varint(bytes, tag << 3);
    varint(bytes, value);
}

fn field(bytes: &mut Vec<u8>, tag: u64, content: &[u8]) {
    varint(bytes, tag << 3 | 2);
    varint(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
}

fn node(kind: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    inputs.iter().for_each(|input| field(&mut bytes, 1, input.as_bytes()));
    field(&mut bytes, 2, output.as_bytes());
    field(&mut bytes, 4, kind.as_bytes());
    attributes.iter().for_each(|attribute| field(&mut bytes, 5, attribute));
    bytes
}

fn integer(name: &str, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    field(&mut bytes, 1, name.as_bytes());
    number(&mut bytes, 3, value);
    number(&mut bytes, 20, 2);
    bytes
}

fn keep_no_axes() -> Vec<u8> {
    integer("keepdims", 0)
}

fn axes() -> Vec<u8> {
    let mut bytes = Vec::new();
    field(&mut bytes, 1, b"axes");
    number(&mut bytes, 8, 1);
    number(&mut bytes, 20, 7);
    bytes
}

fn floats(name: &str, shape: &[u64], values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, shape, FLOAT, &raw)
}

fn tensor(name: &str, shape: &[u64], kind: u64, raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    shape.iter().for_each(|&size| number(&mut bytes, 1, size));
    number(&mut bytes, 2, kind);
    field(&mut bytes, 8, name.as_bytes());
    field(&mut bytes, 9, raw);
    bytes
}

fn value(name: &str, kind: u64, shape: &[Option<u64>]) -> Vec<u8> {
    let mut dimensions = Vec::new();
    for (axis, size) in shape.iter().enumerate() {
        let mut dimension = Vec::new();
        match size {
            Some(size) => number(&mut dimension, 1, *size),
            None => field(&mut dimension, 2, format!("axis{axis}").as_bytes()),
        }
        field(&mut dimensions, 1, &dimension);
    }
    let mut tensor = Vec::new();
    number(&mut tensor, 1, kind);
    field(&mut tensor, 2, &dimensions);
    let mut kind = Vec::new();
    field(&mut kind, 1, &tensor);
    let mut bytes = Vec::new();
    field(&mut bytes, 1, name.as_bytes());
    field(&mut bytes, 2, &kind);
    bytes
}
