#!/usr/bin/env python3
"""Writes the dense folders of data/fixtures, and golden vectors of all-MiniLM-L6-v2.

    venv/bin/python scripts/dense_fixtures.py                  # numpy, onnx, tokenizers
    venv/bin/python scripts/dense_fixtures.py --minilm         # and onnxruntime

The fixtures are made as those of fixtures.py are: random weights, vectors by plain numpy in float64.
The golden vectors of MiniLM are what ONNX Runtime gives for each text alone, in Python.
"""

import json
import os
import sys

import numpy as np

import fixtures as base
from fixtures import FLOAT, OUT, PAIR, ROOT, TEXTS, Graph, Weights, golden, tokenizer

DIMS = 8


def normalized(row):
    return row / max(np.linalg.norm(row), 1e-12)


def write(name, about, settings, entries, files=None):
    """As fixtures.write, with vectors instead of terms; `entries` are (text, encoding, row, side)."""
    folder = base.write(name, about, settings, [], files=None)
    lines = [json.dumps({"text": text, "side": side, "input_ids": encoding.ids,
                         "vector": [float(np.float32(x)) for x in row]})
             for text, encoding, row, side in entries]
    (folder / "golden.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    for file, value in (files or {}).items():
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(value, indent=2) + "\n")


def modules(*names):
    return [{"idx": i, "name": str(i), "path": "" if i == 0 else f"{i}_{name}",
             "type": f"sentence_transformers.models.{name}"} for i, name in enumerate(names)]


def dense_mean():
    """What a sentence-transformers folder states about itself is enough."""
    weights, tok = Weights(30, DIMS), tokenizer()
    encode = lambda _, e: normalized(weights.logits(e.ids).mean(axis=0))
    entries = golden(TEXTS, tok, encode, max_length=12) + golden(TEXTS[:4], tok, encode, "query", 12)
    modes = {f"pooling_mode_{mode}": mode == "mean_tokens" for mode in
             ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")}
    write("dense-mean", "sentence-transformers: the mean over the tokens, normalised, all stated by its own files.",
          "", entries, {
              "modules.json": modules("Transformer", "Pooling", "Normalize"),
              "1_Pooling/config.json": {"word_embedding_dimension": DIMS, **modes},
              "sentence_bert_config.json": {"max_seq_length": 12, "do_lower_case": False}})
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "last_hidden_state")
    graph.save(OUT / "dense-mean" / "model.onnx", PAIR, [("last_hidden_state", FLOAT, ["batch", "seq", DIMS])])


def dense_cls():
    """BGE: the first token; queries have a prefix. The width of the output is left open."""
    weights, tok = Weights(31, DIMS), tokenizer()
    row = lambda ids: normalized(weights.logits(ids)[0])
    entries = golden(TEXTS, tok, lambda _, e: row(e.ids), max_length=20)
    for text in TEXTS:
        encoding = tok.encode("light " + text)
        entries.append((text, encoding, row(encoding.ids), "query"))
    write("dense-cls", "BGE, E5: the first token, normalised; a prefix before queries.",
          f'kind = "dense"\npooling = "cls"\nnormalize = true\ndims = {DIMS}\n\n'
          '[query]\nprefix = "light "\n\n[document]\nmax_length = 20', entries)
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "last_hidden_state")
    graph.save(OUT / "dense-cls" / "model.onnx", PAIR, [("last_hidden_state", FLOAT, ["batch", "seq", "width"])])


def dense_max():
    """Not normalised; another output of the shape of an embedding lies beside the rows."""
    weights, tok = Weights(32, DIMS), tokenizer()
    encode = lambda _, e: weights.logits(e.ids).max(axis=0)
    write("dense-max", "The largest value over the tokens, not normalised; the pooler's output is not read.",
          'kind = "dense"\npooling = "max"', golden(TEXTS, tok, encode))
    graph = Graph()
    rows = graph.logits(weights, "input_ids", "attention_mask")
    graph.name(rows, "last_hidden_state")
    graph.name(graph("ReduceMean", rows, axes=[1], keepdims=0), "pooler_output")
    graph.save(OUT / "dense-max" / "model.onnx", PAIR,
               [("last_hidden_state", FLOAT, ["batch", "seq", DIMS]), ("pooler_output", FLOAT, ["batch", DIMS])])


def dense_pooled():
    weights, tok = Weights(33, DIMS), tokenizer()
    encode = lambda _, e: normalized(weights.logits(e.ids).mean(axis=0))
    write("dense-pooled", "Pooled and normalised in the graph.", 'kind = "dense"', golden(TEXTS, tok, encode))
    graph = Graph()
    rows = graph.logits(weights, "input_ids", "attention_mask")
    keep = graph("Unsqueeze", graph("Cast", "attention_mask", to=FLOAT), "axis_2")
    total = graph("ReduceSum", graph("Mul", rows, keep), "axis_1", keepdims=0)
    count = graph("Squeeze", graph("ReduceSum", keep, "axis_1"), "axis_2")
    mean = graph("Div", total, count)
    graph.name(graph("LpNormalization", mean, axis=1, p=2), "sentence_embedding")
    graph.save(OUT / "dense-pooled" / "model.onnx", PAIR, [("sentence_embedding", FLOAT, ["batch", DIMS])])


MINILM_TEXTS = ["who discovered penicillin", "",
                "Penicillin was discovered in 1928 by Alexander Fleming, who noticed that a mould kept bacteria away."]


def minilm():
    """The golden vectors of the model that ships in data/models/minilm."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the library is loaded
    import onnxruntime
    from tokenizers import Tokenizer
    folder = ROOT / "data" / "models" / "minilm"
    tok = Tokenizer.from_file(f"{folder}/tokenizer.json")
    tok.no_padding()
    tok.enable_truncation(256)
    session = onnxruntime.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
    lines = []
    for text in MINILM_TEXTS:
        encoding = tok.encode(text)
        row = lambda values: np.array([values], dtype=np.int64)
        fed = {"input_ids": row(encoding.ids), "attention_mask": row(encoding.attention_mask),
               "token_type_ids": row(encoding.type_ids)}
        vector = session.run(["sentence_embedding"], fed)[0][0]
        lines.append(json.dumps({"text": text, "input_ids": encoding.ids,
                                 "vector": [round(float(x), 6) for x in vector]}))
    (folder / "golden.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--minilm"]:
        minilm()
    else:
        for family in (dense_mean, dense_cls, dense_max, dense_pooled):
            family()
        base.sources()
