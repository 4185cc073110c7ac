"""IAM roles: enforces their policies, permissions boundaries and trust policies."""

import json

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam
from ministack.services.cloudformation import provisioners

ROLE = "AWS::IAM::Role"
POLICY = "AWS::IAM::ManagedPolicy"
# AWS does not count white space.
POLICY_CHARACTERS = 6144

# The parts of AWS's policies for Elastic Beanstalk that matter here.
BUCKETS = ["arn:aws:s3:::elasticbeanstalk-*", "arn:aws:s3:::elasticbeanstalk-*/*"]
AWS_POLICIES = {
    "AWSElasticBeanstalkWebTier": [
        {"Action": ["s3:Get*", "s3:List*", "s3:PutObject"], "Resource": BUCKETS},
        {
            "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSampling*"],
            "Resource": "*",
        },
        {
            "Action": ["logs:PutLogEvents", "logs:CreateLogStream", "logs:Describe*"],
            "Resource": "arn:aws:logs:*:*:log-group:/aws/elasticbeanstalk*",
        },
        {
            "Action": "elasticbeanstalk:PutInstanceStatistics",
            "Resource": ["arn:aws:elasticbeanstalk:*:*:application/*", "arn:aws:elasticbeanstalk:*:*:environment/*"],
        },
    ],
    "AWSElasticBeanstalkMulticontainerDocker": [
        {
            "Action": [
                *("ecs:Poll", "ecs:StartTask", "ecs:StopTask", "ecs:DiscoverPollEndpoint"),
                *("ecs:StartTelemetrySession", "ecs:RegisterContainerInstance", "ecs:DeregisterContainerInstance"),
                *("ecs:DescribeContainerInstances", "ecs:Submit*", "ecs:DescribeTasks", "ecs:TagResource"),
            ],
            "Resource": "*",
        },
    ],
    "service-role/AWSElasticBeanstalkEnhancedHealth": [
        {
            "Action": [
                *("elasticloadbalancing:Describe*", "ec2:Describe*", "ec2:GetConsoleOutput", "ec2:AssociateAddress"),
                *("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "autoscaling:Describe*"),
            ],
            "Resource": "*",
        },
        {"Action": "sns:Publish", "Resource": "arn:aws:sns:*:*:ElasticBeanstalkNotifications-*"},
    ],
    "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy": [
        {
            "Action": [
                *("elasticbeanstalk:*", "autoscaling:*", "cloudformation:*", "ec2:*", "elasticloadbalancing:*"),
                *("logs:*", "s3:*", "sns:*"),
            ],
            "Resource": "*",
        },
    ],
}


class Denied(ValueError):
    """A call that its role or user is not allowed to make."""


def name_of(role: str) -> str:
    """The name in a role's ARN, which may have a path."""
    return role.rsplit("/", 1)[-1]


def message(who: str, action: str, resource: str) -> str:
    if action.startswith("s3:") and "/" in resource:
        bucket, key = resource.removeprefix("arn:aws:s3:::").split("/", 1)
        return f"Access Denied: S3Bucket={bucket}, S3Key={key} ({who} may not {action})"
    return (
        f"User: {who} is not authorized to perform: {action} on resource: {resource} because no identity-based"
        f" policy allows the {action} action (Status Code: 403, Error Code: AccessDenied)"
    )


def check(role: str, action: str, resource: str = "*", keys: dict | None = None, session: str = "emulator") -> None:
    """Raises `Denied` unless a role's policies, and its boundary if it has one, allow a call."""
    account, name = get_account_id(), name_of(role)
    who = f"arn:aws:sts::{account}:assumed-role/{name}/{session}"
    if name not in iam._roles:
        raise Denied(f"{role} does not exist")
    context = iam_evaluator.EvalContext(
        principal_arn=who,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context={key.lower(): value for key, value in (keys or {}).items()},
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    if iam_evaluator.evaluate(context, policies, *limits).decision != "Allow":
        raise Denied(message(who, action, resource))


def check_trust(role: str, service: str, **keys: str) -> None:
    """Raises `Denied` unless a role's trust policy lets a service assume it."""
    account = get_account_id()
    found = iam._roles.get(name_of(role))
    context = iam_evaluator.EvalContext(
        principal_arn=service,
        principal_type="Service",
        principal_account=account,
        action="sts:AssumeRole",
        resource_arn=role,
        region=get_region(),
        service_context={"aws:sourceaccount": account, **keys},
    )
    document = json.loads(found["AssumeRolePolicyDocument"]) if found else {}
    for statement in document.get("Statement", []):
        principals = statement["Principal"].get("Service", [])
        is_named = service in ([principals] if isinstance(principals, str) else principals)
        if is_named and iam_evaluator._conditions_met(statement.get("Condition", {}), context):
            return
    raise Denied(f"{service} is unable to assume the role {role}. Verify that the role exists and trusts it.")


def check_size(props: dict) -> None:
    document = json.dumps(props["PolicyDocument"], separators=(",", ":"))
    if len(document) > POLICY_CHARACTERS:
        raise ValueError(f"Cannot exceed quota for PolicySize: {POLICY_CHARACTERS} (Service: Iam, Status Code: 409)")


def patch() -> None:
    # Gap: these policies are missing.
    for name, statements in AWS_POLICIES.items():
        allowed = [{"Effect": "Allow", **statement} for statement in statements]
        document = json.dumps({"Version": "2012-10-17", "Statement": allowed})
        iam._aws_managed_policies[f"arn:aws:iam::aws:policy/{name}"] = iam._make_aws_managed_record(name, document)

    roles = provisioners._RESOURCE_HANDLERS[ROLE]
    create, update = roles["create"], roles["update"]

    # Gap: a stack's roles lose their permissions boundary.
    def create_bounded(logical_id, props, stack):
        name, attributes = create(logical_id, props, stack)
        iam._roles[name]["PermissionsBoundary"] = props.get("PermissionsBoundary")
        return name, attributes

    def update_bounded(name, old, new, stack, *rest):
        name, attributes = update(name, old, new, stack, *rest)
        iam._roles[name]["PermissionsBoundary"] = new.get("PermissionsBoundary")
        return name, attributes

    roles.update(create=create_bounded, update=update_bounded)
    policies = provisioners._RESOURCE_HANDLERS[POLICY]
    create_policy, update_policy = policies["create"], policies["update"]

    # Gap: a policy may be of any size.
    def create_small(logical_id, props, stack):
        check_size(props)
        return create_policy(logical_id, props, stack)

    def update_small(arn, old, new, stack, *rest):
        check_size(new)
        return update_policy(arn, old, new, stack, *rest)

    policies.update(create=create_small, update=update_small)
