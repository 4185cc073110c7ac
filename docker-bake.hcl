# All images in one build, whose common stages run once: docker buildx bake --file docker-bake.hcl
# They are named as in the Compose files.

variable "IMAGE_PREFIX" { default = "fibstack/" }
variable "IMAGE_TAG" { default = "latest" }
variable "BASE_REGISTRY" { default = "" }
variable "VERSION" { default = "0.1.0" }
variable "REVISION" { default = "" }

group "default" { targets = ["server", "worker", "nginx", "debug"] }

target "image" {
  args = { BASE_REGISTRY = BASE_REGISTRY, VERSION = VERSION, REVISION = REVISION }
}

target "server" {
  inherits = ["image"]
  target   = "server"
  tags     = ["${IMAGE_PREFIX}server:${IMAGE_TAG}"]
}

target "worker" {
  inherits = ["image"]
  target   = "worker"
  tags     = ["${IMAGE_PREFIX}worker:${IMAGE_TAG}"]
}

target "nginx" {
  inherits = ["image"]
  target   = "nginx"
  tags     = ["${IMAGE_PREFIX}nginx:${IMAGE_TAG}"]
}

target "debug" {
  inherits = ["image"]
  target   = "debug"
  tags     = ["${IMAGE_PREFIX}debug:${IMAGE_TAG}"]
}
