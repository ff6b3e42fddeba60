"""Makes the sets that scripts/instructions.sh searches: random, and the same on every machine.

    python3 benches/random_sets.py --words data/models/splade-tiny/idf.json --out DIR

`vectors/` is a set as benches/sets.py describes it, shaped like encoded text: few terms are in many
documents, many terms in few. `texts/` has documents with a text and a vector, and queries with a text.
Their words are whole tokens of the model's vocabulary, so that a table of weights encodes queries and
no graph is run, and `plain.jsonl` has the texts alone. Files of queries whose names end in `-more` have
the same queries five times. Needs nothing but Python.
"""

import argparse
import array
import json
import random
import struct
import sys
from pathlib import Path

DOCS, DOC_TERMS = 40_000, 50
QUERIES, QUERY_TERMS = 50, 20
VOCABULARY = 5_000
TEXTS, TEXT_WORDS, QUERY_WORDS = 4_000, 40, 5
WORDS = 2_000
REPEATS = 5


def ranks(source, count, limit):
    """`count` different numbers below `limit`, low ones often."""
    chosen = set()
    while len(chosen) < count:
        chosen.add(int(limit * source.random() ** 3))
    return sorted(chosen)


def row(source, count, limit):
    """Pairs of term and weight: many light weights, few heavy ones."""
    return [(term, 0.02 + 3 * source.random() * source.random()) for term in ranks(source, count, limit)]


def little(numbers):
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def write_vectors(path, rows):
    starts = array.array("Q", [0])
    for entries in rows:
        starts.append(starts[-1] + len(entries))
    terms = array.array("I", (term for entries in rows for term, _ in entries))
    weights = array.array("f", (weight for entries in rows for _, weight in entries))
    head = struct.pack("<QQI", len(rows), len(terms), VOCABULARY)
    path.write_bytes(head + little(starts) + little(terms) + little(weights))


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def vectors(source, folder):
    folder.mkdir(parents=True, exist_ok=True)
    write_vectors(folder / "docs.bin", [row(source, DOC_TERMS, VOCABULARY) for _ in range(DOCS)])
    queries = [row(source, QUERY_TERMS, VOCABULARY) for _ in range(QUERIES)]
    write_vectors(folder / "queries.bin", queries)
    write_vectors(folder / "queries-more.bin", queries * REPEATS)


def texts(source, folder, table):
    folder.mkdir(parents=True, exist_ok=True)
    known = json.loads(table.read_text(encoding="utf-8"))
    known = sorted(word for word in known if word.isascii() and word.isalpha() and len(word) > 4)
    words = known[:: len(known) // WORDS][:WORDS]

    def document(number):
        entries = row(source, TEXT_WORDS, len(words))
        text = [words[term] for term, weight in entries for _ in range(1 + int(weight))]
        vector = {words[term]: round(weight, 6) for term, weight in entries}
        year = 1990 + source.randrange(30)
        return {"id": f"d{number}", "content": " ".join(text), "vector": vector, "year": year}

    def query(number):
        text = " ".join(words[term] for term in ranks(source, QUERY_WORDS, len(words)))
        return {"_id": f"q{number}", "text": text}

    docs = [document(number) for number in range(TEXTS)]
    write_lines(folder / "docs.jsonl", docs)
    write_lines(folder / "plain.jsonl", ({"_id": doc["id"], "text": doc["content"]} for doc in docs))
    queries = [query(number) for number in range(QUERIES)]
    more = [{**line, "_id": f"{line['_id']}-{turn}"} for turn in range(REPEATS) for line in queries]
    write_lines(folder / "queries.jsonl", queries)
    write_lines(folder / "queries-more.jsonl", more)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--words", type=Path, required=True, help="JSON with tokens as keys")
    parser.add_argument("--out", type=Path, required=True, help="folder of the sets")
    args = parser.parse_args()
    vectors(random.Random(1), args.out / "vectors")
    texts(random.Random(2), args.out / "texts", args.words)


if __name__ == "__main__":
    main()
