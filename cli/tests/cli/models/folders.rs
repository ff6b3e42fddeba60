//! What a folder of sentence-transformers states of itself: honoured, shown, or refused by name.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::harness::{Desk, copy_folder, data, fails, fixture, ok, ok_json, runtime_is_here};

const MODULES: &str = r#"[
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.sparse_encoder.models.MLMTransformer"},
    {"idx": 1, "name": "1", "path": "1_SpladePooling",
     "type": "sentence_transformers.sparse_encoder.models.SpladePooling"}]"#;

/// Writes files of a folder, and the folders that they lie in.
fn write(folder: &str, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = Path::new(folder).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The graph and the tokenizer of a fixture in a folder of their own, with these files beside.
fn folder(desk: &Desk, name: &str, files: &[(&str, &str)]) -> String {
    let folder = desk.path(name);
    copy_folder(fixture("splade-max"), &folder);
    for file in ["gleaner.toml", "golden.json"] {
        fs::remove_file(Path::new(&folder).join(file)).unwrap();
    }
    write(&folder, files);
    folder
}

/// What a folder makes of texts on a side.
fn encode(desk: &Desk, model: &str, side: &str) -> String {
    let texts =
        ["The old CAT of the harbour house", "Red wine", "black tea and bread, songs of the sea"];
    let lines: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| json!({"_id": at.to_string(), "text": text}))
        .collect();
    let input = desk.lines("texts.jsonl", &lines);
    ok(&["encode", "--model", model, "--input", &input, "--side", side])
}

fn card(model: &str) -> Value {
    ok_json(&["model", "inspect", model, "--json"])
}

#[test]
fn pooling_activation_and_length_are_those_that_the_folder_states() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let pooling = |strategy: &str, activation: &str| {
        format!(
            r#"{{"pooling_strategy": "{strategy}", "activation_function": "{activation}", "word_embedding_dimension": 51}}"#
        )
    };
    let newer = MODULES
        .replace("sparse_encoder.models.MLMTransformer", "base.modules.transformer.Transformer")
        .replace("sparse_encoder.models.", "sparse_encoder.modules.splade_pooling.");
    let plain = encode(&desk, &folder(&desk, "plain", &[]), "document");
    let cases = [
        ("sum", "log1p_relu", "sum", "log1p_log1p_relu", MODULES),
        ("sum", "relu", "sum", "log1p_relu", &newer[..]),
        ("max", "log1p_relu", "max", "log1p_log1p_relu", ""),
        ("max", "relu", "max", "log1p_relu", MODULES),
    ];
    for (at, (strategy, function, pools, activates, modules)) in cases.into_iter().enumerate() {
        let config = pooling(strategy, function);
        let lengths = r#"{"max_seq_length": 5, "do_lower_case": false}"#;
        let mut files = vec![
            ("1_SpladePooling/config.json", &config[..]),
            ("sentence_bert_config.json", lengths),
        ];
        files.extend((!modules.is_empty()).then_some(("modules.json", modules)));
        let said = folder(&desk, &format!("said{at}"), &files);
        let settings = format!(
            "pooling = '{pools}'\nactivation = '{activates}'\nmax_length = {{ query = 5, document = 5 }}"
        );
        let stated = folder(&desk, &format!("stated{at}"), &[("gleaner.toml", &settings)]);
        for side in ["query", "document"] {
            assert_eq!(encode(&desk, &said, side), encode(&desk, &stated, side), "{settings}");
        }
        assert_ne!(encode(&desk, &said, "document"), plain, "{settings}");
        let (said, stated) = (card(&said), card(&stated));
        assert_eq!(said["fingerprint"], stated["fingerprint"], "the same model by other words");
        let side = &said["document"];
        assert_eq!((&side["pooling"], &side["activation"]), (&json!(pools), &json!(activates)));
        let from = &side["from"];
        assert_eq!(from["pooling"], "1_SpladePooling/config.json (pooling_strategy)");
        assert_eq!(from["activation"], "1_SpladePooling/config.json (activation_function)");
        assert_eq!(from["max_length"], "sentence_bert_config.json (max_seq_length)");
        assert_eq!(stated["document"]["from"]["pooling"], "gleaner.toml");
    }
    let shown = ok(&["model", "inspect", &desk.path("said0")]);
    assert!(shown.contains("is from 1_SpladePooling/config.json (pooling_strategy)"), "{shown}");
}

#[test]
fn lower_case_prompts_and_the_tokenizers_limit_are_honoured() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let tokenizer = fs::read_to_string(fixture("splade-max/tokenizer.json")).unwrap();
    let cased = tokenizer.replace("\"lowercase\": true", "\"lowercase\": false");
    let cased = cased.replace("\"lowercase\":true", "\"lowercase\":false");
    assert_ne!(cased, tokenizer);
    let config = (r#"1_SpladePooling/config.json"#, r#"{"pooling_strategy": "max"}"#);
    let base = [("modules.json", MODULES), config, ("tokenizer.json", &cased[..])];
    let with = |name: &str, more: &[(&str, &str)]| folder(&desk, name, &[&base[..], more].concat());
    let upper = with("upper", &[]);
    let lower = with("lower", &[("sentence_bert_config.json", r#"{"do_lower_case": true}"#)]);
    let uncased = folder(&desk, "uncased", &[("modules.json", MODULES), config]);
    assert_eq!(encode(&desk, &lower, "document"), encode(&desk, &uncased, "document"));
    assert_ne!(encode(&desk, &lower, "document"), encode(&desk, &upper, "document"));
    assert_ne!(card(&lower)["fingerprint"], card(&upper)["fingerprint"]);
    assert_eq!(
        card(&lower)["document"]["from"]["lower_case"],
        "sentence_bert_config.json (do_lower_case)"
    );
    assert!(ok(&["model", "inspect", &lower]).contains("lower case  yes"));

    let prompts = r#"{"prompts": {"query": "old ", "document": ""}, "default_prompt_name": null}"#;
    let prompted = with("prompted", &[("config_sentence_transformers.json", prompts)]);
    let stated = with("prefixed", &[("gleaner.toml", "[query]\nprefix = 'old '")]);
    assert_eq!(encode(&desk, &prompted, "query"), encode(&desk, &stated, "query"));
    assert_eq!(encode(&desk, &prompted, "document"), encode(&desk, &upper, "document"));
    let found = card(&prompted);
    assert_eq!(found["query"]["template"], "old {text}");
    assert_eq!(
        found["query"]["from"]["template"],
        "config_sentence_transformers.json (prompts.query)"
    );

    for (limit, length, from) in [
        ("7", 7, "tokenizer_config.json (model_max_length)"),
        ("512", 99, "config.json (max_position_embeddings)"),
        ("1000000000000000019884624838656", 99, "config.json (max_position_embeddings)"),
    ] {
        let limits = format!(r#"{{"model_max_length": {limit}}}"#);
        let config = r#"{"max_position_embeddings": 99}"#;
        let files = [("tokenizer_config.json", &limits[..]), ("config.json", config)];
        let found = card(&with("limited", &files));
        assert_eq!(
            (&found["max_length"]["document"], &found["document"]["from"]["max_length"]),
            (&json!(length), &json!(from))
        );
    }
}

#[test]
fn gleaner_toml_states_otherwise() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let files = [
        ("modules.json", MODULES),
        ("1_SpladePooling/config.json", r#"{"pooling_strategy": "sum"}"#),
        ("sentence_bert_config.json", r#"{"max_seq_length": 5}"#),
        ("gleaner.toml", "pooling = 'max'\nactivation = 'relu'\nmax_length = { query = 9 }"),
    ];
    let found = card(&folder(&desk, "both", &files));
    assert_eq!((&found["pooling"], &found["activation"]), (&json!("max"), &json!("relu")));
    assert_eq!(found["max_length"], json!({"query": 9, "document": 5}));
    assert_eq!(found["query"]["from"]["max_length"], "gleaner.toml");
}

#[test]
fn what_is_not_understood_names_file_key_and_value() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let pooling = "1_SpladePooling/config.json";
    let normalized = MODULES.replace(
        "}]",
        r#"}, {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]"#,
    );
    for (file, text, says) in [
        (pooling, r#"{"pooling_strategy": "mean"}"#, "`pooling_strategy` as \"mean\""),
        (pooling, r#"{"activation_function": "gelu"}"#, "`activation_function` as \"gelu\""),
        (pooling, r#"{"pooling_strategy": 3}"#, "`pooling_strategy` as 3"),
        (pooling, r#"{"temperature": 0.5}"#, "`temperature` as 0.5"),
        (
            "sentence_bert_config.json",
            r#"{"max_seq_length": "long"}"#,
            "`max_seq_length` as \"long\"",
        ),
        ("sentence_bert_config.json", r#"{"max_seq_length": 0}"#, "`max_seq_length` as 0"),
        ("sentence_bert_config.json", r#"{"do_lower_case": "yes"}"#, "`do_lower_case` as \"yes\""),
        ("sentence_bert_config.json", r#"{"stemming": true}"#, "`stemming` as true"),
        (
            "sentence_bert_config.json",
            r#"{"transformer_task": "feature-extraction"}"#,
            "`transformer_task` as \"feature-extraction\"",
        ),
        (
            "config_sentence_transformers.json",
            r#"{"prompts": "query: "}"#,
            "`prompts` as \"query: \"",
        ),
        ("tokenizer_config.json", r#"{"model_max_length": 0.5}"#, "`model_max_length` as 0.5"),
        ("modules.json", &normalized[..], "`type` as sentence_transformers.models.Normalize"),
        ("modules.json", r#"[{"path": "../x", "type": "a.Transformer"}]"#, "`path` as ../x"),
    ] {
        let files = [("modules.json", MODULES), (pooling, "{}"), (file, text)];
        let model = folder(&desk, "wrong", &files);
        let path = Path::new(&model).join(file).display().to_string();
        fails(&["model", "inspect", &model], 1, says);
        fails(&["model", "inspect", &model], 1, &path);
        fs::remove_dir_all(model).unwrap();
    }
    // Logits are not all of it; a graph that returns what the steps make of them is.
    let logits =
        [("modules.json", &normalized[..]), (pooling, "{}"), ("gleaner.toml", "layout = 'logits'")];
    let says = "state pooling = \"graph\"";
    fails(&["model", "inspect", &folder(&desk, "logits", &logits)], 1, says);
    let pooled = desk.path("pooled");
    copy_folder(fixture("splade-fixed"), &pooled);
    write(&pooled, &[("modules.json", &normalized), ("gleaner.toml", "pooling = 'graph'")]);
    assert_eq!(card(&pooled)["document"]["from"]["pooling"], "gleaner.toml");
}

/// A file of safetensors with one tensor of 32-bit numbers.
fn safetensors(name: &str, values: &[f32]) -> Vec<u8> {
    let end = values.len() * 4;
    let mut header =
        json!({name: {"dtype": "F32", "shape": [values.len()], "data_offsets": [0, end]}})
            .to_string();
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.into_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

/// The weights of `idf.json` by the ids of the tokenizer.
fn weights() -> Vec<f32> {
    let read = |file: &str| -> Value {
        let path = fixture(&format!("opensearch-v3/{file}"));
        serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
    };
    let (idf, tokenizer) = (read("idf.json"), read("tokenizer.json"));
    let vocabulary = tokenizer["model"]["vocab"].as_object().unwrap();
    let mut weights = vec![0.0; vocabulary.len()];
    for (token, weight) in idf.as_object().unwrap() {
        weights[vocabulary[token].as_u64().unwrap() as usize] = weight.as_f64().unwrap() as f32;
    }
    weights
}

/// A router over the graph of OpenSearch's family; the documents' transformer lies in `transformer`.
fn router(desk: &Desk, name: &str, transformer: &str) -> PathBuf {
    let folder = PathBuf::from(desk.path(name));
    let models = "sentence_transformers.sparse_encoder.models";
    let config = json!({
        "types": {
            "query_0_SparseStaticEmbedding": format!("{models}.SparseStaticEmbedding"),
            transformer: format!("{models}.MLMTransformer"),
            "document_1_SpladePooling": format!("{models}.SpladePooling"),
        },
        "structure": {
            "query": ["query_0_SparseStaticEmbedding"],
            "document": [transformer, "document_1_SpladePooling"],
        },
        "parameters": {"default_route": "document", "allow_empty_key": true},
    });
    let modules =
        r#"[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Router"}]"#;
    write(
        folder.to_str().unwrap(),
        &[
            ("modules.json", modules),
            ("router_config.json", &config.to_string()),
            ("query_0_SparseStaticEmbedding/config.json", r#"{"frozen": true}"#),
            (
                "document_1_SpladePooling/config.json",
                r#"{"pooling_strategy": "max", "activation_function": "log1p_relu", "word_embedding_dimension": null}"#,
            ),
        ],
    );
    let of_documents = folder.join(transformer);
    fs::create_dir_all(&of_documents).unwrap();
    for file in ["model.onnx", "tokenizer.json"] {
        fs::copy(fixture(&format!("opensearch-v3/{file}")), of_documents.join(file)).unwrap();
    }
    let query = folder.join("query_0_SparseStaticEmbedding");
    fs::copy(fixture("opensearch-v3/tokenizer.json"), query.join("tokenizer.json")).unwrap();
    folder
}

#[test]
fn a_router_opens_as_a_model_that_encodes_queries_by_a_table() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let stated = fixture("opensearch-v3");
    let expected = ["query", "document"].map(|side| encode(&desk, &stated, side));
    let query = "query_0_SparseStaticEmbedding";
    let table = fs::read(fixture("opensearch-v3/idf.json")).unwrap();
    for (at, transformer) in ["document_0_MLMTransformer", ""].into_iter().enumerate() {
        for kind in ["weights", "named", "beside", "root"] {
            let folder = router(&desk, &format!("{kind}{at}"), transformer);
            match kind {
                "weights" => {
                    let path = folder.join(query).join("model.safetensors");
                    fs::write(path, safetensors("weight", &weights())).unwrap();
                }
                "named" => {
                    fs::write(folder.join(query).join("config.json"), r#"{"path": "own.json"}"#)
                        .unwrap();
                    fs::write(folder.join("own.json"), &table).unwrap();
                }
                "beside" => fs::write(folder.join(query).join("idf.json"), &table).unwrap(),
                _ => fs::write(folder.join("idf.json"), &table).unwrap(),
            }
            let model = folder.to_str().unwrap();
            for (side, expected) in ["query", "document"].into_iter().zip(&expected) {
                assert_eq!(&encode(&desk, model, side), expected, "{kind}, {side}");
            }
            let card = card(model);
            assert_eq!(
                (&card["query"]["encoder"], &card["document"]["activation"]),
                (&json!("idf"), &json!("log1p_log1p_relu"))
            );
            assert!(card["query"]["from"]["encoder"].as_str().unwrap() != "default", "{card}");
            assert!(ok(&["model", "selftest", model]).starts_with("passed"));
        }
    }
    let graph = desk.path("weights0");
    let args = ["model", "inspect", &graph, "--query-encoder", "graph", "--json"];
    assert_eq!(ok_json(&args)["query"]["activation"], "log1p_log1p_relu", "as documents");
}

#[test]
fn a_router_that_cannot_be_used_says_why() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let query = "query_0_SparseStaticEmbedding";
    let transformer = "document_0_MLMTransformer";
    let table = format!("{query}/model.safetensors");
    let config = "router_config.json";
    let refused = |name: &str, spoil: &dyn Fn(&Path), says: &str| {
        let folder = router(&desk, name, transformer);
        fs::write(folder.join(&table), safetensors("weight", &weights())).unwrap();
        spoil(&folder);
        fails(&["model", "inspect", folder.to_str().unwrap()], 1, says);
    };
    let edit = |folder: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(folder.join(config)).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(folder.join(config), text.replace(from, to)).unwrap();
    };
    refused("none", &|folder| fs::remove_file(folder.join(&table)).unwrap(), &table);
    refused("no-router", &|folder| fs::remove_file(folder.join(config)).unwrap(), config);
    refused("routes", &|folder| edit(folder, "\"query\":", "\"question\":"), "`structure` as");
    refused("kind", &|folder| edit(folder, ".SpladePooling\"", ".MeanPooling\""), "MeanPooling");
    refused("parameter", &|folder| edit(folder, "\"allow_empty_key\"", "\"route_by\""), "route_by");
    let long = [weights(), vec![1.0]].concat();
    let write = |folder: &Path, bytes: Vec<u8>| fs::write(folder.join(&table), bytes).unwrap();
    refused(
        "long",
        &|folder| write(folder, safetensors("weight", &long)),
        "52 weights, but the model has 51",
    );
    refused(
        "tensor",
        &|folder| write(folder, safetensors("bias", &weights())),
        "no tensor `weight`",
    );
    let negative: Vec<f32> = weights().iter().map(|weight| -weight).collect();
    refused("negative", &|folder| write(folder, safetensors("weight", &negative)), "has weight -");
    refused("garbage", &|folder| write(folder, b"garbage".to_vec()), "model.safetensors");
    let other = |folder: &Path| {
        fs::copy(
            data("models/splade-tiny/tokenizer.json"),
            folder.join(query).join("tokenizer.json"),
        )
        .unwrap();
    };
    refused("tokenizer", &other, "another tokenizer than");
}

#[test]
fn weights_without_a_graph_say_how_to_export_one() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    let input = desk.lines("in.jsonl", &[json!({"_id": "1", "text": "cat"})]);
    let dense =
        r#"[{"path": "", "type": "a.Transformer"}, {"path": "1_Pooling", "type": "a.Pooling"}]"#;
    let sparse = "--library transformers --task fill-mask";
    for (at, (weights, more, task)) in [
        ("model.safetensors", ("modules.json", MODULES), sparse),
        ("pytorch_model.bin", ("config.json", "{}"), sparse),
        ("model.safetensors.index.json", ("config.json", "{}"), sparse),
        (
            "pytorch_model.bin",
            ("modules.json", dense),
            "--library sentence_transformers --task feature-extraction",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let files = [
            ("1_SpladePooling/config.json", "{}"),
            ("1_Pooling/config.json", "{}"),
            more,
            (weights, ""),
        ];
        let model = folder(&desk, &format!("it's {at}"), &files);
        fs::remove_file(Path::new(&model).join("model.onnx")).unwrap();
        let says =
            format!("optimum-cli export onnx {task} --model '{}'", model.replace('\'', r"'\''"));
        fails(&["model", "inspect", &model], 1, &says);
        fails(&["model", "inspect", &model], 1, weights);
        let flag = if task == sparse { "--model" } else { "--dense-model" };
        let index = desk.path("index");
        fails(&["index", "--index", &index, "--input", &input, flag, &model], 1, &says);
    }
    let route = router(&desk, "router", "document_0_MLMTransformer");
    let of_documents = route.join("document_0_MLMTransformer");
    fs::write(route.join("idf.json"), fs::read(fixture("opensearch-v3/idf.json")).unwrap())
        .unwrap();
    fs::rename(of_documents.join("model.onnx"), of_documents.join("model.safetensors")).unwrap();
    let says = format!("--model '{}'", of_documents.display());
    fails(&["model", "inspect", route.to_str().unwrap()], 1, &says);
}

/// A copy of a folder with its folders.
fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let to = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy_all(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).unwrap()),
        }
    }
}

#[test]
fn a_copied_model_can_be_tested() {
    if !runtime_is_here() {
        return;
    }
    let desk = Desk::new();
    for name in
        ["models/splade-tiny", "models/minilm", "fixtures/opensearch-v3", "fixtures/dense-mean"]
    {
        let copy = desk.path(&name.replace('/', "-"));
        copy_all(Path::new(&data(name)), Path::new(&copy));
        let verdict = ok(&["model", "selftest", &copy]);
        assert!(verdict.starts_with("passed") && verdict.contains("largest error"), "{verdict}");
    }
}
