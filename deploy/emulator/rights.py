"""The rights that a role needs to start containers: to images in ECR, secrets, and parameters."""

from ministack.core.responses import get_account_id, get_region
from ministack.services import tagging

import registry
import roles

# Docker's names of AWS's processor architectures.
ARCHITECTURES = {"X86_64": "amd64", "ARM64": "arm64"}


def check_secrets(role: str, arns: list[str], session: str) -> None:
    """Raises `Denied` unless a role may read these secrets and parameters."""
    for arn in arns:
        tags = {f"aws:ResourceTag/{key}": value for key, value in (tagging.resource_tags(arn) or {}).items()}
        action = "ssm:GetParameters" if ":ssm:" in arn else "secretsmanager:GetSecretValue"
        roles.check(role, action, arn, tags, session)


def check_pull(role: str, image: str, session: str) -> None:
    """Raises `Denied` unless a role may pull an image, if that is in ECR."""
    repository = registry.repository_of(image)
    if not repository:
        return
    roles.check(role, "ecr:GetAuthorizationToken", session=session)
    arn = f"arn:aws:ecr:{get_region()}:{get_account_id()}:repository/{repository}"
    for action in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer"):
        roles.check(role, f"ecr:{action}", arn, session=session)
