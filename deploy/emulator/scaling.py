"""Application Auto Scaling: stores the scalable targets. Nothing is scaled."""

import json

from ministack import app
from ministack.core import router
from ministack.core.responses import get_account_id, get_region

# By resource id.
targets: dict[str, dict] = {}


async def handle(method: str, path: str, headers: dict, body: bytes, query: dict) -> tuple[int, dict, bytes]:
    action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
    request = json.loads(body or b"{}")
    if action == "RegisterScalableTarget":
        resource = request["ResourceId"]
        targets[resource] = {**targets.get(resource, {}), **request}
        arn = f"arn:aws:application-autoscaling:{get_region()}:{get_account_id()}:scalable-target/{resource}"
        response = {"ScalableTargetARN": arn}
    elif action == "DescribeScalableTargets":
        response = {"ScalableTargets": list(targets.values())}
    else:
        return 400, {}, json.dumps({"__type": "ValidationException", "message": action}).encode()
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(response).encode()


def patch() -> None:
    # Gap: the service is missing.
    router.SERVICE_PATTERNS["application-autoscaling"] = {"credential_scope": "application-autoscaling"}
    app.SERVICE_HANDLERS["application-autoscaling"] = handle
