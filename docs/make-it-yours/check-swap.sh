#!/usr/bin/env bash
# Swaps the job in a copy of the tree, with the commands and the diff of docs/MAKE-IT-YOURS.md, and checks that the
# system then does the new job. Usage: docs/make-it-yours/check-swap.sh [prime|factorise]; by default, both.
set -euo pipefail
if (($# == 0)); then
    "$0" prime
    exec "$0" factorise
fi
job=$1
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
guide=$root/docs/MAKE-IT-YOURS.md
# The copy has its own target folder, so that its programs do not replace those that other tests run. It is always in
# the same place, so that cargo does not recompile crates that a swap does not change.
export CARGO_TARGET_DIR=$root/target/swap CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0
copy=$CARGO_TARGET_DIR/tree
run=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$run"' EXIT

fail() {
    echo "check-swap.sh $job: $1" >&2
    [[ ! -e $run/log ]] || cat "$run/log" >&2
    exit 1
}

# Prints the guide's code block in a language, adapted to this job.
block() {
    sed -n "/^ *\`\`\`$1\$/,/^ *\`\`\`\$/s/^   \\|^$//p" "$guide" | sed "/^\`\`\`/d; s/prime/$job/g"
}

rm -rf "$copy"
mkdir -p "$copy"
git -C "$root" ls-files -z --cached --others --exclude-standard \
    | tar -C "$root" --null --files-from=- --ignore-failed-read -cf - | tar -C "$copy" -xf -
cd "$copy"
git init -q .
git add -A

block sh | bash -euo pipefail
block diff | git apply

git add -A --intent-to-add
changed=$(git diff --numstat -- . ':!fib' ":!$job" ":!docs/make-it-yours" ':!app/src/job_words.rs' \
    | awk '{ lines += $1 + $2 } END { print lines + 0 }')
echo "$job: $changed lines changed outside the job's crate and its words"
((changed < 40)) || fail 'a swap must change fewer than 40 lines'
grep -q "words, $changed lines:" "$guide" || fail "docs/MAKE-IT-YOURS.md does not state $changed as the number of lines"

cargo test -q -p "$job" -p app
cargo build -q -p server

EMBEDDED=true DATA_DIR=$run/data SITE_ADDR=127.0.0.1:0 ADDRESS_FILE=$run/address LEPTOS_SITE_ROOT=$run/site \
    "$CARGO_TARGET_DIR/debug/server" >"$run/log" 2>&1 &
server=$!
for _ in {1..300}; do
    [[ ! -s $run/address ]] || break
    sleep 0.1
done
site=http://$(sed -n 's/^site=//p' "$run/address")
[[ $site != http:// ]] || fail 'the server did not start'

# Reads the lowest index and the sample from the job's source.
lowest=$(sed -n 's/^ *lowest_index: \([0-9]*\),$/\1/p' "$job/src/lib.rs")
sample=$(tr '\n' ' ' <"$job/src/lib.rs" | grep -o 'sample: Sample {[^}]*}')
[[ $sample =~ index:\ ([0-9_]+),\ *value:\ \"([^\"]*)\" ]] || fail "cannot read the sample: $sample"
index=${BASH_REMATCH[1]//_/} value=${BASH_REMATCH[2]}

submit() {
    curl -sS -o "$run/answer" -w '%{http_code}' -H 'content-type: application/json' -d "{\"index\":$1}" "$site/api/values"
}
for _ in {1..300}; do
    status=$(submit "$index")
    [[ $status == 503 ]] || break
    sleep 0.1
done
[[ $status == 20? ]] || fail "submitting $index returned $status: $(<"$run/answer")"
for _ in {1..300}; do
    answer=$(curl -sS "$site/api/values/$index/digits")
    [[ $answer != "$value" ]] || break
    sleep 0.1
done
[[ $answer == "$value" ]] || fail "index $index must have the value $value, not: $answer"
if ((lowest > 0)); then
    status=$(submit $((lowest - 1)))
    [[ $status == 422 ]] || fail "submitting an index below $lowest returned $status"
    grep -q "from $lowest to" "$run/answer" || fail "the problem must say what is allowed: $(<"$run/answer")"
fi

title=$(sed -n 's/^pub const TITLE: &str = "\(.*\)";$/\1/p' app/src/job_words.rs)
curl -fsS "$site/" >"$run/home"
grep -qF "$title" "$run/home" || fail "the home page must have the title $title"
grep -qF "Any whole number from $lowest to" "$run/home" || fail "the hint must name the lowest index, $lowest"
curl -fsS "$site/values/$index" >"$run/value"
grep -qF "$value" "$run/value" || fail "the page of $index must have the value $value"
curl -fsS "$site/otherpage" "$site/api/docs" "$site/api/openapi.json" >"$run/others"
"$CARGO_TARGET_DIR/debug/server" --help >"$run/help"
if grep -i -e fibonacci -e '[^a-z]F(' "$run"/{home,value,others,help}; then
    fail 'the lines above are about the old job'
fi
echo "$job: index $index has the value $value"
