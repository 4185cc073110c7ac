"""ECR: repository addresses point at the emulator, which is the registry."""

from ministack.services import ecr


# The registry's own host, as in the names of its images.
host = ""


def repository_of(image: str) -> str:
    """The repository in this registry that an image's name refers to; empty if it is in another one."""
    registry, _, rest = image.partition("/")
    name = rest.split("@", 1)[0]
    return name.split(":", 1)[0] if host and registry == host else ""


def patch(port: int) -> None:
    global host
    host = f"127.0.0.1:{port}"
    # Gap: the address is one of AWS's, to which tests cannot push.
    ecr._repo_uri = lambda name: f"{host}/{name}"
