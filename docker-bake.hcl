# Definition of all images. `cargo xtask images build` and CI run it; by hand:
#
#   docker buildx bake --file docker-bake.hcl [server] [worker] [nginx] [debug]
#
# Names and tags are the same as in the Compose files.

variable "IMAGE_PREFIX" { default = "fibstack/" }
variable "IMAGE_TAG" { default = "latest" }
# Mirror of the base images, with a slash at the end.
variable "BASE_REGISTRY" { default = "" }
# Digests of the base images, with @ in front, written by .ci/pin-base-images. To build without them, for example where
# no registry can be reached: RUST_DIGEST= DEBIAN_DIGEST= NGINX_DIGEST= in the environment.
# rust:1-trixie
variable "RUST_DIGEST" { default = "" }
# debian:trixie-slim
variable "DEBIAN_DIGEST" { default = "" }
# nginx:1.30
variable "NGINX_DIGEST" { default = "" }
# Platform to build for, such as linux/amd64. Empty for this machine's. ARTIFACTS are always for this machine.
variable "PLATFORM" { default = "" }
variable "VERSION" { default = "" }
variable "REVISION" { default = "" }
# Folder with the output of `cargo xtask artifacts`. If it is set, nothing is compiled inside the build.
variable "ARTIFACTS" { default = "" }
# Absolute path of the Dockerfile, which is needed with ARTIFACTS.
variable "DOCKERFILE" { default = "Dockerfile" }

group "default" { targets = ["image"] }

target "image" {
  name       = part
  matrix     = { part = ["server", "worker", "nginx", "debug"] }
  target     = part
  # The artifacts are the context, because only engines from 23 on understand additional contexts.
  context    = ARTIFACTS != "" && contains(["server", "worker"], part) ? ARTIFACTS : "."
  dockerfile = DOCKERFILE
  platforms  = PLATFORM != "" && ARTIFACTS == "" ? [PLATFORM] : null
  tags       = ["${IMAGE_PREFIX}${part}:${IMAGE_TAG}"]
  args = {
    ARTIFACTS     = ARTIFACTS != "" && contains(["server", "worker"], part) ? "given" : "built"
    BASE_REGISTRY = BASE_REGISTRY
    RUST_DIGEST   = RUST_DIGEST
    DEBIAN_DIGEST = DEBIAN_DIGEST
    NGINX_DIGEST  = NGINX_DIGEST
    VERSION       = VERSION
    REVISION      = REVISION
  }
}
