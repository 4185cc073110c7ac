"""IAM: what a user may do is what their policies say. The key `test` is the account's root user's."""

import json

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region


def patch() -> None:
    # Gap: neither the role that CloudFormation is to work with nor the cluster of tasks is a condition key.
    tags = iam_actions.request_tag_context

    def with_keys(service: str, iam_action: str, body: bytes, params: dict) -> dict:
        context = tags(service, iam_action, body, params)
        role = iam_actions._query_param(params, "RoleARN") if service == "cloudformation" else ""
        if role:
            context = {**context, "cloudformation:RoleArn": role}
        cluster = iam_actions._safe_json_field(body, "cluster") if service == "ecs" else ""
        if cluster:
            name = cluster.rsplit("/")[-1]
            arn = f"arn:aws:ecs:{get_region()}:{get_account_id()}:cluster/{name}"
            context = {**context, "ecs:cluster": arn}
        return context

    iam_actions.request_tag_context = with_keys

    # Gap: of alarms, only one that is named alone is known.
    resource = iam_actions.extract_resource_arn

    def of_alarms(
        service: str, method: str, path: str, headers: dict, body: bytes, params: dict, region: str, account: str
    ) -> str:
        name = iam_actions._query_param(params, "AlarmNames.member.1")
        if service == "monitoring" and body[:1] == b"{":
            name = (json.loads(body).get("AlarmNames") or [name])[0]
        if service == "monitoring" and name:
            return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"
        return resource(service, method, path, headers, body, params, region, account)

    iam_actions.extract_resource_arn = of_alarms

    # Gap: plain HTTP on loopback stands for TLS here, which policies may insist on.
    resolve = iam_evaluator._resolve_condition_key

    def as_by_tls(key: str, context: iam_evaluator.EvalContext) -> object:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = as_by_tls
