#!/bin/sh
# Once, when the dev container is made: what cannot be had as a package of Debian's.
set -eu

# With it `aws ecs execute-command` and `cargo xtask connect` open a shell in a container on AWS.
if ! command -v session-manager-plugin >/dev/null; then
    case $(uname -m) in
        aarch64) build=ubuntu_arm64 ;;
        *) build=ubuntu_64bit ;;
    esac
    package=$(mktemp --suffix=.deb)
    from="https://s3.amazonaws.com/session-manager-downloads/plugin/latest/$build/session-manager-plugin.deb"
    # The app runs without it.
    if curl --fail --silent --show-error --location --max-time 120 --output "$package" "$from"; then
        sudo dpkg --install "$package"
    else
        echo "create.sh: no session-manager plugin; once $from can be reached, run $0 again" >&2
    fi
    rm -f "$package"
fi
