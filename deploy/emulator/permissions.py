"""IAM: policies decide what a user may do. The access key `test` belongs to the root user."""

import json

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region


def patch() -> None:
    request_tag_context = iam_actions.request_tag_context

    # Gap: two condition keys are missing: the role passed to CloudFormation and the ECS cluster.
    def with_condition_keys(service: str, iam_action: str, body: bytes, params: dict) -> dict:
        context = request_tag_context(service, iam_action, body, params)
        role = iam_actions._query_param(params, "RoleARN") if service == "cloudformation" else ""
        if role:
            context = {**context, "cloudformation:RoleArn": role}
        cluster = iam_actions._safe_json_field(body, "cluster") if service == "ecs" else ""
        if cluster:
            name = cluster.rsplit("/")[-1]
            arn = f"arn:aws:ecs:{get_region()}:{get_account_id()}:cluster/{name}"
            context = {**context, "ecs:cluster": arn}
        return context

    iam_actions.request_tag_context = with_condition_keys
    extract_resource_arn = iam_actions.extract_resource_arn

    # Gap: the resource of a request about a list of alarms is unknown. The first of them stands for all.
    def with_alarm_lists(
        service: str, method: str, path: str, headers: dict, body: bytes, params: dict, region: str, account: str
    ) -> str:
        name = iam_actions._query_param(params, "AlarmNames.member.1")
        if service == "monitoring" and body[:1] == b"{":
            name = (json.loads(body).get("AlarmNames") or [name])[0]
        if service == "monitoring" and name:
            return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"
        return extract_resource_arn(service, method, path, headers, body, params, region, account)

    iam_actions.extract_resource_arn = with_alarm_lists
    resolve = iam_evaluator._resolve_condition_key

    # Gap: policies may require TLS, but clients use plain HTTP on loopback here.
    def as_if_over_tls(key: str, context: iam_evaluator.EvalContext) -> object:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = as_if_over_tls
