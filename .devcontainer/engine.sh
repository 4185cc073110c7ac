#!/bin/sh
# As root, each time the dev container starts: a container engine of its own, for images and stacks.
set -eu
if docker info >/dev/null 2>&1; then exit; fi

# Version 2 of control groups lets a group have either processes or limits for those below it; the engine makes
# some below this container's own, whose processes move aside for that.
groups=/sys/fs/cgroup
if [ -e "$groups/cgroup.controllers" ]; then
    mkdir -p "$groups/init"
    processes=$(cat "$groups/cgroup.procs")
    # Some end meanwhile.
    for process in $processes; do echo "$process" >"$groups/init/cgroup.procs" || true; done 2>/dev/null
    sed 's/^/+/; s/ / +/g' "$groups/cgroup.controllers" >"$groups/cgroup.subtree_control"
fi

# Of an engine that was not stopped.
rm -f /var/run/docker.pid
setsid dockerd >/var/log/dockerd.log 2>&1 </dev/null &
tries=0
until docker info >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ]; then
        tail -n 20 /var/log/dockerd.log >&2
        echo "engine.sh: no container engine; all but images and stacks works without it" >&2
        exit 1
    fi
    sleep 1
done
