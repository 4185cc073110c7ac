#!/bin/sh
# Runs as root whenever the dev container starts. Starts the container's own engine, for images and stacks.
set -eu
if docker info >/dev/null 2>&1; then exit; fi

# In cgroup v2, a group can have either processes or limits for its child groups. The engine creates child groups in
# this container's group, so the processes in it must first move to a child group.
groups=/sys/fs/cgroup
if [ -e "$groups/cgroup.controllers" ]; then
    mkdir -p "$groups/init"
    processes=$(cat "$groups/cgroup.procs")
    # Some of the processes may exit in the meantime.
    for process in $processes; do echo "$process" >"$groups/init/cgroup.procs" || true; done 2>/dev/null
    sed 's/^/+/; s/ / +/g' "$groups/cgroup.controllers" >"$groups/cgroup.subtree_control"
fi

# An engine that was killed leaves this file behind.
rm -f /var/run/docker.pid
setsid dockerd >/var/log/dockerd.log 2>&1 </dev/null &
tries=0
until docker info >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -gt 60 ]; then
        tail -n 20 /var/log/dockerd.log >&2
        echo "engine.sh: the container engine failed to start; only images and stacks need it" >&2
        exit 1
    fi
    sleep 1
done
