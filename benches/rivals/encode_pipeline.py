"""The reference that encoding is measured against: ONNX Runtime from Python.

Reads JSONL texts (`text`, optionally `title`; gzip by its name), tokenizes, encodes with a pooled
graph in batches of similar length under a token budget, one session and one thread per core, and
keeps what is above 1e-6 as sparse vectors. Prints one JSON line with the seconds it took, model
loading excluded. Needs numpy, onnxruntime and tokenizers.

    python benches/rivals/encode_pipeline.py --model DIR --graph pooled_fp32.onnx \
        --input passages.jsonl.gz --texts 20000
"""

import argparse
import concurrent.futures
import gzip
import itertools
import json
import os
import time

import numpy
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the library is loaded
import onnxruntime
import tokenizers

CHUNK_TEXTS = 8192
MAX_LENGTH = 256
DROPPED_WEIGHT = 1e-6


def read_texts(path, count):
    """The first texts of a file, title and text joined as the engine joins them."""
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as lines:
        for line in itertools.islice(lines, count):
            document = json.loads(line)
            yield (document.get("title", "") + " " + document["text"]).strip()


def batches(encodings, budget_tokens):
    """Positions of texts, longest first, such that no padded batch exceeds the budget."""
    order = sorted(range(len(encodings)), key=lambda text: -len(encodings[text].ids))
    batch, length = [], 0
    for text in order:
        length = length or len(encodings[text].ids)
        if batch and (len(batch) + 1) * length > budget_tokens:
            yield batch
            batch, length = [], len(encodings[text].ids)
        batch.append(text)
    if batch:
        yield batch


def encode(session, encodings, batch):
    """One run of the graph: term ids and weights of every text of the batch."""
    length = len(encodings[batch[0]].ids)
    ids = numpy.zeros((len(batch), length), dtype=numpy.int64)
    mask = numpy.zeros_like(ids)
    for row, text in enumerate(batch):
        tokens = encodings[text].ids
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
    names = {given.name for given in session.get_inputs()}
    feeds = {name: value for name, value in feeds.items() if name in names}
    weights = session.run(None, feeds)[0]
    vectors = []
    for text, row in zip(batch, weights):
        terms = numpy.flatnonzero(row > DROPPED_WEIGHT)
        vectors.append((text, terms.astype(numpy.uint32), row[terms]))
    return vectors


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--graph", default="pooled_fp32.onnx")
    parser.add_argument("--input", required=True)
    parser.add_argument("--texts", type=int)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--budget-tokens", type=int, default=512)
    args = parser.parse_args()

    tokenizer = tokenizers.Tokenizer.from_file(os.path.join(args.model, "tokenizer.json"))
    tokenizer.enable_truncation(MAX_LENGTH)
    tokenizer.no_padding()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    graph = os.path.join(args.model, args.graph)
    sessions = [
        onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        for _ in range(args.threads)
    ]

    start = time.perf_counter()
    texts = read_texts(args.input, args.texts)
    counted, postings = 0, 0
    with concurrent.futures.ThreadPoolExecutor(args.threads) as pool:
        free = list(sessions)

        def run(encodings, batch):
            session = free.pop()
            vectors = encode(session, encodings, batch)
            free.append(session)
            return vectors

        while chunk := list(itertools.islice(texts, CHUNK_TEXTS)):
            encodings = tokenizer.encode_batch(chunk)
            futures = [
                pool.submit(run, encodings, batch)
                for batch in batches(encodings, args.budget_tokens)
            ]
            for future in futures:
                postings += sum(len(terms) for _, terms, _ in future.result())
            counted += len(chunk)
    seconds = time.perf_counter() - start
    print(json.dumps({
        "texts": counted,
        "postings": postings,
        "seconds": round(seconds, 2),
        "texts_per_second": round(counted / seconds, 1),
        "runtime": onnxruntime.__version__,
    }))


if __name__ == "__main__":
    main()
