"""Other engines behind the contract that gleaner-audit speaks.

    python benches/rivals/contract.py ENGINE build  --vectors DIR --index DIR --config FILE
    python benches/rivals/contract.py ENGINE search --vectors DIR --index DIR --config FILE --k K \\
        --queries N --warmup W --passes P --results DIR
    python benches/rivals/contract.py ENGINE offers --config FILE

Engines: vsag (SINDI), qdrant (Qdrant Edge), seismic (approximate), bmp, pisa; each from its Python
package. Vectors are handed over as the engine takes them: f32 where it does, else 8-bit impacts
(weight times 255 over the largest weight, rounded, at least 1) and integer query weights. Build keys:
vsag `values` (f32 or sq8); qdrant `datatype` (Float32, Float16, Uint8); bmp `block`; seismic
`n_postings`, `centroid_fraction`, `summary_energy`. Search keys: pisa `algorithm`; seismic `query_cut`,
`heap_factor`. No clock is worth reading here: the audit looks at answers, and zeros stand for times.

What each promises, and so what to audit it with: vsag f32 and qdrant Float32 `float`; vsag sq8,
qdrant Float16 and Uint8, bmp and pisa `own`; seismic `no`.
"""

import argparse
import ctypes
import glob
import importlib.util
import json
import os
import struct
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from sets import read  # noqa: E402

NONE = 0xFFFFFFFF
LEVELS = 255


class Set:
    """Rows of a file of vectors."""

    def __init__(self, path):
        self.starts, self.terms, self.weights, self.dimension = read(path)
        self.starts = self.starts.astype(np.int64)
        self.rows = len(self.starts) - 1

    def row(self, row):
        span = slice(self.starts[row], self.starts[row + 1])
        return self.terms[span], self.weights[span]


def impacts(weights, largest, levels=LEVELS):
    """Weights as integers from 1 to `levels`."""
    return np.clip(np.rint(weights.astype(np.float64) * levels / largest), 1, levels).astype(np.int64)


class Vsag:
    def index(self, docs, build):
        import pyvsag

        pyvsag.set_logger_off()
        longest = int(np.diff(docs.starts).max())
        parameters = {"term_id_limit": docs.dimension, "window_size": 50_000, "doc_prune_ratio": 0.0}
        parameters |= {"use_quantization": build.get("values") == "sq8", "use_reorder": False}
        kind = {"dtype": "sparse", "metric_type": "ip", "dim": max(1, longest)}
        return pyvsag.Index("sindi", json.dumps({**kind, "index_param": parameters}))

    def build(self, docs, build, folder):
        index = self.index(docs, build)
        starts, terms = docs.starts.astype(np.uint32), docs.terms.astype(np.uint32)
        index.build(starts, terms, docs.weights.astype(np.float32), np.arange(docs.rows, dtype=np.int64))
        index.save(str(folder / "index"))

    def open(self, docs, build, folder):
        self.rows = docs.rows
        self.opened = self.index(docs, build)
        self.opened.load(str(folder / "index"))

    def search(self, terms, weights, k, search):
        keys = {"query_prune_ratio": 0.0, "n_candidate": 0, "use_term_lists_heap_insert": search.get("lists", False)}
        starts = np.array([0, len(terms)], np.uint32)
        ids, distances = self.opened.knn_search(starts, terms, weights, k, json.dumps({"sindi": keys}))
        return self.filled(ids[0].tolist(), distances[0].tolist())

    def filled(self, ids, distances):
        """The places that were filled: the binding leaves the others as they were in memory, so the
        answer ends at the first that cannot be a hit. Scores come back as 1 - distance in f32."""
        hits, last = {}, -np.inf
        for row, distance in zip(ids, distances):
            ascends = distance >= last
            if not (0 <= row < self.rows and row not in hits and distance < 1 and ascends):
                break
            hits[row], last = 1 - distance, distance
        return list(hits), list(hits.values())


class Qdrant:
    def config(self, build):
        import qdrant_edge as q

        datatype = getattr(q.VectorStorageDatatype, build.get("datatype", "Float32"))
        vectors = q.EdgeSparseVectorParams(full_scan_threshold=0, memory=q.Memory.Pinned, datatype=datatype)
        optimizers = q.EdgeOptimizersConfig(
            default_segment_number=1, indexing_threshold=1, max_segment_size=100_000_000
        )
        return q.EdgeConfig(sparse_vectors={"s": vectors}, optimizers=optimizers, max_search_threads=1, wal_enabled=False)

    def build(self, docs, build, folder):
        import qdrant_edge as q

        shard = q.EdgeShard.create(str(folder), self.config(build))
        for first in range(0, docs.rows, 2000):
            points = []
            for row in range(first, min(first + 2000, docs.rows)):
                terms, weights = docs.row(row)
                points.append(q.Point(row, {"s": q.SparseVector(terms.tolist(), weights.tolist())}))
            shard.update(q.UpdateOperation.upsert_points(points))
        while shard.optimize():
            pass
        shard.flush()
        shard.close()

    def open(self, docs, build, folder):
        import qdrant_edge as q

        self.q, self.shard = q, q.EdgeShard.load(str(folder), self.config(build))

    def search(self, terms, weights, k, search):
        vector = self.q.SparseVector(terms.tolist(), weights.tolist())
        request = self.q.SearchRequest(query=self.q.Query.Nearest(vector, using="s"), limit=k)
        hits = self.shard.search(request)
        return [hit.id for hit in hits], [hit.score for hit in hits]


class Seismic:
    def build(self, docs, build, folder):
        import seismic

        rows = [struct.pack("<I", docs.rows)]
        for row in range(docs.rows):
            terms, weights = docs.row(row)
            rows += [struct.pack("<I", len(terms)), terms.astype("<u4").tobytes(), weights.astype("<f4").tobytes()]
        (folder / "docs").write_bytes(b"".join(rows))
        keys = {"n_postings": 3500, "centroid_fraction": 0.1, "summary_energy": 0.4, "max_fraction": 1.5}
        index = seismic.SeismicIndexRaw.build(str(folder / "docs"), **{key: build.get(key, keys[key]) for key in keys})
        index.save(str(folder / "index"))

    def open(self, docs, build, folder):
        import seismic

        path = next(path for path in folder.iterdir() if path.name.startswith("index"))
        self.dimension = int(docs.terms.max()) + 1 if len(docs.terms) else 0
        self.index = seismic.SeismicIndexRaw.load(str(path))

    def search(self, terms, weights, k, search):
        known = terms < self.dimension  # the library panics on a term above all it has seen
        terms, weights = terms[known], weights[known]
        if not len(terms):
            return [], []
        cut, factor = search.get("query_cut", 1_000_000), search.get("heap_factor", 1.0)
        hits = self.index.search(terms.astype(np.int32), weights.astype(np.float32), k, cut, factor, 0, True)
        return [row for _, row in hits], [score for score, _ in hits]


def postings(docs):
    """(term, rows, impacts) of every term that occurs."""
    rows = np.repeat(np.arange(docs.rows), np.diff(docs.starts))
    order = np.argsort(docs.terms, kind="stable")
    terms, rows = docs.terms[order], rows[order]
    values = impacts(docs.weights, docs.weights.max(initial=1e-30))[order]
    bounds = np.flatnonzero(np.diff(terms)) + 1
    for part in np.split(np.arange(len(terms)), bounds):
        if len(part):
            yield int(terms[part[0]]), rows[part], values[part]


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, value):
    """One field of a protocol buffer: an integer, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def write_ciff(path, docs):
    """The common index file format: header, postings lists, documents, each with its length."""
    lists = list(postings(docs))
    lengths = np.bincount(
        np.concatenate([rows for _, rows, _ in lists] or [np.zeros(0, int)]), minlength=docs.rows
    )
    header = field(1, 1) + field(2, len(lists)) + field(3, docs.rows) + field(4, len(lists)) + field(5, docs.rows)
    header += field(6, int(lengths.sum())) + varint(7 << 3 | 1) + struct.pack("<d", float(lengths.mean()))
    messages = [header]
    for term, rows, values in sorted(lists, key=lambda entry: str(entry[0])):
        body = field(1, str(term).encode()) + field(2, len(rows)) + field(3, int(values.sum()))
        gaps = np.diff(rows, prepend=0)
        body += b"".join(field(4, field(1, int(g)) + field(2, int(v))) for g, v in zip(gaps, values))
        messages.append(body)
    for row in range(docs.rows):
        messages.append(field(1, row) + field(2, str(row).encode()) + field(3, int(lengths[row])))
    path.write_bytes(b"".join(varint(len(message)) + message for message in messages))


class Bmp:
    def build(self, docs, build, folder):
        import bmp

        write_ciff(folder / "docs.ciff", docs)
        bmp.ciff2bmp(str(folder / "docs.ciff"), str(folder / "index"), build.get("block", 16), True)

    def open(self, docs, build, folder):
        import bmp

        self.searcher = bmp.Searcher(str(folder / "index"))

    def search(self, terms, weights, k, search):
        query = {str(term): float(weight) for term, weight in zip(terms, weights)}
        try:
            rows, scores = self.searcher.search(query, k, 1.0, 1.0)
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            return [], []  # the library panics when no block can enter the top k
        return [int(row) for row in rows], scores


class Pisa:
    """pyterrier_pisa's C++ module alone: its package would need Java."""

    def module(self):
        library = os.path.join(sys.prefix, "lib", "libtbb.so.2")
        if os.path.exists(library):
            ctypes.CDLL(library, ctypes.RTLD_GLOBAL)
        folder = importlib.util.find_spec("pyterrier_pisa").submodule_search_locations[0]
        path = glob.glob(folder + "/_pisathon*.so")[0]
        spec = importlib.util.spec_from_file_location("pyterrier_pisa._pisathon", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def prepare(self, pisa, context, folder):
        kind = {"encoding": "block_simdbp", "scorer_name": "quantized", "stemmer": "", "block_size": 64, "quantize": 0}
        pisa.prepare_index(context, index_dir=str(folder), **kind)

    def build(self, docs, build, folder):
        pisa = self.module()
        lists = sorted(postings(docs), key=lambda entry: str(entry[0]))
        (folder / "fwd.terms").write_text("".join(f"{term}\n" for term, _, _ in lists))
        (folder / "fwd.documents").write_text("".join(f"{row}\n" for row in range(docs.rows)))
        lengths = np.zeros(docs.rows, np.int64)
        ids, values = [[1, docs.rows]], [np.zeros(0, np.int64)]
        for _, rows, impact in lists:
            ids += [[len(rows)], rows]
            values += [[len(rows)], impact]
            np.add.at(lengths, rows, impact)
        np.concatenate(ids).astype("<u4").tofile(folder / "inv.docs")
        np.concatenate(values).astype("<u4").tofile(folder / "inv.freqs")
        np.concatenate([[docs.rows], lengths]).astype("<u4").tofile(folder / "inv.sizes")
        pisa.build_binlex(str(folder / "fwd.documents"), str(folder / "fwd.doclex"))
        pisa.build_binlex(str(folder / "fwd.terms"), str(folder / "fwd.termlex"))
        self.prepare(pisa, pisa.RetrievalContext(), folder)

    def open(self, docs, build, folder):
        self.pisa = self.module()
        self.context = self.pisa.RetrievalContext()
        self.prepare(self.pisa, self.context, folder)

    def search(self, terms, weights, k, search):
        queries = [(0, {str(t): float(w) for t, w in zip(terms, impacts(weights, weights.max()))})]
        qids, ranks = np.zeros(k, np.int32), np.zeros(k, np.int32)
        names, scores = np.zeros(k, object), np.zeros(k, np.float32)
        found = self.pisa.retrieve(
            self.context, search.get("algorithm", "maxscore"), queries, k=k, threads=1, pretokenised=1,
            query_weighted=1, result_qidxs=qids, result_docnos=names, result_ranks=ranks, result_scores=scores,
        )
        return [int(name) for name in names[:found]], scores[:found]


ENGINES = {"vsag": Vsag, "qdrant": Qdrant, "seismic": Seismic, "bmp": Bmp, "pisa": Pisa}


def search(engine, args, config):
    queries = Set(args.vectors / "queries.bin")
    count = min(args.queries, queries.rows)
    engine.open(Set(args.vectors / "docs.bin"), config["build"], args.index)
    for wanted in config["searches"]:
        rows, scores = np.full((count, args.k), NONE, "<u4"), np.zeros((count, args.k), "<f4")
        for query in range(count):
            terms, weights = queries.row(query)
            got, score = engine.search(terms, weights, args.k, wanted)
            filled = min(args.k, len(got))
            rows[query, :filled], scores[query, :filled] = got[:filled], score[:filled]
        with open(args.results / f"{wanted['id']}.res", "wb") as file:
            np.array([count, args.k], "<u4").tofile(file)
            rows.tofile(file)
            scores.tofile(file)
            np.zeros(2 * count, "<u8").tofile(file)
    return {"searches": {wanted["id"]: {} for wanted in config["searches"]}}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("verb", choices=("build", "search", "offers"))
    for name in ("vectors", "index", "config", "results"):
        parser.add_argument(f"--{name}", type=Path)
    for name in ("k", "queries", "warmup", "passes"):
        parser.add_argument(f"--{name}", type=int)
    args = parser.parse_args()
    config = json.loads(args.config.read_text())
    engine = ENGINES[args.engine]()
    said = {"offers": []}
    if args.engine in ("vsag", "qdrant", "pisa"):
        said = {"offers": ["large_terms"]}
    if args.verb == "build":
        said = {}
        engine.build(Set(args.vectors / "docs.bin"), config["build"], args.index)
    elif args.verb == "search":
        said = search(engine, args, config)
    print(json.dumps(said))


if __name__ == "__main__":
    main()
