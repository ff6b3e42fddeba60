"""Makes sets of vectors: folders with docs.bin and queries.bin, the input of every benchmark here.

    python benches/sets.py head --set p200 --docs 25000 --out p25k
    python benches/sets.py beir --dataset beir/scifact --gleaner target/release/gleaner \\
        --model data/models/splade-tiny --out scifact
    python benches/sets.py inference-free --set p200 --queries queries.jsonl \\
        --model data/models/splade-tiny --out p200-short

`head` keeps the first documents of a set and all its queries. `beir` encodes a BEIR folder with the
model, the queries with a judgement only. `inference-free` keeps the documents of a set and makes
queries without a model: each distinct word piece of the text once, weighted by `idf.json`, special
pieces and weights of 0 or less left out. Queries without a term are left out, because the harness
takes none. A file of vectors is little-endian: u64 rows, u64 entries, u32 dimension, u64 starts[rows + 1],
u32 terms[entries] (ascending within a row), f32 weights[entries].

Needs numpy; `inference-free` needs tokenizers too.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np


def read(path):
    """(starts, terms, weights, dimension) of a file of vectors."""
    with open(path, "rb") as file:
        rows, entries = (int(x) for x in np.fromfile(file, "<u8", 2))
        dimension = int(np.fromfile(file, "<u4", 1)[0])
        starts = np.fromfile(file, "<u8", rows + 1)
        return starts, np.fromfile(file, "<u4", entries), np.fromfile(file, "<f4", entries), dimension


def write(path, starts, terms, weights, dimension):
    """The inverse of `read`; the file appears whole or not at all."""
    partial = path.with_suffix(".part")
    with open(partial, "wb") as file:
        np.array([len(starts) - 1, len(terms)], "<u8").tofile(file)
        np.array([dimension], "<u4").tofile(file)
        np.asarray(starts, "<u8").tofile(file)
        np.asarray(terms, "<u4").tofile(file)
        np.asarray(weights, "<f4").tofile(file)
    partial.rename(path)


def write_rows(path, rows, dimension):
    """Writes rows given as lists of (term, weight) sorted by term."""
    starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    flat = [entry for row in rows for entry in row]
    write(path, starts, [term for term, _ in flat], [weight for _, weight in flat], dimension)


def link(source, target):
    """Links a file of another set, with the path that the other folder has now."""
    target.unlink(missing_ok=True)
    os.symlink(source.resolve(), target)


def head(args):
    starts, terms, weights, dimension = read(args.set / "docs.bin")
    starts = starts[: args.docs + 1]
    end = int(starts[-1])
    write(args.out / "docs.bin", starts, terms[:end], weights[:end], dimension)
    link(args.set / "queries.bin", args.out / "queries.bin")


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def encode(args, side, source, target):
    command = [args.gleaner, "encode", "--model", args.model, "--side", side, "--format", "vectors"]
    subprocess.run([*command, "--input", source, "--out", target], check=True)


def beir(args):
    judged = {line.split("\t")[0] for line in open(args.dataset / "qrels/test.tsv", encoding="utf-8")}
    queries = [query for query in lines(args.dataset / "queries.jsonl") if query["_id"] in judged]
    encode(args, "document", args.dataset / "corpus.jsonl", args.out / "docs.bin")
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for query in queries:
            file.write(json.dumps({"_id": query["_id"], "text": query["text"]}) + "\n")
        file.flush()
        encode(args, "query", file.name, args.out / "queries.bin")
    starts, terms, weights, dimension = read(args.out / "queries.bin")
    kept = np.concatenate([[0], starts[1:][np.diff(starts.astype(np.int64)) > 0]])
    if len(kept) < len(starts):
        write(args.out / "queries.bin", kept, terms, weights, dimension)


def inference_free(args):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(args.model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    idf = json.loads((args.model / "idf.json").read_text(encoding="utf-8"))
    weight_of = {tokenizer.token_to_id(piece): weight for piece, weight in idf.items()}
    rows = []
    for query in lines(args.queries):
        pieces = sorted(set(tokenizer.encode(query["text"], add_special_tokens=False).ids))
        row = [(piece, weight_of[piece]) for piece in pieces if weight_of.get(piece, 0) > 0]
        rows += [row] if row else []
    dimension = int(np.fromfile(args.set / "docs.bin", "<u4", 5)[4])
    write_rows(args.out / "queries.bin", rows, dimension)
    link(args.set / "docs.bin", args.out / "docs.bin")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("head", help="the first documents of a set")
    verb.add_argument("--set", type=Path, required=True)
    verb.add_argument("--docs", type=int, required=True)
    verb.set_defaults(make=head)
    verb = verbs.add_parser("beir", help="a BEIR folder, encoded")
    verb.add_argument("--dataset", type=Path, required=True)
    verb.add_argument("--gleaner", default="target/release/gleaner")
    verb.add_argument("--model", type=Path, default=Path("data/models/splade-tiny"))
    verb.set_defaults(make=beir)
    verb = verbs.add_parser("inference-free", help="a set's documents, queries by word pieces")
    verb.add_argument("--set", type=Path, required=True)
    verb.add_argument("--queries", type=Path, required=True, help="JSONL with text")
    verb.add_argument("--model", type=Path, default=Path("data/models/splade-tiny"))
    verb.set_defaults(make=inference_free)
    for verb in verbs.choices.values():
        verb.add_argument("--out", type=Path, required=True, help="folder of the new set")
    return parser.parse_args()


def main():
    args = arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    args.make(args)
    for name in ("docs", "queries"):
        starts, terms, _, _ = read(args.out / f"{name}.bin")
        rows = len(starts) - 1
        print(f"{args.out}/{name}.bin: {rows} rows, {len(terms) / max(rows, 1):.1f} terms each")


if __name__ == "__main__":
    main()
