#!/bin/sh
# Runs whenever the dev container starts: starts a container engine, and the app with hot reload on port 3050.
set -eu
cd "$(dirname "$0")/.."

# Optional: the app runs without it.
sudo .devcontainer/engine.sh || true

log=.data/dev.log
mkdir -p .data
# In its own session, so that it outlives this script. The lock prevents a second one.
setsid flock --nonblock --close .data/dev.lock sh -c "exec cargo xtask dev >$log 2>&1" </dev/null &
echo "cargo xtask dev builds and starts fibstack at http://localhost:3050; to follow its log: tail -f $log"
