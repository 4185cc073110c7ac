#!/bin/sh
# Runs once, when the dev container is created: installs what Debian does not package.
set -eu

# `aws ecs execute-command` and `cargo xtask connect` need it to open a shell in a container on AWS.
if ! command -v session-manager-plugin >/dev/null; then
    case $(uname -m) in
        aarch64) build=ubuntu_arm64 ;;
        *) build=ubuntu_64bit ;;
    esac
    package=$(mktemp --suffix=.deb)
    from="https://s3.amazonaws.com/session-manager-downloads/plugin/latest/$build/session-manager-plugin.deb"
    # Optional: the app runs without it.
    if curl --fail --silent --show-error --location --max-time 120 --output "$package" "$from"; then
        sudo dpkg --install "$package"
    else
        echo "create.sh: failed to download the session-manager plugin from $from; run $0 to try again" >&2
    fi
    rm -f "$package"
fi
