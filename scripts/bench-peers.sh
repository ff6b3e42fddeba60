#!/usr/bin/env bash
# Times Gleaner and its peers side by side over the same vectors, and prints one table per set.
#
# The harness is not part of this repository: it is looked for in ../shared/peers, or where PEERS
# says. The peers are Python packages, installed into a virtual environment in target/; one that
# cannot be installed is left out, and said. Everything is set by environment variables:
#
#   SETS      folders with docs.bin and queries.bin (benches/sets.py makes them); by default the
#             sample corpus, encoded with the shipped model
#   K, QUERIES, PASSES   depth, queries (0: all), timed passes          10, 500, 1
#   ENGINES   peers, comma-separated; also: zvec, kannolo, scipy, lucene   vsag,qdrant,pisa,seismic,bmp
#   ONLY      only indexes whose name contains one of these, comma-separated; Gleaner's always
#   WORK      folder for indexes and tables, kept for the next run        target/bench-peers
#   CONFIGS   how Gleaner takes part                                   benches/gleaner-peer.json
#   ANSERINI_JAR   Anserini's fat jar; lucene needs it and Java 17
#   TIMEOUT   seconds for one build or one search process               3600
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'bench-peers: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
absolute() { realpath -m "$1"; }

target="${CARGO_TARGET_DIR:-target}"
peers="${PEERS:-../shared/peers}"
engines="${ENGINES:-vsag,qdrant,pisa,seismic,bmp}"
work="$(absolute "${WORK:-$target/bench-peers}")"
configs="$(absolute "${CONFIGS:-benches/gleaner-peer.json}")"
peer="$(absolute "$target/release/gleaner-peer")"
venv="$(absolute "${VENV:-$target/peers-venv}")"

[ -d "$peers/peers_bench" ] ||
    fail "there is no side-by-side harness in $peers; set PEERS to the folder with peers_bench"
[ -x "$peer" ] || fail "there is no $peer; run make build"

packages() { # engine
    case "$1" in
    vsag) echo pyvsag==0.18.5 ;;
    qdrant) echo qdrant-edge-py==0.9.0 ;;
    seismic) echo pyseismic-lsr==0.5.4 ;;
    bmp) echo bmp==0.2.8 ;;
    zvec) echo zvec==0.8.0 ;;
    kannolo) echo kannolo==0.15.1 ;;
    # The C++ module alone, without what would need Java.
    pisa) echo tbb==2020.3.254 --no-deps pyterrier_pisa==0.4.9 ;;
    scipy | lucene) ;;
    *) fail "$1 is not an engine of the harness" ;;
    esac
}

pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
pip install numpy scipy || fail "cannot install numpy and scipy, which the harness needs"
present=""
for engine in ${engines//,/ }; do
    wanted="$(packages "$engine")"
    if [ "$engine" = lucene ] && { [ -z "${ANSERINI_JAR:-}" ] || ! command -v java >/dev/null; }; then
        say "lucene is left out: it needs Java 17 and ANSERINI_JAR"
        continue
    fi
    # shellcheck disable=SC2086 # several words on purpose
    if [ -n "$wanted" ] && ! pip install $wanted; then
        say "$engine is left out: pip cannot install it"
        continue
    fi
    present="$present,$engine"
done

if [ -z "${SETS:-}" ]; then
    SETS="$work/sets/sample"
    # Search needs no runtime, encoding does.
    "$venv/bin/python" benches/sets.py beir --dataset data/sample --gleaner "$target/release/gleaner" \
        --out "$SETS"
fi

run() { # set, name, engines, more arguments
    local set="$1" name="$2" list="$3"
    shift 3
    (cd "$peers" && PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m peers_bench --vectors "$set" \
        --k "${K:-10}" --queries "${QUERIES:-500}" --passes "${PASSES:-1}" --engines "$list" \
        --timeout "${TIMEOUT:-3600}" --work "$work/$name" --keep-indexes \
        ${ANSERINI_JAR:+--anserini-jar "$(absolute "$ANSERINI_JAR")"} "$@")
}

for set in $SETS; do
    set="$(absolute "$set")"
    [ -f "$set/docs.bin" ] && [ -f "$set/queries.bin" ] ||
        fail "$set has no docs.bin and queries.bin"
    name="$(basename "$set")"
    mkdir -p "$work/$name"
    # A kept index of ours would be the engine of an earlier build.
    rm -rf "$work/$name"/runs/gleaner-*
    runs=("$work/$name/gleaner.json")
    run "$set" "$name" gleaner --gleaner-cmd "$peer" --gleaner-configs "$configs" \
        --out "$work/$name/gleaner.json"
    if [ -n "$present" ]; then
        run "$set" "$name" "${present#,}" --only "${ONLY:-}" --out "$work/$name/peers.json"
        runs+=("$work/$name/peers.json")
    fi
    (cd "$peers" && PYTHONDONTWRITEBYTECODE=1 "$venv/bin/python" -m peers_bench.report "${runs[@]}" \
        --out "$work/$name/all.json" --markdown "$work/$name/table.md")
    cat "$work/$name/table.md"
    say "rows of all configurations are in $work/$name/all.json"
done
