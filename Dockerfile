# fibstack's images. docker-bake.hcl names and builds them: `cargo xtask images build`.
#
#   docker build --target test .    runs all tests
#
# Server and worker are static binaries on an empty image, run as an unprivileged user.

ARG BASE_REGISTRY=
# The base images' digests, such as @sha256:…; docker-bake.hcl sets them. Empty for the newest image of the tag.
ARG RUST_DIGEST=
ARG DEBIAN_DIGEST=
ARG NGINX_DIGEST=
ARG ARTIFACTS=built

# The newest stable Rust, as in rust-toolchain.toml.
FROM ${BASE_REGISTRY}rust:1-trixie${RUST_DIGEST} AS toolchain
# Makes rustup use the image's compiler instead of downloading another copy.
ENV RUSTUP_TOOLCHAIN=${RUST_VERSION}
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ARG CARGO_CHEF_VERSION=0.1.78
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates musl-tools \
    && rm -rf /var/lib/apt/lists/*
# cargo-chef in a debug build, which compiles in a third of the time.
RUN target="$(uname -m)-unknown-linux-musl"; \
    for each in "$target" wasm32-unknown-unknown; do \
        test -d "$(rustc --print target-libdir --target "$each")" || rustup target add "$each"; \
    done; \
    command -v cargo-chef >/dev/null \
        || CARGO_PROFILE_DEV_DEBUG=false cargo install --debug --locked "cargo-chef@$CARGO_CHEF_VERSION"
WORKDIR /fibstack

FROM toolchain AS recipe
COPY . .
RUN cargo chef prepare --recipe-path /recipe.json

# Dependencies, in layers that are cached until Cargo.lock changes.
FROM toolchain AS build
COPY --from=recipe /recipe.json /recipe.json
RUN target="$(uname -m)-unknown-linux-musl"; \
    cargo chef cook --locked --release --target "$target" --no-default-features --recipe-path /recipe.json \
        --package server --package worker --features server/telemetry,worker/telemetry; \
    cargo chef cook --locked --profile wasm-release --target wasm32-unknown-unknown --no-default-features \
        --recipe-path /recipe.json --package frontend --target-dir target/front; \
    cargo chef cook --locked --recipe-path /recipe.json --package xtask --package bindgen
COPY . .
RUN cargo xtask artifacts /artifacts

FROM scratch AS artifacts-built
COPY --from=build /artifacts /

FROM scratch AS artifacts-given
COPY . /

# hadolint ignore=DL3006
FROM artifacts-${ARTIFACTS} AS artifacts

# `cargo xtask test` installs what it needs.
FROM toolchain AS test
ENV CI=true
COPY . .
RUN cargo xtask test

FROM ${BASE_REGISTRY}debian:trixie-slim${DEBIAN_DIGEST} AS certificates
# hadolint ignore=DL3008
RUN test -s /etc/ssl/certs/ca-certificates.crt \
    || { apt-get update && apt-get install --yes --no-install-recommends ca-certificates; }

FROM scratch AS base
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.vendor="fibstack" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
# Modes are set here and below, because those of a checkout depend on the umask of its user.
COPY --from=certificates --chmod=644 /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
# An unprivileged user, by number because there is no /etc/passwd.
USER 10001:10001

FROM base AS worker
LABEL org.opencontainers.image.title="fibstack worker" \
      org.opencontainers.image.description="Claims indexes from Redis and computes their values"
COPY --from=artifacts --chmod=755 /worker /
ENV HEALTH_ADDR=127.0.0.1:9000
HEALTHCHECK --interval=30s --timeout=5s --retries=3 --start-period=60s CMD ["/worker", "healthcheck"]
ENTRYPOINT ["/worker"]

FROM base AS server
LABEL org.opencontainers.image.title="fibstack server" \
      org.opencontainers.image.description="Pages, API and live events; with EMBEDDED=true, the whole system"
COPY --from=artifacts --chmod=755 /hash.txt /server /
# Amazon's certificate authorities, for PGSSLROOTCERT.
COPY --from=artifacts --chmod=644 /rds.pem /etc/ssl/certs/
COPY --from=artifacts --chmod=755 /site /site
# Only an embedded server writes here.
COPY --from=artifacts --chown=10001:10001 /data /data
# Embedded mode must be requested: a forgotten PGHOST must not look like an empty database.
ENV EMBEDDED=false \
    SITE_ADDR=0.0.0.0:3000 \
    DATA_DIR=/data \
    LEPTOS_SITE_ROOT=/site \
    LEPTOS_HASH_FILES=true
EXPOSE 3000 5000
HEALTHCHECK --interval=30s --timeout=5s --retries=3 --start-period=60s CMD ["/server", "healthcheck"]
ENTRYPOINT ["/server"]

# The stable branch, which gets security updates until the next one in spring.
FROM ${BASE_REGISTRY}nginx:1.30${NGINX_DIGEST} AS nginx
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.vendor="fibstack" \
      org.opencontainers.image.title="fibstack nginx" \
      org.opencontainers.image.description="The router in front of fibstack's servers" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --chmod=755 nginx /fibstack/
USER 10001:10001
ENV LISTEN=80
EXPOSE 80 443
# Finishes open requests first.
STOPSIGNAL SIGQUIT
# In shell form, so that a shell expands the port.
# hadolint ignore=DL3025
HEALTHCHECK --interval=30s --timeout=5s --retries=3 --start-period=10s \
    CMD curl --fail --silent --show-error "http://127.0.0.1:${LISTEN##*:}/nginx-health"
ENTRYPOINT ["/fibstack/start.sh"]

# Runs in the network and process namespaces of another container (compose/debug.yaml), as the same user, so that it
# can read that container's files and environment.
FROM ${BASE_REGISTRY}debian:trixie-slim${DEBIAN_DIGEST} AS debug
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        bash ca-certificates curl iproute2 jq less postgresql-client procps redis-tools \
    && rm -rf /var/lib/apt/lists/*
COPY --chmod=644 certificates/rds.pem /etc/ssl/certs/
USER 10001:10001
ENV HOME=/tmp
WORKDIR /
# After the slow layers, because the revision changes with each commit.
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.vendor="fibstack" \
      org.opencontainers.image.title="fibstack debug" \
      org.opencontainers.image.description="A shell, psql, redis-cli and curl next to a container that has none" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
CMD ["bash"]
