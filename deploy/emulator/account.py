"""The account's plan. A free one refuses what AWS's free plan refuses."""

import json

from ministack import app
from ministack.core import router
from ministack.core.responses import get_account_id

FREE, PAID = "FREE", "PAID"
# Maximum number of days for which the free plan keeps backups.
FREE_BACKUP_DAYS = 1

plan = PAID


def check_backups(days: int) -> None:
    if plan == FREE and days > FREE_BACKUP_DAYS:
        raise ValueError(
            "The specified backup retention period exceeds the maximum available to free tier customers. To remove all"
            " limitations, upgrade your account plan. (Service: Rds, Status Code: 400, Error Code:"
            " FreeTierRestrictionError)"
        )


async def handle(method: str, path: str, headers: dict, body: bytes, query: dict) -> tuple[int, dict, bytes]:
    action = headers.get("x-amz-target", "").rsplit(".", 1)[-1]
    if action != "GetAccountPlanState":
        return 400, {}, json.dumps({"__type": "ValidationException", "message": action}).encode()
    state = {"accountId": get_account_id(), "accountPlanType": plan, "accountPlanStatus": "ACTIVE"}
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(state).encode()


def patch(chosen: str) -> None:
    global plan
    plan = chosen.upper()
    # Gap: the service is missing.
    router.SERVICE_PATTERNS["freetier"] = {"credential_scope": "freetier"}
    app.SERVICE_HANDLERS["freetier"] = handle
