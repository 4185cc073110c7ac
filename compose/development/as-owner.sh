#!/bin/sh
# as-owner.sh COMMAND…: runs a command as the owner of the source, so that new files belong to them. That may be root:
# in rootless Docker and Docker Desktop, root in the container is the user on the host.
set -eu

uid=$(stat --format=%u /fibstack) gid=$(stat --format=%g /fibstack)
# A new volume belongs to root, and so does anything compiled as root; or the source may have changed its owner.
find /cache ! -user "$uid" -exec chown --no-dereference "$uid:$gid" {} +
exec setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@"
