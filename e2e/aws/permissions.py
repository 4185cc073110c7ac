"""IAM: what a user may do is what their policies say. The key `test` is the account's root user's."""

from ministack.core import iam_actions, iam_evaluator


def patch() -> None:
    # Gap: the role that CloudFormation is to work with is no condition key.
    tags = iam_actions.request_tag_context

    def with_role(service: str, iam_action: str, body: bytes, params: dict) -> dict:
        context = tags(service, iam_action, body, params)
        role = iam_actions._query_param(params, "RoleARN") if service == "cloudformation" else ""
        return {**context, "cloudformation:RoleArn": role} if role else context

    iam_actions.request_tag_context = with_role

    # Gap: plain HTTP on loopback stands for TLS here, which policies may insist on.
    resolve = iam_evaluator._resolve_condition_key

    def as_by_tls(key: str, context: iam_evaluator.EvalContext) -> object:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = as_by_tls
