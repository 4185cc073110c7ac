"""ECR's addresses: the registry is the emulator itself."""

from ministack.services import ecr


def patch(port: int) -> None:
    # Gap: the address is AWS' own, where nobody could push from here.
    ecr._repo_uri = lambda name: f"127.0.0.1:{port}/{name}"
