"""ECR: repository addresses point at the emulator, which is the registry."""

from ministack.services import ecr


def patch(port: int) -> None:
    # Gap: the address is one of AWS's, where nobody could push from here.
    ecr._repo_uri = lambda name: f"127.0.0.1:{port}/{name}"
