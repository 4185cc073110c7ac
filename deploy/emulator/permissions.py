"""IAM: enforces the policies of users. The access key `test` belongs to the root user."""

import json

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region

import query_api
from environment import environments
from roles import Denied, message


def check_caller(action: str, resource: str = "*", keys: dict | None = None) -> None:
    """Raises `Denied` unless the sender of the current request may make a call that a service makes for them."""
    request = iam_evaluator._signed_request.get()
    if request is None:
        return
    service = action.split(":", 1)[0]
    denied = iam_evaluator.enforce(
        request.access_key_id, action, service, get_region(), resource_arn=resource, service_context=keys or {}
    )
    if denied:
        raise Denied(message(iam_evaluator.caller_arn(), action, resource))


def beanstalk_arn(params: dict, region: str, account: str) -> str:
    """The application, version or environment that a request to Elastic Beanstalk is about."""
    name = iam_actions._query_param(params, "EnvironmentName")
    application = iam_actions._query_param(params, "ApplicationName")
    label = iam_actions._query_param(params, "VersionLabel")
    if name:
        application = application or (environments[name].application if name in environments else "none")
        resource = f"environment/{application}/{name}"
    elif application and label:
        resource = f"applicationversion/{application}/{label}"
    elif application:
        resource = f"application/{application}"
    else:
        return "*"
    return f"arn:aws:elasticbeanstalk:{region}:{account}:{resource}"


def patch() -> None:
    # Gap: requests to services that MiniStack lacks are allowed to everyone.
    for service in ("application-autoscaling", "elasticbeanstalk", "freetier"):
        iam_actions.SERVICE_TO_IAM_NAMESPACE[service] = service
    iam_actions._SERVICE_PROTOCOL["elasticbeanstalk"] = "query-xml"
    iam_actions._QUERY_XML_NS["elasticbeanstalk"] = query_api.NAMESPACE
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
        if service == "application-autoscaling":
            namespace = iam_actions._safe_json_field(body, "ServiceNamespace")
            context = {**context, "application-autoscaling:service-namespace": namespace}
        return context

    iam_actions.request_tag_context = with_condition_keys
    extract_resource_arn = iam_actions.extract_resource_arn

    # Gap: the resources of some requests are unknown. The first of a list of alarms represents all of them.
    def with_more_services(
        service: str, method: str, path: str, headers: dict, body: bytes, params: dict, region: str, account: str
    ) -> str:
        name = iam_actions._query_param(params, "AlarmNames.member.1")
        if service == "monitoring" and body[:1] == b"{":
            name = (json.loads(body).get("AlarmNames") or [name])[0]
        if service == "monitoring" and name:
            return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"
        if service == "elasticbeanstalk":
            return beanstalk_arn(params, region, account)
        if service == "application-autoscaling":
            return f"arn:aws:application-autoscaling:{region}:{account}:scalable-target/0"
        return extract_resource_arn(service, method, path, headers, body, params, region, account)

    iam_actions.extract_resource_arn = with_more_services
    resolve = iam_evaluator._resolve_condition_key

    # Gap: policies may require TLS, but clients use plain HTTP on loopback here.
    def as_if_over_tls(key: str, context: iam_evaluator.EvalContext) -> object:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = as_if_over_tls
