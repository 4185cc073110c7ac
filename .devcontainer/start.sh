#!/bin/sh
# Runs whenever the dev container starts. Starts a container engine, and the app with hot reload on port 3050. On the
# first start, it also writes .env, which `docker compose up` reads.
set -eu
cd "$(dirname "$0")/.."

# The engine is optional: the app runs without it.
sudo .devcontainer/engine.sh || true

log=.data/dev.log
mkdir -p .data
start='test -e .env || cargo xtask env generate development || true; exec cargo xtask dev'
# The app runs in its own session, so that it outlives this script. The lock prevents a second instance.
setsid flock --nonblock --close .data/dev.lock sh -c "{ $start; } >$log 2>&1" </dev/null &
echo "cargo xtask dev builds and starts fibstack at http://localhost:3050; to follow its log: tail -f $log"
