#!/usr/bin/env bash
# Every ranking of every collection, as runs, and the table made of them: what fusion buys.
#
#   scripts/fusion-runs.sh BEIR_DIR WORK_DIR [COLLECTION…]
#
# What is compared, and the one test, are fixed here, before anything is measured: fusing all legs by
# ranks against BM25 with dense vectors, and against the best leg alone. Weights are equal everywhere.
set -euo pipefail
cd "$(dirname "$0")/.."
beir=${1:?a folder of BEIR folders} work=${2:?a folder for indexes and runs}
shift 2
collections=("$@")
[ ${#collections[@]} -gt 0 ] || collections=(scifact nfcorpus cranfield cisi arguana-rebuilt)
gleaner=${CARGO_TARGET_DIR:-target}/release/gleaner
table=${CARGO_TARGET_DIR:-target}/release/gleaner-fusion-table

# NAME RANKING [FEEDBACK]. Windows of 100 are for comparison with reference numbers.
rankings=(
    "sparse sparse"
    "bm25 bm25"
    "dense dense"
    "rrf-sparse-bm25 rrf:sparse,bm25"
    "rrf-sparse-dense rrf:sparse,dense"
    "rrf-bm25-dense rrf:bm25,dense"
    "rrf-all rrf:sparse,bm25,dense"
    "minmax-all convex:norm=minmax,sparse,bm25,dense"
    "tmm-all convex:norm=tmm,sparse,bm25,dense"
    "bound-all convex:norm=bound,sparse,bm25,dense"
    "tmm-bm25-dense convex:norm=tmm,bm25,dense"
    "bound-bm25-dense convex:norm=bound,bm25,dense"
    "rrf100-sparse-bm25 rrf:window=100,sparse,bm25"
    "minmax100-sparse-bm25 convex:norm=minmax,window=100,sparse,bm25"
    "rrf100-bm25-dense rrf:window=100,bm25,dense"
    "rrf100-all rrf:window=100,sparse,bm25,dense"
    "sparse-rm3 sparse sparse"
    "dense-average dense dense:average"
    "dense-rocchio dense dense:rocchio"
    "rrf-all-before-average rrf:sparse,bm25,dense dense:average,interpolate=before"
    "rrf-all-after-average rrf:sparse,bm25,dense dense:average,interpolate=after"
    "rrf-all-both-average rrf:sparse,bm25,dense dense:average,interpolate=both"
)

for collection in "${collections[@]}"; do
    index=$work/$collection.index
    mkdir -p "$work/runs/$collection"
    "$gleaner" index --index "$index" --input "$beir/$collection" --resume --progress plain \
        --model data/models/splade-tiny --dense-model data/models/minilm
    identical=()
    # Queries are documents there.
    [[ $collection == arguana* ]] && identical=(--ignore-identical-ids)
    for ranking in "${rankings[@]}"; do
        read -r name rank feedback <<<"$ranking"
        run=$work/runs/$collection/$name.run
        [ -e "$run" ] && continue
        "$gleaner" eval --index "$index" --dataset "$beir/$collection" --rank "$rank" \
            ${feedback:+--feedback "$feedback"} "${identical[@]}" --run "$run.part" >/dev/null
        mv "$run.part" "$run"
    done
done

"$table" --beir "$beir" --runs "$work/runs" --collections "$(IFS=,; echo "${collections[*]}")" \
    --ignore-identical-ids arguana-rebuilt --metrics nDCG@10,R@100 \
    --test rrf-all --against rrf-bm25-dense --against-best-of sparse,bm25,dense \
    --out "$work/table.md"
echo "$work/table.md"
