# fibstack's images, from the root of the project:
#
#   docker build --target server --tag fibstack/server .
#   docker build --target worker --tag fibstack/worker .
#   docker build --target nginx --tag fibstack/nginx .
#   docker build --target debug --tag fibstack/debug .       a shell to stand beside the others
#   docker build --target test .                             runs all tests, and is thrown away
#
#   --build-arg BASE_REGISTRY=registry.example.org/mirror/   base images from a mirror (note the slash)
#   --build-arg ARTIFACTS=given --file Dockerfile FOLDER     binaries and site from the folder that
#                                                            `cargo xtask artifacts` made, not compiled here
#
# Server and worker are static binaries on an empty image: nothing in it to run but them, as nobody.

ARG BASE_REGISTRY=
ARG ARTIFACTS=built

FROM ${BASE_REGISTRY}rust:1.95-trixie AS toolchain
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
# The versions of `cargo xtask setup`; a test compares them.
ARG CARGO_LEPTOS_VERSION=0.3.10
ARG WASM_BINDGEN_VERSION=0.2.129
ARG CARGO_CHEF_VERSION=0.1.78
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends binaryen brotli ca-certificates musl-tools \
    && rm -rf /var/lib/apt/lists/*
# Compiled in a debug build, which takes a third of the time and serves as well.
RUN target="$(uname -m)-unknown-linux-musl"; \
    for each in "$target" wasm32-unknown-unknown; do \
        test -d "$(rustc --print target-libdir --target "$each")" || rustup target add "$each"; \
    done; \
    have() { command -v "$1" >/dev/null; }; \
    export CARGO_PROFILE_DEV_DEBUG=false; \
    have cargo-leptos || cargo install --debug --locked "cargo-leptos@$CARGO_LEPTOS_VERSION"; \
    have wasm-bindgen || cargo install --debug --locked "wasm-bindgen-cli@$WASM_BINDGEN_VERSION"; \
    have cargo-chef || cargo install --debug --locked "cargo-chef@$CARGO_CHEF_VERSION"
WORKDIR /fibstack

FROM toolchain AS recipe
COPY . .
RUN cargo chef prepare --recipe-path /recipe.json

# Everything from crates.io, in layers that stay until Cargo.lock changes.
FROM toolchain AS build
COPY --from=recipe /recipe.json /recipe.json
RUN target="$(uname -m)-unknown-linux-musl"; \
    cargo chef cook --locked --release --target "$target" --no-default-features --recipe-path /recipe.json \
        --package server --package worker --features server/telemetry,worker/telemetry; \
    cargo chef cook --locked --profile wasm-release --target wasm32-unknown-unknown --no-default-features \
        --recipe-path /recipe.json --package frontend --target-dir target/front
COPY . .
RUN cargo xtask artifacts /artifacts

FROM scratch AS artifacts-built
COPY --from=build /artifacts /

FROM scratch AS artifacts-given
COPY . /

# hadolint ignore=DL3006
FROM artifacts-${ARTIFACTS} AS artifacts

# As `cargo xtask test` does anywhere: it installs what it needs.
FROM toolchain AS test
ENV CI=true
COPY . .
RUN cargo xtask test

FROM ${BASE_REGISTRY}debian:trixie-slim AS certificates
# hadolint ignore=DL3008
RUN test -s /etc/ssl/certs/ca-certificates.crt \
    || { apt-get update && apt-get install --yes --no-install-recommends ca-certificates; }

FROM scratch AS base
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.vendor="fibstack" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=certificates /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# Nobody in particular. By number, for there is no /etc/passwd.
USER 10001:10001

FROM base AS worker
LABEL org.opencontainers.image.title="fibstack worker" \
      org.opencontainers.image.description="Claims indexes from Redis and computes their Fibonacci numbers"
COPY --from=artifacts /worker /
ENV HEALTH_ADDR=127.0.0.1:9000
HEALTHCHECK --interval=30s --timeout=5s --retries=3 --start-period=60s CMD ["/worker", "healthcheck"]
ENTRYPOINT ["/worker"]

FROM base AS server
LABEL org.opencontainers.image.title="fibstack server" \
      org.opencontainers.image.description="Pages, API and live events; with EMBEDDED=true the whole system"
COPY --from=artifacts /hash.txt /server /
# Whom to trust beside them when Postgres is Amazon's, for PGSSLROOTCERT.
COPY --from=artifacts /rds.pem /etc/ssl/certs/
COPY --from=artifacts /site /site
# Only an embedded server writes to it.
COPY --from=artifacts --chown=10001:10001 /data /data
# Embedded only when told so: a forgotten PGHOST must not look like an empty database.
ENV EMBEDDED=false \
    SITE_ADDR=0.0.0.0:3000 \
    DATA_DIR=/data \
    LEPTOS_SITE_ROOT=/site \
    LEPTOS_HASH_FILES=true
EXPOSE 3000 5000
HEALTHCHECK --interval=30s --timeout=5s --retries=3 --start-period=60s CMD ["/server", "healthcheck"]
ENTRYPOINT ["/server"]

FROM ${BASE_REGISTRY}nginx:1.26 AS nginx
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.vendor="fibstack" \
      org.opencontainers.image.title="fibstack nginx" \
      org.opencontainers.image.description="The router in front of fibstack's servers" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY nginx /fibstack/
USER 10001:10001
ENV LISTEN=80
EXPOSE 80 443
# Requests finish first.
STOPSIGNAL SIGQUIT
# Through a shell, which knows the port.
# hadolint ignore=DL3025
HEALTHCHECK --interval=30s --timeout=5s --retries=3 --start-period=10s \
    CMD curl --fail --silent --show-error "http://127.0.0.1:${LISTEN##*:}/nginx-health"
ENTRYPOINT ["/fibstack/start.sh"]

# To be run in the network and among the processes of another container (compose/debug.yaml). As the same user, which
# is what lets it look into that one's files and environment.
FROM ${BASE_REGISTRY}debian:trixie-slim AS debug
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        bash ca-certificates curl iproute2 jq less postgresql-client procps redis-tools \
    && rm -rf /var/lib/apt/lists/*
COPY certificates/rds.pem /etc/ssl/certs/
USER 10001:10001
ENV HOME=/tmp
WORKDIR /
# After what takes long: the revision is another one each time.
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.vendor="fibstack" \
      org.opencontainers.image.title="fibstack debug" \
      org.opencontainers.image.description="A shell, psql, redis-cli and curl beside a container that has none" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
CMD ["bash"]
