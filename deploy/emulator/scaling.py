"""Application Auto Scaling: remembers what is to scale. Nothing scales here."""

import json

from ministack import app
from ministack.core import router
from ministack.core.responses import get_account_id, get_region

# By the name of what is scaled.
targets: dict[str, dict] = {}


async def handle(method: str, path: str, headers: dict, body: bytes, query: dict) -> tuple[int, dict, bytes]:
    action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
    asked = json.loads(body or b"{}")
    if action == "RegisterScalableTarget":
        name = asked["ResourceId"]
        targets[name] = {**targets.get(name, {}), **asked}
        answer = {
            "ScalableTargetARN": f"arn:aws:application-autoscaling:{get_region()}:{get_account_id()}:scalable-target/{name}"
        }
    elif action == "DescribeScalableTargets":
        answer = {"ScalableTargets": list(targets.values())}
    else:
        return 400, {}, json.dumps({"__type": "ValidationException", "message": action}).encode()
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()


def patch() -> None:
    # Gap: it is unknown as a service.
    router.SERVICE_PATTERNS["application-autoscaling"] = {"credential_scope": "application-autoscaling"}
    app.SERVICE_HANDLERS["application-autoscaling"] = handle
