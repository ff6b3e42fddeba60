#!/usr/bin/env bash
# Times the engine on the sample corpus, and on SciFact where a copy lies beside the repository.
# Needs `make build`. Prints; what is worth keeping goes to benches/records by hand.
set -euo pipefail
cd "$(dirname "$0")/.."
release="${CARGO_TARGET_DIR:-target}/release"
gleaner="$release/gleaner"
model=data/models/splade-tiny
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

suite() { # name, BEIR folder
    echo "== $1"
    "$gleaner" index --index "$work/$1.index" --input "$2" --model "$model" --progress plain
    mkdir -p "$work/$1"
    "$gleaner" export --index "$work/$1.index" --format vectors --out "$work/$1/docs.bin" 2>/dev/null
    "$gleaner" encode --model "$model" --side query --input "$2/queries.jsonl" \
        --format vectors --out "$work/$1/queries.bin" 2>/dev/null
    for k in 10 100 1000; do
        "$release/gleaner-bench" --vectors "$work/$1" -k "$k"
    done
}

suite sample data/sample
if [ -d ../shared/data/beir/scifact ]; then
    suite scifact ../shared/data/beir/scifact
else
    echo "== scifact: skipped, there is no ../shared/data/beir/scifact"
fi
