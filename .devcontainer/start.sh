#!/bin/sh
# Each time the dev container starts: a container engine, and the app in the background with hot reload, port 3050.
set -eu
cd "$(dirname "$0")/.."

# The app runs without it.
sudo .devcontainer/engine.sh || true

log=.data/dev.log
mkdir -p .data
# In a session of its own, which outlives this script. Not twice.
setsid flock --nonblock --close .data/dev.lock sh -c "exec cargo xtask dev >$log 2>&1" </dev/null &
echo "cargo xtask dev builds and starts fibstack at http://localhost:3050; what it says: tail -f $log"
