//! Which layout a graph has, by its inputs and outputs.
#![allow(clippy::unwrap_used)]

use super::*;

fn tensor(name: &str, element: &str, shape: &[i64]) -> TensorCard {
    let (name, element) = (name.to_owned(), element.to_owned());
    let symbols = vec![String::new(); shape.len()];
    TensorCard { name, element, shape: shape.to_vec(), symbols }
}

fn ids(names: &[&str]) -> Vec<TensorCard> {
    names.iter().map(|name| tensor(name, "i64", &[-1, -1])).collect()
}

fn floats(outputs: &[(&str, &[i64])]) -> Vec<TensorCard> {
    outputs.iter().map(|(name, shape)| tensor(name, "f32", shape)).collect()
}

fn run(inputs: &[TensorCard], outputs: &[(&str, &[i64])]) -> Result<GraphLayout, EncodeError> {
    detect_in(inputs, &floats(outputs), &GraphSettings::default())
}

fn detect_in(
    inputs: &[TensorCard],
    outputs: &[TensorCard],
    settings: &GraphSettings,
) -> Result<GraphLayout, EncodeError> {
    detect("model.onnx".as_ref(), (inputs, outputs), settings, (1000, Some(1000)))
}

#[test]
fn rank_decides_between_logits_and_pooled() {
    let inputs = ids(&["input_ids", "attention_mask", "token_type_ids"]);
    let logits = run(&inputs, &[("logits", &[-1, -1, 1000])]).unwrap();
    assert_eq!((logits.layout, logits.columns), (Layout::Logits, 1000));
    assert_eq!(
        (&logits.inputs[2].name[..], logits.inputs[2].role),
        ("token_type_ids", Role::Types)
    );
    let pooled = run(&inputs[..2], &[("sentence_embedding", &[-1, 1000])]).unwrap();
    assert_eq!((pooled.layout, pooled.inputs.len()), (Layout::Pooled, 2));
}

#[test]
fn the_output_as_wide_as_the_vocabulary_is_read() {
    let inputs = ids(&["input_ids", "attention_mask"]);
    let outputs: [(&str, &[i64]); 2] = [("hidden", &[-1, -1, 128]), ("out", &[-1, -1, 1000])];
    assert_eq!(run(&inputs, &outputs).unwrap().output, "out");
    let both: [(&str, &[i64]); 2] = [("a", &[-1, 1000]), ("b", &[-1, -1, 1000])];
    assert!(matches!(run(&inputs, &both), Err(EncodeError::UnknownLayout { .. })));
}

#[test]
fn another_width_is_a_mismatch() {
    let inputs = ids(&["input_ids", "attention_mask"]);
    for (width, ok) in [(1000, true), (1024, true), (999, false), (1001, false), (640, false)] {
        let found = run(&inputs, &[("x", &[-1, width])]);
        assert_eq!(found.is_ok(), ok, "{width}");
        if !ok {
            assert!(matches!(found, Err(EncodeError::VocabularyMismatch { tokens: 1000, .. })));
        }
    }
    assert_eq!(run(&inputs, &[("x", &[-1, -1])]).unwrap().columns, 1000);
}

#[test]
fn anything_else_is_refused_with_what_was_found() {
    let good: [(&str, &[i64]); 1] = [("logits", &[-1, -1, 1000])];
    let float_ids =
        vec![tensor("input_ids", "f32", &[-1, -1]), tensor("attention_mask", "i64", &[-1, -1])];
    let usual = || ids(&["input_ids", "attention_mask"]);
    for (inputs, outputs) in [
        (ids(&["attention_mask"]), &good[..]),
        (ids(&["input_ids", "attention_mask", "pixels"]), &good[..]),
        (float_ids, &good[..]),
        (usual(), &[]),
        (usual(), &[("x", &[-1, -1, -1, 1000])]),
    ] {
        let error = run(&inputs, outputs).unwrap_err();
        assert!(matches!(error, EncodeError::UnknownLayout { .. }), "{error}");
        assert!(
            error.to_string().contains("i64[-1, -1]") || error.to_string().contains("f32[-1, -1]"),
            "{error}"
        );
    }
}

#[test]
fn short_vectors_are_named_for_what_they_are() {
    let inputs = ids(&["input_ids", "attention_mask"]);
    let per_token = run(&inputs, &[("hidden", &[-1, -1, 32])]).unwrap_err();
    assert!(matches!(per_token, EncodeError::TokenVectors { columns: 32, terms: 1000, .. }));
    assert!(per_token.to_string().contains("tokenizer.json is another model's"), "{per_token}");
    let per_text = run(&inputs, &[("embedding", &[-1, 384])]).unwrap_err();
    assert!(matches!(per_text, EncodeError::DenseEmbedding { columns: 384, .. }));
    for error in [per_token, per_text] {
        assert!(error.to_string().contains("export the graph with its output layer"), "{error}");
    }
}

#[test]
fn ids_beside_weights_are_sparse() {
    let inputs = ids(&["input_ids", "attention_mask"]);
    for (ids_shape, weights_shape, single) in [
        (&[-1][..], &[-1][..], true),
        (&[-1], &[-1, -1], false),
        (&[-1, -1], &[-1, -1], false),
        (&[-1, 1], &[-1], true),
    ] {
        for kind in ["i64", "i32"] {
            let outputs = [
                tensor("output_idx", kind, ids_shape),
                tensor("output_weights", "f16", weights_shape),
            ];
            let found = detect_in(&inputs, &outputs, &GraphSettings::default()).unwrap();
            assert_eq!((found.layout, found.is_single), (Layout::Sparse, single));
            assert_eq!(found.second.as_ref().map(Second::name), Some("output_idx"));
        }
    }
}

#[test]
fn a_weight_per_token_is_told_by_its_last_size() {
    let mut inputs = ids(&["inputIds"]);
    inputs[0].symbols = vec!["batch".to_owned(), "seq".to_owned()];
    let found = run(&inputs, &[("w", &[-1, -1, 1])]).unwrap();
    assert_eq!((found.layout, found.is_single), (Layout::TokenWeights, true));
    let mut output = tensor("w", "f32", &[-1, -1]);
    output.symbols = inputs[0].symbols.clone();
    let found = detect_in(&inputs, &[output.clone()], &GraphSettings::default()).unwrap();
    assert_eq!(found.layout, Layout::TokenWeights);
    output.symbols[1] = "vocabulary".to_owned();
    let found = detect_in(&inputs, &[output.clone()], &GraphSettings::default()).unwrap();
    assert_eq!(found.layout, Layout::Pooled);
    let stated = GraphSettings { layout: Some(Layout::TokenWeights), ..GraphSettings::default() };
    assert_eq!(detect_in(&inputs, &[output], &stated).unwrap().layout, Layout::TokenWeights);
}

#[test]
fn importance_and_gate_are_told_by_name() {
    let inputs = ids(&["input_ids", "attention_mask"]);
    let found = run(&inputs, &[("importance", &[-1, 1000]), ("gating", &[-1, 1000])]).unwrap();
    assert_eq!((found.layout, &found.output[..]), (Layout::Gated, "importance"));
    assert_eq!(found.second.as_ref().map(Second::name), Some("gating"));
}

#[test]
fn hidden_states_go_with_a_head_and_nothing_else_does() {
    let inputs = ids(&["input_ids", "attention_mask"]);
    let outputs = floats(&[("x", &[-1, -1, 128]), ("w", &[1000, 128]), ("b", &[1000])]);
    let head = || Some(HeadTensors { matrix: "w".to_owned(), bias: None });
    for (layout, head, says) in [
        (Some(Layout::Hidden), None, "needs the table `[head]`"),
        (Some(Layout::Logits), head(), "layout `logits` has no table `[head]`"),
        (Some(Layout::Pooled), head(), "layout `pooled` has no table `[head]`"),
        (Some(Layout::TokenWeights), head(), "has no table `[head]`"),
    ] {
        let settings = GraphSettings { layout, head, ..GraphSettings::default() };
        let error = detect_in(&inputs, &outputs, &settings).unwrap_err().to_string();
        assert!(error.contains(says), "{layout:?}: {error}");
    }
}

#[test]
fn sizes_the_graph_fixes_and_narrow_inputs_are_kept() {
    let inputs = [tensor("input_ids", "i32", &[1, 64]), tensor("attention_mask", "i32", &[1, 64])];
    let found = run(&inputs, &[("w", &[1, 1000])]).unwrap();
    assert_eq!(found.fixed, Fixed { batch: Some(1), length: Some(64) });
    assert!(found.inputs.iter().all(|input| input.is_narrow));
    let maskless = run(&inputs[..1], &[("w", &[1, 1000])]).unwrap_err();
    assert!(maskless.to_string().contains("no mask"), "{maskless}");
    let stated = GraphSettings {
        inputs: crate::family::settings::names::Names {
            ids: Some("x".to_owned()),
            ..Default::default()
        },
        ..GraphSettings::default()
    };
    let odd = [tensor("x", "i64", &[-1, -1])];
    assert!(detect_in(&odd, &floats(&[("w", &[-1, 1000])]), &stated).is_ok());
}
