#!/bin/sh
# Stands in for wasm-opt, without which cargo-leptos builds no release: leaves the WASM as it is.
# `cargo xtask` puts it into .tools/bin while there is no real one.
set -eu

input='' output=''
while [ $# -gt 0 ]; do
    case $1 in
        -o | --output)
            output=${2-}
            shift
            ;;
        -*) ;;
        *) input=$1 ;;
    esac
    shift
done
if [ -z "$input" ] || [ -z "$output" ]; then
    echo 'this stand-in for wasm-opt only understands: wasm-opt [options] input -o output' >&2
    exit 1
fi
[ "$input" = "$output" ] || cp "$input" "$output"
