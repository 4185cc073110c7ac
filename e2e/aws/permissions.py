"""IAM: what a user may do is what their policies say. The key `test` is the account's root user's."""

from ministack.core import iam_actions


def patch() -> None:
    # Gap: the role that CloudFormation is to work with is no condition key.
    original = iam_actions.request_tag_context

    def with_role(service: str, iam_action: str, body: bytes, params: dict) -> dict:
        context = original(service, iam_action, body, params)
        role = iam_actions._query_param(params, "RoleARN") if service == "cloudformation" else ""
        return {**context, "cloudformation:RoleArn": role} if role else context

    iam_actions.request_tag_context = with_role
