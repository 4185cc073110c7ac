#!/bin/sh
# Runs once, when the dev container is created. Installs tools that Debian does not package.
set -eu

# Amazon's key for the plugin's packages, as published in AWS's documentation ("Verify the signature of the Session
# Manager plugin"). A package without a valid signature is not installed.
fingerprint=7959637124CE093AD501D47A2C4D4AFF6F6757EE
key='-----BEGIN PGP PUBLIC KEY BLOCK-----

mFIEZ5ERQxMIKoZIzj0DAQcCAwQjuZy+IjFoYg57sLTGhF3aZLBaGpzB+gY6j7Ix
P7NqbpXyjVj8a+dy79gSd64OEaMxUb7vw/jug+CfRXwVGRMNtIBBV1MgU1NNIFNl
c3Npb24gTWFuYWdlciA8c2Vzc2lvbi1tYW5hZ2VyLXBsdWdpbi1zaWduZXJAYW1h
em9uLmNvbT4gKEFXUyBTeXN0ZW1zIE1hbmFnZXIgU2Vzc2lvbiBNYW5hZ2VyIFBs
dWdpbiBMaW51eCBTaWduZXIgS2V5KYkBAAQQEwgAqAUCZ5ERQ4EcQVdTIFNTTSBT
ZXNzaW9uIE1hbmFnZXIgPHNlc3Npb24tbWFuYWdlci1wbHVnaW4tc2lnbmVyQGFt
YXpvbi5jb20+IChBV1MgU3lzdGVtcyBNYW5hZ2VyIFNlc3Npb24gTWFuYWdlciBQ
bHVnaW4gTGludXggU2lnbmVyIEtleSkWIQR5WWNxJM4JOtUB1HosTUr/b2dX7gIe
AwIbAwIVCAAKCRAsTUr/b2dX7rO1AQCa1kig3lQ78W/QHGU76uHx3XAyv0tfpE9U
oQBCIwFLSgEA3PDHt3lZ+s6m9JLGJsy+Cp5ZFzpiF6RgluR/2gA861M=
=2DQm
-----END PGP PUBLIC KEY BLOCK-----'

# Downloads the package and its signature, checks them, and installs the package.
install_plugin() {
    from="https://s3.amazonaws.com/session-manager-downloads/plugin/latest/$1/session-manager-plugin.deb"
    for file in plugin.deb plugin.deb.sig; do
        curl --fail --silent --show-error --location --max-time 120 \
            --output "$folder/$file" "${from%plugin.deb}$file" || return
    done
    printf '%s\n' "$key" | gpg --batch --quiet --homedir "$folder" --import || return
    # VALIDSIG names the key that signed the package, so that no other key in the block above is accepted.
    gpg --batch --quiet --homedir "$folder" --status-fd 1 --verify "$folder/plugin.deb.sig" "$folder/plugin.deb" \
        2>"$folder/log" | grep --quiet "VALIDSIG $fingerprint " || { cat "$folder/log" >&2; return 1; }
    sudo dpkg --install "$folder/plugin.deb"
}

# `aws ecs execute-command` and `cargo xtask connect` need it to open a shell in a container on AWS.
if ! command -v session-manager-plugin >/dev/null; then
    case $(uname -m) in
        aarch64) build=ubuntu_arm64 ;;
        *) build=ubuntu_64bit ;;
    esac
    folder=$(mktemp -d)
    # The plugin is optional: the app runs without it.
    if ! install_plugin "$build"; then
        echo "create.sh: failed to download and verify the session-manager plugin; run $0 to try again" >&2
    fi
    gpgconf --homedir "$folder" --kill gpg-agent || true
    rm -rf "$folder"
fi
