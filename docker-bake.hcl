# All images in one build, whose common stages run once: docker buildx bake --file docker-bake.hcl
# They are named as in the Compose files.

variable "IMAGE_PREFIX" { default = "fibstack/" }
variable "IMAGE_TAG" { default = "latest" }
variable "BASE_REGISTRY" { default = "" }
variable "VERSION" { default = "0.1.0" }
variable "REVISION" { default = "" }

group "default" { targets = ["image"] }

target "image" {
  name   = part
  matrix = { part = ["server", "worker", "nginx", "debug"] }
  target = part
  tags   = ["${IMAGE_PREFIX}${part}:${IMAGE_TAG}"]
  args   = { BASE_REGISTRY = BASE_REGISTRY, VERSION = VERSION, REVISION = REVISION }
}
