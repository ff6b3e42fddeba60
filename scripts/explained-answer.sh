#!/usr/bin/env bash
# Prints the explained answer that README.md shows, from the program and data/sample.
#
#   scripts/explained-answer.sh            prints the block
#   scripts/explained-answer.sh --check    compares it with the block in README.md; 1 if they differ
#
# The sample is indexed into a temporary folder. Times are left out, since they differ from run to run.
# With --check a number may be off by 0.01: a dense model with 8-bit weights rounds otherwise on other processors.
set -euo pipefail
cd "$(dirname "$0")/.."
gleaner=${GLEANER:-${CARGO_TARGET_DIR:-target}/release/gleaner}
question="compensation for late plane"
begin="<!-- explained-answer: scripts/explained-answer.sh -->"
end="<!-- end of explained-answer -->"

[ $# -eq 0 ] || [ "$*" = --check ] || { echo "usage: scripts/explained-answer.sh [--check]" >&2; exit 2; }
[ -x "$gleaner" ] || { echo "no program at $gleaner: run make build, or name it in GLEANER" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$gleaner" index --index "$work/sample.index" --input data/sample --model data/models/splade-tiny \
    --dense-model data/models/minilm 2>"$work/log" || { cat "$work/log" >&2; exit 1; }

# The answer to a question, without the time that it took.
search() {
    "$gleaner" search --index "$work/sample.index" "$question" "$@" 2>/dev/null | sed 's/; [0-9]* µs$//'
}
{
    printf '```text\n'
    echo "\$ gleaner search --index sample.index \"$question\" -k 1 --explain"
    search -k 1 --explain
    echo
    echo "\$ gleaner search --index sample.index \"$question\" -k 3 --rank sparse"
    search -k 3 --rank sparse
    printf '```\n'
} >"$work/block"

if [ $# -eq 0 ]; then
    cat "$work/block"
    exit
fi

sed -n "\|^$begin\$|,\|^$end\$|p" README.md | sed '1d;$d' >"$work/readme"
# Word by word: numbers within 0.01, everything else as it is.
if paste -d '\n' "$work/block" "$work/readme" | awk '
    function number(word) { return word ~ /^[-+]?[0-9.]+[,;%]?$/ }
    NR % 2 { wanted = $0; next }
    {
        count = split(wanted, words); found = split($0, shown); same = count == found
        for (i = 1; i <= count; i++) {
            distance = words[i] - shown[i]
            near = number(words[i]) && number(shown[i]) && distance <= 0.01 && distance >= -0.01
            if (words[i] != shown[i] && !near) same = 0
        }
        if (!same) { bad = 1; print "README.md: " $0 "\nprogram:   " wanted }
    }
    END { exit bad }' >&2; then
    echo "README.md holds the answer of the program"
else
    echo "put the output of scripts/explained-answer.sh between the two comments of README.md" >&2
    exit 1
fi
