#!/usr/bin/env python3
"""Holds Gleaner's measures to trec_eval's, query by query.

Install what it needs, then run it from anywhere:

    python3 -m venv out/parity
    out/parity/bin/pip install -r benches/requirements.txt
    out/parity/bin/python benches/trec_eval_parity.py [--dataset DIR [--run FILE]]...

It always compares random runs full of ties over random judgements. For every --dataset (a BEIR
folder) it compares a synthetic run over the folder's documents and judgements, and for the run
files given (as many as datasets, in the same order) those too. Gleaner's side is the example
`evaluate_run` of the `eval` crate, built first unless --evaluator names a program; both sides read
the same files. Means are over all queries with a relevant judgement, unanswered ones counting 0.
Exits 1 if any value per query or any mean differs by more than 1e-6.

    --write-golden FILE    instead writes trec_eval's values for fixed cases, as JSON
"""

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pytrec_eval

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 1e-6
CUTOFFS = (1, 3, 5, 10, 20, 100, 1000)

# Gleaner's name -> trec_eval's name in requests and in results, for measures with a cutoff.
FAMILIES = {
    "nDCG": "ndcg_cut",
    "AP": "map_cut",
    "R": "recall",
    "P": "P",
    "Success": "success",
}
MEASURES = ["AP", "RR"] + [f"{f}@{k}" for k in CUTOFFS for f in (*FAMILIES, "RR")]


def trec_eval_values(qrels, run):
    """Returns {query: {Gleaner's measure name: value}} for every query with a relevant judgement."""
    cuts = ",".join(str(k) for k in CUTOFFS)
    wanted = {f"{name}.{cuts}" for name in FAMILIES.values()} | {"map", "recip_rank"}
    # Queries without a relevant document do not count, and those whose grades are all below 0 can
    # crash pytrec_eval 0.5.11.
    relevant = {q: docs for q, docs in qrels.items() if any(grade > 0 for grade in docs.values())}
    answered = {q: docs for q, docs in run.items() if docs}
    found = pytrec_eval.RelevanceEvaluator(relevant, wanted).evaluate(answered)
    zeros = dict.fromkeys(MEASURES, 0.0)
    return {q: named(found[q]) if q in found else zeros for q in relevant}


def named(values):
    """Renames one query's values; RR@k is RR if the first relevant rank, 1 / RR, is at most k."""
    reciprocal = values["recip_rank"]
    rank = round(1 / reciprocal) if reciprocal > 0 else math.inf
    result = {"AP": values["map"], "RR": reciprocal}
    for k in CUTOFFS:
        result.update({f"{ours}@{k}": values[f"{name}_{k}"] for ours, name in FAMILIES.items()})
        result[f"RR@{k}"] = reciprocal if rank <= k else 0.0
    return result


def means(per_query):
    return {m: sum(row[m] for row in per_query.values()) / len(per_query) for m in MEASURES}


def read_beir_qrels(path):
    qrels = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        query, doc, grade = line.split("\t")
        if number == 0 and grade == "score":
            continue
        qrels.setdefault(query, {})[doc] = int(grade)
    return qrels


def read_run(path):
    run = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        query, _, doc, _, score, _ = line.split()
        run.setdefault(query, {})[doc] = float(score)
    return run


def write_run(run, path):
    """Writes a run with full digits, lines shuffled and ranks 0, so that only scores count."""
    rows = [(q, doc, score) for q, docs in run.items() for doc, score in docs.items()]
    random.Random(0).shuffle(rows)
    text = "".join(f"{q} Q0 {doc} 0 {score!r} random\n" for q, doc, score in rows)
    path.write_text(text, encoding="utf-8")


def write_trec_qrels(qrels, path):
    rows = [f"{q} 0 {doc} {grade}\n" for q, docs in qrels.items() for doc, grade in docs.items()]
    path.write_text("".join(rows), encoding="utf-8")


def gleaner_values(evaluator, qrels_path, run_path):
    command = [evaluator, "--qrels", qrels_path, "--run", run_path, "--measures", ",".join(MEASURES)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(printed)


class Comparison:
    """Counts values compared and keeps the largest difference of each case."""

    def __init__(self, evaluator):
        self.evaluator = evaluator
        self.failed = False

    def compare(self, title, qrels, run, qrels_path, run_path):
        expected = trec_eval_values(qrels, run)
        found = gleaner_values(self.evaluator, qrels_path, run_path)
        if set(found["per_query"]) != set(expected):
            self.failed = True
            print(f"{title}: FAIL, not the same queries")
            return
        rows = [(q, expected[q], found["per_query"][q]) for q in expected]
        rows.append(("(means)", means(expected), found["metrics"]))
        differences = [
            (abs(theirs[m] - ours[m]), q, m) for q, theirs, ours in rows for m in MEASURES
        ]
        largest, query, measure = max(differences)
        verdict = "ok" if largest <= TOLERANCE else f"FAIL at {query} {measure}"
        self.failed |= verdict != "ok"
        ndcg = found["metrics"]["nDCG@10"]
        print(
            f"{title}: {len(expected)} queries, {len(differences)} values, nDCG@10 {ndcg:.4f}, "
            f"largest difference {largest:.1e}: {verdict}",
            flush=True,
        )


def random_score(rng, spread):
    """Returns a score with many equals; some differ in f64 but not in f32."""
    score = rng.randrange(spread) / 4 - 1.0
    return score + rng.choice((0.0, 0.0, 1e-9)) if rng.random() < 0.5 else score * 1e10


def random_case(rng, queries, docs, depth, spread):
    """Returns judgements (grades -2 to 7) and a run; some queries lack one or the other."""
    names = [f"{rng.choice(('d', 'D', 'é', '10', '9'))}-{n}" for n in range(docs)]
    grades, weights = (-2, -1, 0, 1, 2, 3, 7), (1, 1, 4, 4, 2, 1, 1)
    qrels, run = {}, {}
    for number in range(queries):
        query = f"q{number}"
        if rng.random() < 0.9:
            judged = rng.sample(names, rng.randint(1, min(docs, 40)))
            qrels[query] = {doc: rng.choices(grades, weights)[0] for doc in judged}
        if rng.random() < 0.9:
            hits = rng.sample(names, rng.randint(1, min(docs, depth)))
            run[query] = {doc: random_score(rng, spread) for doc in hits}
    return qrels, run


def compare_random_runs(comparison, folder, seed):
    for number, (queries, docs, depth, spread) in enumerate(
        [(200, 60, 60, 2), (200, 60, 60, 12), (200, 500, 300, 40), (40, 6000, 3000, 25), (3, 8, 4, 1)]
    ):
        rng = random.Random(seed * 1000 + number)
        qrels, run = random_case(rng, queries, docs, depth, spread)
        # A relevant judgement at least, so that there is a mean.
        qrels["always"], run["always"] = {"x": 1}, {"x": 1.0, "y": 1.0}
        qrels_path, run_path = folder / "random.qrels", folder / "random.run"
        write_trec_qrels(qrels, qrels_path)
        write_run(run, run_path)
        title = f"random, {docs} documents, {spread} steps of scores"
        comparison.compare(title, qrels, run, qrels_path, run_path)


def synthetic_run(rng, qrels, docs):
    """Returns a BM25-like run: scores in coarse steps, relevant documents a little higher, a tenth
    of the queries unanswered, and one query that nobody judged."""
    run = {"nobody-judged-this": {docs[0]: 1.0}}
    for query, judged in qrels.items():
        if rng.random() < 0.1:
            continue
        found = set(rng.sample(docs, min(len(docs), rng.choice((5, 100, 1000, 1300)))))
        found |= {doc for doc in judged if rng.random() < 0.7}
        lift = {doc: 6.0 * (grade > 0) for doc, grade in judged.items()}
        run[query] = {d: round(rng.gammavariate(2, 2) + lift.get(d, 0), 1) for d in sorted(found)}
    return run


def compare_dataset(comparison, dataset, split, run_file, folder, seed):
    qrels_path = dataset / "qrels" / f"{split}.tsv"
    qrels = read_beir_qrels(qrels_path)
    with open(dataset / "corpus.jsonl", encoding="utf-8") as corpus:
        docs = [json.loads(line)["_id"] for line in corpus if line.strip()]
    run_path = folder / "synthetic.run"
    run = synthetic_run(random.Random(seed), qrels, docs)
    write_run(run, run_path)
    comparison.compare(f"{dataset.name}, synthetic run", qrels, run, qrels_path, run_path)
    if run_file is not None:
        title = f"{dataset.name}, {run_file.name}"
        comparison.compare(title, qrels, read_run(run_file), qrels_path, run_file)


def golden_cases():
    """Yields (name, judgements, run) of the golden table."""
    graded = {"a": 3, "b": -1, "c": 0, "d": 1, "e": -2, "f": 2}
    yield "graded, negative and unjudged documents", {"q": graded}, {
        "q": {"x": 9.0, "e": 8.0, "a": 7.0, "c": 6.0, "d": 5.0, "b": 4.0}
    }
    yield "ties go by descending id", {"q": {"b": 1, "10": 2, "é": 1}, "r": {"B": 1}}, {
        "q": {"a": 1.0, "b": 1.0, "c": 1.0, "10": 0.5, "9": 0.5, "z": 0.5, "é": 0.5},
        "r": {"a": 0.0, "B": -0.0, "C": 0.0},
    }
    yield "scores equal as f32 are ties", {"q": {"a": 1}, "r": {"a": 1}}, {
        "q": {"a": 1.00000001, "b": 1.0},
        "r": {"a": 16777217.0, "b": 16777216.0},
    }
    yield "unanswered, irrelevant and unjudged queries", {
        "answered": {"a": 1},
        "unanswered": {"a": 1, "b": 2},
        "irrelevant": {"a": 0, "b": -1},
    }, {"answered": {"b": 2.0, "a": 1.0}, "irrelevant": {"a": 1.0}, "unjudged": {"a": 1.0}}
    deep = {f"d{n}": (n * 7919 % 601) / 8 for n in range(1500)}
    yield "more than 1000 results", {"q": {f"d{n}": n % 4 for n in range(0, 1600, 3)}}, {"q": deep}
    rng = random.Random(1)
    yield "random", *random_case(rng, 12, 30, 25, 6)


def write_golden(path):
    cases = []
    for name, qrels, run in golden_cases():
        values = trec_eval_values(qrels, run)
        rows = {q: [row[m] for m in MEASURES] for q, row in values.items()}
        mean = [means(values)[m] for m in MEASURES]
        cases.append({"name": name, "qrels": qrels, "run": run, "means": mean, "per_query": rows})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    measures = json.dumps(MEASURES)
    path.write_text(f'{{"measures": {measures},\n"cases": [\n{lines}\n]}}\n', encoding="utf-8")


def built_evaluator():
    command = ["cargo", "build", "--release", "-q", "-p", "gleaner-eval", "--example", "evaluate_run"]
    subprocess.run(command, check=True, cwd=ROOT)
    metadata = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
    printed = subprocess.run(metadata, check=True, cwd=ROOT, stdout=subprocess.PIPE).stdout
    return Path(json.loads(printed)["target_directory"]) / "release" / "examples" / "evaluate_run"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--run", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--split", default="test")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--evaluator", type=Path, metavar="PROGRAM")
    parser.add_argument("--write-golden", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.run and len(options.run) != len(options.dataset):
        parser.error("give one --run for each --dataset, or none")
    if options.write_golden:
        write_golden(options.write_golden)
        return 0
    comparison = Comparison(options.evaluator or built_evaluator())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        compare_random_runs(comparison, folder, options.seed)
        for index, dataset in enumerate(options.dataset):
            run_file = options.run[index] if options.run else None
            compare_dataset(comparison, dataset, options.split, run_file, folder, options.seed)
    return 1 if comparison.failed else 0


if __name__ == "__main__":
    sys.exit(main())
