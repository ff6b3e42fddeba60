#!/usr/bin/env python3
"""Writes data/fixtures: a tiny model per family, with golden vectors.

    python3 -m venv venv && venv/bin/pip install numpy onnx tokenizers && venv/bin/python scripts/fixtures.py

Weights are random but fixed; nothing comes from a published model. The vectors are computed here in
float64 by plain numpy, from the definitions in the papers and not from the graphs: ONNX Runtime is not
used. Tests need neither this script nor Python.
"""

import hashlib
import json
import math
import pathlib
import re

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "data" / "fixtures"
HIDDEN = 6

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = (
    "the a of cat dog harbour light sea ship wine red tea black green house old stone river bank "
    "money rain snow music song bird tree leaf sun moon star fire coal vaccine immun needle fish "
    "bread corn ##s ##ed ##ing ##ization ##man ##er ##y ."
).split()
VOCABULARY = SPECIALS + PIECES
V = len(VOCABULARY)
SPECIAL_IDS = set(range(len(SPECIALS)))

TEXTS = [
    "the cat", "red wine", "Immunization", "the old stone house of the fisherman",
    "rain rain rain", "ships ship shipping .", "", "black tea and green tea",
    "the moon, the sun; the stars!", "needles", "old songs of the sea and the river bank",
    "zebra", "money money . money banks banking banker",
]


def tokenizer(specials=True):
    made = Tokenizer(models.WordPiece({t: i for i, t in enumerate(VOCABULARY)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(SPECIALS)
    if specials:
        made.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return made


class Weights:
    """Named random numbers, float32 so that graph and reference start from the same values."""

    def __init__(self, seed, columns):
        random = np.random.default_rng(seed)
        draw = lambda *shape: random.normal(0.0, 1.0, shape).astype(np.float32)
        self.embedding = draw(V, HIDDEN)
        self.context = (draw(HIDDEN, HIDDEN) * 0.04).astype(np.float32)
        self.output = (draw(HIDDEN, columns) * 0.6).astype(np.float32)
        self.bias = (-1.0 + 0.1 * draw(columns)).astype(np.float32)

    def hidden(self, ids):
        """Every token, and the mean of all of them: so a vector depends on the whole text."""
        rows = self.embedding.astype(np.float64)[ids]
        return np.tanh(rows + rows.mean(axis=0, keepdims=True) @ self.context.astype(np.float64))

    def logits(self, ids):
        return self.hidden(ids) @ self.output.astype(np.float64) + self.bias.astype(np.float64)


# --- graphs ------------------------------------------------------------------------------------


class Graph:
    def __init__(self):
        self.nodes, self.constants = [], {}

    def constant(self, name, value):
        self.constants[name] = np.asarray(value)
        return name

    def __call__(self, kind, *inputs, **attributes):
        output = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def name(self, value, name):
        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def hidden(self, weights, ids, mask):
        """[b, s, HIDDEN]; without a mask every token is real."""
        table = self.constant("embedding", weights.embedding)
        rows = self("Gather", table, ids)
        if mask:
            keep = self("Unsqueeze", self("Cast", mask, to=TensorProto.FLOAT),
                        self.constant("axis_2", np.array([2])))
            total = self("ReduceSum", self("Mul", rows, keep), self.constant("axis_1", np.array([1])))
            count = self("ReduceSum", keep, "axis_1")
            mean = self("Div", total, count)
        else:
            mean = self("ReduceMean", rows, axes=[1])
        context = self("MatMul", mean, self.constant("context", weights.context))
        return self("Tanh", self("Add", rows, context))

    def logits(self, weights, ids, mask):
        hidden = self.hidden(weights, ids, mask)
        product = self("MatMul", hidden, self.constant("output", weights.output))
        return self("Add", product, self.constant("bias", weights.bias))

    def pooled(self, weights, ids, mask):
        """max over real tokens of log1p(relu(logit))"""
        active = self("Relu", self.logits(weights, ids, mask))
        keep = self("Unsqueeze", self("Cast", mask, to=TensorProto.FLOAT), "axis_2")
        largest = self("ReduceMax", self("Mul", active, keep), axes=[1], keepdims=0)
        return self("Log", self("Add", largest, self.constant("one", np.float32(1))))

    def save(self, path, inputs, outputs, external=None):
        value = lambda name, kind, shape: helper.make_tensor_value_info(name, kind, shape)
        tensors = [numpy_helper.from_array(array, name) for name, array in self.constants.items()]
        graph = helper.make_graph(self.nodes, "fixture", [value(*i) for i in inputs],
                                  [value(*o) for o in outputs], tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                                  producer_name="gleaner-fixtures")
        model.ir_version = 8
        onnx.checker.check_model(model)
        if external:
            onnx.save(model, path, save_as_external_data=True, location=external, size_threshold=256)
            (path.parent / external).chmod(0o644)
        else:
            path.write_bytes(model.SerializeToString())


LONG, INT, FLOAT, HALF = TensorProto.INT64, TensorProto.INT32, TensorProto.FLOAT, TensorProto.FLOAT16
PAIR = [("input_ids", LONG, ["batch", "seq"]), ("attention_mask", LONG, ["batch", "seq"])]

# --- reference ---------------------------------------------------------------------------------

log1p_relu = lambda x: np.log1p(np.maximum(x, 0))
relu = lambda x: np.maximum(x, 0)


def vector(row, keep=lambda i: True):
    """Pairs of a dense row; weights up to 1e-6 are nothing."""
    return {int(i): float(row[i]) for i in np.nonzero(row > 1e-6)[0] if keep(int(i))}


def golden(texts, tok, encode, side="document", max_length=256):
    entries = []
    tok.enable_truncation(max_length)
    for text in texts:
        encoding = tok.encode(text)
        entries.append((text, encoding, encode(text, encoding), side))
    tok.no_truncation()
    return entries


def entry(text, ids, pairs, side):
    pairs = sorted(pairs.items())
    return {"text": text, "side": side, "input_ids": ids, "indices": [i for i, _ in pairs],
            "weights": [float(np.float32(w)) for _, w in pairs]}


def write(name, about, settings, entries, tok=None, files=None):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    (tok or tokenizer()).save(str(folder / "tokenizer.json"), pretty=False)
    comment = "".join(f"# {line}\n" for line in about.strip().splitlines())
    settings = settings.strip()
    body = f"{settings}\n\n" if settings else ""
    # A table must follow the plain keys, and golden is a table.
    (folder / "gleaner.toml").write_text(
        f"{comment}{body}[golden]\nfile = \"golden.json\"\ntolerance = 0.0001\n")
    lines = [json.dumps(entry(t, e if isinstance(e, list) else e.ids, p, s)) for t, e, p, s in entries]
    (folder / "golden.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    for file, text in (files or {}).items():
        (folder / file).write_text(text)
    return folder


# --- families ----------------------------------------------------------------------------------


def splade_v1():
    weights, tok = Weights(1, V), tokenizer()
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "logits")
    encode = lambda _, e: vector(log1p_relu(weights.logits(e.ids)).sum(axis=0))
    folder = write("splade-v1", "SPLADE v1: log1p(relu(logit)), summed over the tokens.",
                   'pooling = "sum"', golden(TEXTS, tok, encode))
    graph.save(folder / "model.onnx", PAIR, [("logits", FLOAT, ["batch", "seq", V])])


def splade_max():
    weights, tok = Weights(2, V), tokenizer()
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "logits")
    encode = lambda _, e: vector(log1p_relu(weights.logits(e.ids)).max(axis=0))
    folder = write("splade-max", """
SPLADE v2, ++ and v3: log1p(relu(logit)), the largest over the tokens. These are the defaults.
The weights lie in a file of their own beside the graph.""",
                   "", golden(TEXTS, tok, encode))
    graph.save(folder / "model.onnx", PAIR + [("token_type_ids", LONG, ["batch", "seq"])],
               [("logits", FLOAT, ["batch", "seq", V])], external="weights.bin")


def splade_fixed():
    """One text of 16 tokens at a time, 32-bit inputs, half-precision output."""
    weights, tok = Weights(3, V), tokenizer()
    graph = Graph()
    wide = graph("Cast", "input_ids", to=LONG)
    pooled = graph.pooled(weights, wide, "attention_mask")
    graph.nodes.append(helper.make_node("Cast", [pooled], ["weights"], to=HALF))
    encode = lambda _, e: vector(log1p_relu(weights.logits(e.ids)).max(axis=0))
    folder = write("splade-fixed", "Pooled in the graph, which takes one text of 16 tokens, in int32, and returns float16.",
                   "", golden(TEXTS, tok, encode, max_length=16))
    text = (folder / "gleaner.toml").read_text().replace("0.0001", "0.002")
    (folder / "gleaner.toml").write_text(text)
    graph.save(folder / "model.onnx", [(n, INT, [1, 16]) for n in ("input_ids", "attention_mask")],
               [("weights", HALF, [1, V])])


def sparse_outputs():
    """Anserini's form: output_idx and output_weights of one text."""
    weights, tok = Weights(4, V), tokenizer()
    graph = Graph()
    pooled = graph.pooled(weights, "input_ids", "attention_mask")
    row = graph("Squeeze", pooled, graph.constant("axis_0", np.array([0])))
    ids = graph("Squeeze", graph("NonZero", row), "axis_0")
    graph.name(ids, "output_idx")
    graph.name(graph("Gather", row, ids), "output_weights")
    encode = lambda _, e: vector(log1p_relu(weights.logits(e.ids)).max(axis=0))
    folder = write("sparse-outputs", "Term ids and weights of one text, as castorini's SPLADE graphs return them.",
                   "", golden(TEXTS, tok, encode))
    graph.save(folder / "model.onnx", PAIR + [("token_type_ids", LONG, ["batch", "seq"])],
               [("output_idx", LONG, ["terms"]), ("output_weights", FLOAT, ["terms"])])


def splade_doc():
    weights, tok = Weights(5, V), tokenizer()
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "logits")
    encode = lambda _, e: vector(log1p_relu(weights.logits(e.ids)).max(axis=0))
    query = lambda _, e: {i: 1.0 for i in e.ids if i not in SPECIAL_IDS}
    entries = golden(TEXTS, tok, encode) + golden(TEXTS, tok, query, "query", 64)
    folder = write("splade-doc", "SPLADE-doc: every distinct word piece of a query weighs 1.",
                   'max_length = { query = 64, document = 256 }\n\n[query]\nencoder = "ones"', entries)
    graph.save(folder / "model.onnx", PAIR, [("logits", FLOAT, ["batch", "seq", V])])


def idf_table(seed):
    random = np.random.default_rng(seed)
    return {t: round(float(random.uniform(0.5, 9.0)), 4) for t in PIECES}


def opensearch_v3():
    weights, tok, idf = Weights(6, V), tokenizer(), idf_table(60)
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "logits")
    encode = lambda _, e: vector(np.log1p(log1p_relu(weights.logits(e.ids)).max(axis=0)))
    query = lambda _, e: {i: float(np.float32(idf[VOCABULARY[i]])) for i in e.ids if i not in SPECIAL_IDS}
    entries = golden(TEXTS, tok, encode) + golden(TEXTS, tok, query, "query")
    folder = write("opensearch-v3", """
OpenSearch doc v3: log1p twice in documents, and queries weighed by idf.json. With
--query-encoder ones or graph they are encoded otherwise.""",
                   'activation = "log1p_log1p_relu"\n\n[query]\nencoder = "idf"\nalso = ["ones"]', entries,
                   files={"idf.json": json.dumps(idf, indent=0) + "\n",
                          "query_token_weights.txt": "".join(f"{t}\t{w}\n" for t, w in idf.items())})
    graph.save(folder / "model.onnx", PAIR, [("logits", FLOAT, ["batch", "seq", V])])


def static_embedding():
    weights, tok = Weights(7, V), tokenizer()
    random = np.random.default_rng(70)
    rows = {}
    for token in PIECES:
        others = random.choice(PIECES, 3, replace=False)
        rows[token] = {token: 2.0, **{o: round(float(random.uniform(0.1, 2.5)), 3) for o in others}}
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "logits")
    encode = lambda _, e: vector(log1p_relu(weights.logits(e.ids)).max(axis=0))
    number = {t: i for i, t in enumerate(VOCABULARY)}

    def query(_, e):
        pairs = {}
        for i in set(e.ids) - SPECIAL_IDS:
            for token, weight in rows[VOCABULARY[i]].items():
                pairs[number[token]] = max(pairs.get(number[token], 0.0), weight)
        return pairs

    entries = golden(TEXTS, tok, encode) + golden(TEXTS, tok, query, "query")
    folder = write("static-embedding", "Queries by a table of sparse rows, the largest weight over the query's word pieces.",
                   '[query]\nencoder = "embedding"', entries,
                   files={"query_embeddings.json": json.dumps(rows, indent=0) + "\n"})
    graph.save(folder / "model.onnx", PAIR, [("logits", FLOAT, ["batch", "seq", V])])


def token_weights(weights, ids):
    """uniCOIL, DeepImpact: relu of one number per token."""
    return relu(weights.logits(ids)[:, 0])


def by_token(weights, ids):
    pairs = {}
    for i, weight in zip(ids, token_weights(weights, ids)):
        if i not in SPECIAL_IDS and weight > 1e-6:
            pairs[i] = max(pairs.get(i, 0.0), float(weight))
    return pairs


def unicoil():
    weights, tok, queries = Weights(8, 1), tokenizer(), Weights(80, 1)
    weights.bias += 1.2
    queries.bias += 1.2
    entries = golden(TEXTS, tok, lambda _, e: by_token(weights, e.ids))
    entries += golden(TEXTS, tok, lambda _, e: by_token(queries, e.ids), "query")
    folder = write("unicoil", """
uniCOIL: a weight per word piece, relu, the largest over repeats; queries by a graph of their own.
The query graph has one input and no mask, as castorini's, so its texts run alone.""",
                   'graph = "document.onnx"\n\n[query]\ngraph = "query.onnx"', entries)
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "weights")
    graph.save(folder / "document.onnx", PAIR, [("weights", FLOAT, ["batch", "seq", 1])])
    graph = Graph()
    flat = graph("Squeeze", graph.logits(queries, "inputIds", None), graph.constant("axis_2", np.array([2])))
    graph.name(flat, "weights")
    graph.save(folder / "query.onnx", [("inputIds", LONG, ["batch", "seq"])],
               [("weights", FLOAT, ["batch", "seq"])])


def deepimpact():
    weights, tok = Weights(9, 1), tokenizer()
    weights.bias += 1.2
    words = sorted({w for t in TEXTS for w in re.findall(r"\w+", t.lower())} - {"zebra"})
    number = {w: i for i, w in enumerate(words)}

    def distinct(text):
        """Whole words and where they begin, each once; punctuation is a word of its own."""
        seen, tokens = [], 1
        for word in re.findall(r"\w+|[^\w\s]", text.lower()):
            if word in number and word not in [w for w, _ in seen]:
                seen.append((word, tokens))
            tokens += len(tok.encode(word, add_special_tokens=False).ids)
        return seen

    def encode(text, e):
        per_token = token_weights(weights, e.ids)
        return {number[w]: float(per_token[at]) for w, at in distinct(text) if per_token[at] > 1e-6}

    query = lambda text, _: {number[w]: 1.0 for w, _ in distinct(text)}
    entries = golden(TEXTS, tok, encode) + golden(TEXTS, tok, query, "query")
    folder = write("deepimpact", """
DeepImpact: the weight of every distinct word is that of its first word piece; words are named by a
list, and a query's words weigh 1.""",
                   '[terms]\nunit = "word"\nnames = "words.txt"\n\n[query]\nencoder = "ones"', entries,
                   files={"words.txt": "\n".join(words) + "\n"})
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "impacts")
    graph.save(folder / "model.onnx", PAIR, [("impacts", FLOAT, ["batch", "seq", 1])])


def sparterm():
    weights, gates, tok = Weights(10, V), Weights(100, V), tokenizer()
    weights.bias += 1.0
    gates.bias += 1.2
    sigmoid = lambda x: 1 / (1 + np.exp(-x))

    def encode(_, e):
        importance = relu(weights.logits(e.ids)).sum(axis=0)
        gate = sigmoid(gates.logits(e.ids).mean(axis=0))
        return vector(np.where(gate > 0.4, importance, 0.0))

    folder = write("sparterm", "SparTerm: importance where the gate is above 0.4. The graph sums over tokens, and so its noise.",
                   'gate = 0.4\nbatching = "single"', golden(TEXTS, tok, encode))
    graph = Graph()
    active = graph("Relu", graph.logits(weights, "input_ids", "attention_mask"))
    keep = graph("Unsqueeze", graph("Cast", "attention_mask", to=FLOAT), "axis_2")
    graph.name(graph("ReduceSum", graph("Mul", active, keep), "axis_1", keepdims=0), "importance")
    table = graph.constant("gate_embedding", gates.embedding)
    rows = graph("Mul", graph("Gather", table, "input_ids"), keep)
    count = graph("ReduceSum", keep, "axis_1")
    mean = graph("Div", graph("ReduceSum", rows, "axis_1"), count)
    context = graph("MatMul", mean, graph.constant("gate_context", gates.context))
    hidden = graph("Tanh", graph("Add", graph("Gather", table, "input_ids"), context))
    logits = graph("Add", graph("MatMul", hidden, graph.constant("gate_output", gates.output)),
                   graph.constant("gate_bias", gates.bias))
    total = graph("ReduceSum", graph("Mul", logits, keep), "axis_1", keepdims=0)
    number = graph("Squeeze", count, graph.constant("axis_last", np.array([2])))
    graph.name(graph("Sigmoid", graph("Div", total, number)), "gate")
    graph.save(folder / "model.onnx", PAIR,
               [("importance", FLOAT, ["batch", V]), ("gate", FLOAT, ["batch", V])])


def decoder():
    weights, tok = Weights(11, V), tokenizer(specials=False)

    def encode(text, e):
        own = tok.encode(text, add_special_tokens=False).ids
        if not own:
            return {}
        # The text stands twice with a full stop between; the second copy is at the end.
        return vector(log1p_relu(weights.logits(e)[-len(own):]).max(axis=0))

    entries = []
    stop = VOCABULARY.index(".")
    for text in TEXTS:
        own = tok.encode(text).ids
        ids = own + [stop] + own
        entries.append((text, ids, encode(text, ids), "document"))
    folder = write("decoder", """
A decoder read twice: the text stands two times in the template, and only the second copy's logits
are pooled.""", '[document]\ntemplate = "{text} . {text}"\n\n[query]\ntemplate = "{text} . {text}"', entries, tok)
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "logits")
    graph.save(folder / "model.onnx", PAIR, [("logits", FLOAT, ["batch", "seq", V])])


def binarised():
    weights, tok = Weights(12, V), tokenizer()
    encode = lambda _, e: {i: 1.0 for i in vector(log1p_relu(weights.logits(e.ids)).max(axis=0))}
    folder = write("binarised", "Binarised: every term that is there weighs 1.",
                   'activation = "binary"', golden(TEXTS, tok, encode))
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "logits")
    graph.save(folder / "model.onnx", PAIR, [("logits", FLOAT, ["batch", "seq", V])])


def codes():
    """Codes of a sparse autoencoder: 70,000 columns that are no tokens, of which 64 are ever used."""
    weights, tok, first = Weights(13, 64), tokenizer(), 69_936
    encode = lambda _, e: {first + i: w for i, w in
                           vector(log1p_relu(weights.logits(e.ids)).max(axis=0)).items()}
    folder = write("codes", "Codes that are no tokens (CSR, UHD): 70,000 of them, term ids beyond 65,536.",
                   '[terms]\nunit = "code"', golden(TEXTS, tok, encode))
    graph = Graph()
    pooled = graph.pooled(weights, "input_ids", "attention_mask")
    padding = graph.constant("padding", np.array([0, first, 0, 0]))
    graph.name(graph("Pad", pooled, padding), "codes")
    graph.save(folder / "model.onnx", PAIR, [("codes", FLOAT, ["batch", 70_000])])


def phrases():
    names = ["red wine", "black tea", "stone house", "river bank", "old song", "the sea"]
    weights, tok = Weights(14, V + len(names)), tokenizer()
    encode = lambda _, e: vector(log1p_relu(weights.logits(e.ids)).max(axis=0))
    folder = write("phrases", "CASPER: phrases after the tokens, named by a list.",
                   '[terms]\nnames = "phrases.txt"', golden(TEXTS, tok, encode),
                   files={"phrases.txt": "\n".join(names) + "\n"})
    graph = Graph()
    graph.name(graph.pooled(weights, "input_ids", "attention_mask"), "weights")
    graph.save(folder / "model.onnx", PAIR, [("weights", FLOAT, ["batch", V + len(names)])])


def pruned(pairs, ratio=None, mass=None, top=None):
    order = sorted(pairs.items(), key=lambda p: (-p[1], p[0]))
    if ratio:
        order = [p for p in order if p[1] >= ratio * order[0][1]]
    if mass:
        wanted, held, kept = mass * sum(w for _, w in order), 0.0, []
        for pair in order:
            kept.append(pair)
            held += pair[1]
            if held >= wanted:
                break
        order = kept
    return dict(order[:top] if top else order)


def pruning():
    weights, tok = Weights(15, V), tokenizer()
    row = lambda e: vector(log1p_relu(weights.logits(e.ids)).max(axis=0))
    cls = {VOCABULARY.index("[CLS]"), VOCABULARY.index("[SEP]")}
    plain = lambda e: {i: w for i, w in row(e).items() if i not in cls}
    entries = golden(TEXTS, tok, lambda _, e: pruned(plain(e), ratio=0.3, mass=0.9))
    entries += golden(TEXTS, tok, lambda _, e: pruned(plain(e), top=3), "query")
    # The prefix comes before the text of a query.
    prefixed = []
    for text, _, _, _ in entries[len(TEXTS):]:
        e = tok.encode("light " + text)
        prefixed.append((text, e, pruned(plain(e), top=3), "query"))
    folder = write("pruning", "Pruned vectors, each side its own way; a prefix before queries; two terms dropped.",
                   '[terms]\ndrop = ["[CLS]", "[SEP]"]\n\n[document]\nprune = { ratio = 0.3, mass = 0.9 }\n\n'
                   '[query]\nprefix = "light "\nprune = { top_terms = 3 }', entries[:len(TEXTS)] + prefixed)
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "logits")
    graph.save(folder / "model.onnx", PAIR, [("logits", FLOAT, ["batch", "seq", V])])


def rejected():
    """Graphs that are no sparse models."""
    weights, tok = Weights(16, 8), tokenizer()
    folder = write("coil", "COIL: a vector of 8 per token. Refused.", "", [])
    graph = Graph()
    graph.name(graph.logits(weights, "input_ids", "attention_mask"), "token_vectors")
    graph.save(folder / "model.onnx", PAIR, [("token_vectors", FLOAT, ["batch", "seq", 8])])
    folder = write("dense", "A dense embedding of 8 per text. Refused.", "", [])
    graph = Graph()
    logits = graph.logits(weights, "input_ids", "attention_mask")
    graph.name(graph("ReduceMean", logits, axes=[1], keepdims=0), "sentence_embedding")
    graph.save(folder / "model.onnx", PAIR, [("sentence_embedding", FLOAT, ["batch", 8])])
    weights = Weights(17, V)
    folder = write("signed", "As wide as the vocabulary, and signed: the graph does not activate. Refused at the first text.",
                   "", [])
    graph = Graph()
    logits = graph.logits(weights, "input_ids", "attention_mask")
    graph.name(graph("ReduceMean", logits, axes=[1], keepdims=0), "weights")
    graph.save(folder / "model.onnx", PAIR, [("weights", FLOAT, ["batch", V])])
    for name in ("coil", "dense", "signed"):
        (OUT / name / "golden.json").unlink()
        text = (OUT / name / "gleaner.toml").read_text()
        (OUT / name / "gleaner.toml").write_text(text[:text.index("[golden]")].rstrip() + "\n")


def sources():
    """Writes the entry of data/sources.toml, which stands last in it."""
    path = ROOT / "data" / "sources.toml"
    before = path.read_text().split("\n[fixtures]\n")[0].rstrip()
    files = sorted(p for p in OUT.rglob("*") if p.is_file())
    digest = lambda p: hashlib.sha256(p.read_bytes()).hexdigest()
    lines = [f'"{p.relative_to(OUT).as_posix()}" = "{digest(p)}"' for p in files]
    path.write_text(before + """

[fixtures]
folder = "fixtures"
source = "written by us: scripts/fixtures.py and scripts/dense_fixtures.py, random weights"
licence = "MIT OR Apache-2.0"

[fixtures.files]
""" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    for family in (splade_v1, splade_max, splade_fixed, sparse_outputs, splade_doc, opensearch_v3,
                   static_embedding, unicoil, deepimpact, sparterm, decoder, binarised, codes, phrases,
                   pruning, rejected):
        family()
    sources()
