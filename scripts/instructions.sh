#!/usr/bin/env bash
# Counts the instructions of one search, case by case; with two folders of binaries, compares them.
#
#   scripts/instructions.sh [DIR]              counts of DIR, by default those of target/release
#   scripts/instructions.sh BASE_DIR NEW_DIR   counts of both and their ratio; exit status 1 if a ratio
#                                              is off by more than 1 %
#
# A count does not depend on what else the machine does. Every case is run twice, with few and with
# many queries, and the difference is divided by the queries between them, so that opening is left out.
# The sets are benches/random_sets.py's; the binaries of the first folder make the indexes. A folder takes
# about two minutes.
#
#   sparse/bare       one impact file, by every instruction set in turn (under valgrind: AVX2 and scalar)
#   sparse/filters    the same, without a filter and with five; sparse/segments: fifty small ones beside it
#   sparse/index      an index, through `gleaner batch-search`, its lines of output included
#   bm25              the same for words
#   dense/scan        vectors as f32, f16 and int8, and reading as many bytes
#   fused             sparse, bm25 and dense alone, and fused
#
# Needs valgrind, Python, and `make setup` for the fused cases. Valgrind has no AVX-512: that path is not
# counted here. ONLY=TEXT runs the cases whose name contains it. Two runs of one build differed by less
# than 0.2 %.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'instructions: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

case $# in
0) folders=("${CARGO_TARGET_DIR:-target}/release") ;;
1 | 2) folders=("$@") ;;
*) fail "at most two folders of binaries" ;;
esac
for folder in "${folders[@]}"; do
    for program in gleaner gleaner-bench gleaner-hybrid-bench; do
        [ -x "$folder/$program" ] || fail "there is no $folder/$program; run make build"
    done
done
command -v valgrind >/dev/null || fail "valgrind is not installed"

model=data/models/splade-tiny
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

quietly() { "$@" >"$work/out" 2>&1 || { tail -n 5 "$work/out" >&2; fail "failed: $*"; }; }

prepare() { # folder of binaries
    say "making sets and indexes"
    python3 benches/random_sets.py --words "$model/idf.json" --out "$work"
    quietly "$1/gleaner" index --index "$work/vectors.index" --input "$work/vectors/docs.bin" \
        --format vectors
    quietly "$1/gleaner" index --index "$work/texts.index" --input "$work/texts/docs.jsonl" \
        --format vectors-jsonl --model "$model"
    quietly "$1/gleaner-hybrid-bench" project --index "$work/hybrid.index" --model "$model" --dims 64 \
        <"$work/texts/plain.jsonl"
}

count() { # command
    local args=(--tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null)
    quietly valgrind "${args[@]}" --log-file="$work/log" "$@"
    sed -n 's/.*I *refs: *//p' "$work/log" | tr -d ,
}

# Prints the name and the instructions of a query. In the command, @ stands for few and then for many.
measure() { # name, few, many, queries between them, command
    local name=$1 few=$2 many=$3 queries=$4 a b
    shift 4
    [[ $name == *"${ONLY:-}"* ]] || return 0
    a=$(count "${@//@/$few}")
    b=$(count "${@//@/$many}")
    echo "$name $(((b - a) / queries))"
}

cases() { # folder of binaries
    local vectors="$work/vectors" texts="$work/texts" run="$work/run"
    local bench=("$1/gleaner-bench" --vectors "$vectors" --no-oracle --queries 50 --passes @)
    local search=("$1/gleaner" batch-search --threads 1 --run "$run")
    local sparse=("${search[@]}" --index "$work/vectors.index" --format vectors
        --rank sparse --queries "$vectors/queries@.bin")
    local words=("${search[@]}" --index "$work/texts.index" --rank bm25 --queries "$texts/queries@.jsonl")
    local legs=("$1/gleaner-hybrid-bench" legs --index "$work/hybrid.index"
        --queries "$texts/queries.jsonl" --limit 10 --passes @)
    measure sparse/bare/k10 1 17 800 "${bench[@]}" -k 10 --also kernels
    measure sparse/bare/k100 1 17 800 "${bench[@]}" -k 100 --also kernels
    measure sparse/filters/k10 1 17 800 "${bench[@]}" -k 10 --also filters
    measure sparse/segments/k10 1 17 800 "${bench[@]}" -k 10 --also segments
    measure sparse/index/k10 "" -more 200 "${sparse[@]}" -k 10
    measure sparse/index/k100 "" -more 200 "${sparse[@]}" -k 100
    measure bm25/k10 "" -more 200 "${words[@]}" -k 10
    measure bm25/k100 "" -more 200 "${words[@]}" -k 100
    measure bm25/filter/k10 "" -more 200 "${words[@]}" -k 10 --filter 'year:>=2005'
    measure dense/scan 1 81 80 "$1/gleaner-hybrid-bench" scan --rows 2000 --dims 128 --passes @
    measure fused/rrf 1 11 100 "${legs[@]}" --rank rrf:sparse,bm25,dense
    measure fused/bound 1 11 100 "${legs[@]}" --rank convex:sparse=1,bm25=1,dense=1,norm=bound
}

prepare "${folders[0]}"
if [ ${#folders[@]} -eq 1 ]; then
    cases "${folders[0]}" | while read -r name count; do printf '%-22s %12d\n' "$name" "$count"; done
    exit
fi
say "counting ${folders[0]}"
cases "${folders[0]}" >"$work/base"
say "counting ${folders[1]}"
cases "${folders[1]}" >"$work/new"
join <(sort "$work/base") <(sort "$work/new") | awk '
    { ratio = $3 / $2; is_off = ratio > 1.01 || ratio < 0.99; off += is_off
      printf "%-22s %12d %12d %8.4f%s\n", $1, $2, $3, ratio, is_off ? "  beyond 1 %" : "" }
    END { exit off > 0 }'
