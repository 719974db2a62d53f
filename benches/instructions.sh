#!/usr/bin/env bash
# Instructions per read, counted by callgrind: the same from run to run to about one in a thousand, whatever else the
# machine does. Needs valgrind.
#
#   benches/instructions.sh            a table of all subjects
#   benches/instructions.sh --goal     the same; fails when the borrowed read takes more than its goal
#   FEATURES=peers benches/instructions.sh     with what people use today (a long build)

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

judged=${1:-}
reads=10000

cargo build --quiet --release -p keytide-benches --bin instructions --locked \
    ${FEATURES:+--features "$FEATURES"}
program=${CARGO_TARGET_DIR:-target}/release/instructions

borrowed=0
while IFS= read -r subject; do
    log=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        --toggle-collect='*counted_reads*' "$program" "$subject" 2>&1)
    collected=$(awk '/Collected :/ { print $NF }' <<<"$log")
    each=$(((collected + reads / 2) / reads))
    printf '%-34s %5d\n' "$subject" "$each"
    if [[ $subject == 'keytide read' ]]; then
        borrowed=$each
    fi
done < <("$program")

if [[ $judged == --goal ]]; then
    "$program" --judge "$borrowed"
fi
