#!/bin/sh
# as-owner.sh COMMAND…: runs it as the owner of the source, so that what it writes is theirs. That may be root: in
# rootless Docker and in Docker Desktop, root in the container is the person.
set -eu

uid=$(stat --format=%u /fibstack) gid=$(stat --format=%g /fibstack)
# A new volume is root's, as is what somebody compiled as root; or the source has another owner than before.
find /cache ! -user "$uid" -exec chown --no-dereference "$uid:$gid" {} +
exec setpriv --reuid="$uid" --regid="$gid" --clear-groups "$@"
