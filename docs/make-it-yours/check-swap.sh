#!/usr/bin/env bash
# Swaps the job in a copy of the tree as docs/MAKE-IT-YOURS.md describes, tests the job's crate, builds the server, submits
# the sample through its API and reads the value: docs/make-it-yours/check-swap.sh prime|factorise
set -euo pipefail
job=$1
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
copy=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$copy"' EXIT

git -C "$root" ls-files -z --cached | tar -C "$root" --null -T - -cf - | tar -C "$copy" -xf -
cd "$copy"
git init -q . && git add -A
git -c user.name=check -c user.email=check@localhost commit -qm before

cp -r "docs/make-it-yours/$job" "$job"
cp fib/src/job.rs "$job/src/"
git rm -qrf fib
sed -i "s|^job = .*|job = { path = \"$job\", package = \"$job\" }|; s|^\[profile.dev.package.fib\]|[profile.dev.package.$job]|" Cargo.toml
sed -i "/^const PACKAGES/s|\"fib\"|\"$job\"|" xtask/src/dev/worker.rs

git add -A
changed=$(git diff --cached --numstat -- . ":!fib" ":!$job" ":!app/src/job_words.rs" ":!Cargo.lock" | awk '{ lines += $1 + $2 } END { print lines + 0 }')
echo "$changed lines changed outside the job's crate and its words"
((changed < 40))

# A target folder of its own: it must not replace the programs that other tests run.
export CARGO_TARGET_DIR=${SWAP_TARGET_DIR:-$root/target/swap}
cargo test -q -p "$job"
cargo build -q -p server
EMBEDDED=true DATA_DIR=$copy/data SITE_ADDR=127.0.0.1:0 ADDRESS_FILE=$copy/address LEPTOS_SITE_ROOT=$root/target/site \
    "$CARGO_TARGET_DIR/debug/server" >"$copy/log" 2>&1 &
server=$!
for _ in {1..100}; do [[ -s $copy/address ]] && break; sleep 0.1; done
api=http://$(sed -n 's/^site=//p' "$copy/address")/api
index=$(sed -n 's/.*sample: Sample { index: \([0-9_]*\), .*/\1/p' "$job/src/lib.rs" | tr -d _)
value=$(sed -n 's/.*sample: Sample { .* value: "\(.*\)" },/\1/p' "$job/src/lib.rs")
curl -fsS --retry 20 --retry-connrefused --json "{\"index\":\"$index\"}" "$api/values" >/dev/null
for _ in {1..100}; do
    answer=$(curl -fsS "$api/values/$index/digits" || true)
    [[ $answer != "$value" ]] || { echo "$job: index $index has the value $value"; exit 0; }
    sleep 0.1
done
echo "index $index must have the value $value, not: $answer" >&2
cat "$copy/log" >&2
exit 1
