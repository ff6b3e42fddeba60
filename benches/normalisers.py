"""Would z-scores or DBSF win somewhere? Fuses legs' runs with equal weights and measures nDCG@10.

    python3 benches/normalisers.py BEIR_DIR RUNS_DIR COLLECTION…

RUNS_DIR holds COLLECTION/{sparse,bm25,dense}.run as scripts/fusion-runs.sh leaves them. All normalisers work on the
same windows (1,000 hits of each leg, nothing completed), so they are compared with each other, not with
the engine, whose minmax is the same and whose tmm and bound complete scores.
"""

import collections
import math
import statistics
import sys
from pathlib import Path

LEGS = ("sparse", "bm25", "dense")


def read_run(path):
    run = collections.defaultdict(dict)
    for line in open(path, encoding="utf-8"):
        query, _, document, _, score, _ = line.split()
        run[query][document] = float(score)
    return run


def read_qrels(path):
    qrels = collections.defaultdict(dict)
    for line in open(path, encoding="utf-8").read().splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) > 0:
            qrels[query][document] = int(grade)
    return qrels


def minmax(scores):
    low, high = min(scores), max(scores)
    return lambda score: (score - low) / (high - low) if high > low else 1.0


def zscore(scores):
    mean, deviation = statistics.fmean(scores), statistics.pstdev(scores)
    return lambda score: (score - mean) / deviation if deviation > 0 else 0.0


def dbsf(scores):
    """Distribution-based: mean and three deviations to either side become 0 to 1 (Qdrant's)."""
    mean, deviation = statistics.fmean(scores), statistics.pstdev(scores)
    low, high = mean - 3 * deviation, mean + 3 * deviation
    return lambda score: min(1.0, max(0.0, (score - low) / (high - low))) if high > low else 0.5


def fuse(windows, normaliser):
    fused = collections.defaultdict(float)
    for window in windows:
        if not window:
            continue
        normalise = normaliser(list(window.values()))
        # What a leg did not find has what its last hit has, where 0 is not the least.
        missing = min(0.0, normalise(min(window.values()))) if normaliser is zscore else 0.0
        for document in set().union(*windows):
            fused[document] += normalise(window[document]) if document in window else missing
    return fused


def ndcg(scores, judged):
    order = sorted(scores, key=lambda document: (scores[document], document), reverse=True)[:10]
    gain = sum(judged.get(d, 0) / math.log2(rank + 2) for rank, d in enumerate(order))
    best = sorted(judged.values(), reverse=True)[:10]
    return gain / sum(grade / math.log2(rank + 2) for rank, grade in enumerate(best))


def main():
    beir, runs, *names = sys.argv[1:]
    print("| nDCG@10 |", " | ".join(names), "|")
    print("|---|" + "---:|" * len(names))
    for name, normaliser in (("min-max", minmax), ("z-score", zscore), ("DBSF", dbsf)):
        cells = []
        for collection in names:
            qrels = read_qrels(Path(beir, collection, "qrels", "test.tsv"))
            legs = [read_run(Path(runs, collection, leg + ".run")) for leg in LEGS]
            values = [
                ndcg(fuse([leg.get(query, {}) for leg in legs], normaliser), judged)
                for query, judged in qrels.items()
            ]
            cells.append(f"{statistics.fmean(values):.4f}")
        print(f"| {name} |", " | ".join(cells), "|")


main()
