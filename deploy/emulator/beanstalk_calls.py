"""The calls that Elastic Beanstalk makes with the permissions of the user who works with an environment.

Derived from reports of denied calls, and from AWS's policy AdministratorAccess-AWSElasticBeanstalk.
"""

from ministack.core.responses import get_account_id, get_region

INSTANCE_PROFILE = "IamInstanceProfile"
SERVICE_ROLE = "ServiceRole"


def reads() -> list[tuple[str, str]]:
    """Calls that read AWS's own buckets, which even describing an environment does."""
    region = get_region()
    objects = (
        f"elasticbeanstalk-platform-assets-{region}/stalks/Template.pack",
        f"elasticbeanstalk-env-resources-{region}/eb_patching_resources/instance_patch_extension.linux",
    )
    return [("s3:GetObject", f"arn:aws:s3:::{each}") for each in objects]


def writes() -> list[tuple[str, str]]:
    """Calls that write objects with access control lists into the bucket that Beanstalk creates in an account."""
    key = f"arn:aws:s3:::elasticbeanstalk-{get_region()}-{get_account_id()}/resources/environments/e-0"
    return [("s3:PutObject", key), ("s3:PutObjectAcl", key), ("s3:GetObjectAcl", key)]


def behind(operation: str, environment: str, options: dict[str, str]) -> list[tuple]:
    """Calls as tuples: action, resource, two booleans (tags are sent, the resource has tags), and condition keys."""
    region, account = get_region(), get_account_id()

    def arn(service: str, rest: str) -> str:
        return f"arn:aws:{service}:{region}:{account}:{rest}"

    stack = arn("cloudformation", "stack/awseb-e-0-stack/0")
    group = arn("autoscaling", "autoScalingGroup:0:autoScalingGroupName/awseb-e-0-stack-AWSEBAutoScalingGroup-0")
    if operation == "delete":
        return [
            ("cloudformation:DeleteStack", stack, False, True),
            ("autoscaling:DeleteAutoScalingGroup", group, False, True),
            (
                "ec2:TerminateInstances",
                arn("ec2", "instance/i-0"),
                False,
                True,
                {"ec2:ResourceTag/aws:cloudformation:stack-id": stack},
            ),
            ("ec2:ReleaseAddress", arn("ec2", "elastic-ip/eipalloc-0"), False, True),
        ]
    calls: list[tuple] = [*reads(), *writes()]
    if operation == "update":
        return [*calls, ("cloudformation:UpdateStack", stack, False, True)]
    calls += [
        ("iam:CreateServiceLinkedRole", linked_role(service), False, False, {"iam:AWSServiceName": service})
        for service in linked_services(options)
    ]
    launch = {"ec2:LaunchTemplate": arn("ec2", "launch-template/lt-0")}
    calls += [
        ("cloudformation:CreateStack", stack, True),
        ("ec2:CreateSecurityGroup", arn("ec2", "security-group/sg-0")),
        ("ec2:AuthorizeSecurityGroupIngress", arn("ec2", "security-group/sg-0")),
        ("ec2:CreateTags", arn("ec2", "security-group/sg-0"), True),
        ("ec2:CreateLaunchTemplate", arn("ec2", "launch-template/lt-0"), True),
        ("ec2:RunInstances", arn("ec2", "instance/i-0"), True, False, launch),
        ("autoscaling:CreateAutoScalingGroup", group, True),
        ("logs:CreateLogGroup", arn("logs", f"log-group:/aws/elasticbeanstalk/{environment}/var/log/eb-engine.log")),
        ("cloudwatch:PutMetricAlarm", arn("cloudwatch", "alarm:awseb-e-0-stack-AWSEBCloudwatchAlarm")),
    ]
    if options.get("EnvironmentType") == "SingleInstance":
        calls += [
            ("ec2:AllocateAddress", arn("ec2", "elastic-ip/eipalloc-0")),
            ("ec2:AssociateAddress", arn("ec2", "elastic-ip/eipalloc-0")),
        ]
    else:
        balancer = arn("elasticloadbalancing", "loadbalancer/app/awseb-AWSEB-0/0")
        targets = arn("elasticloadbalancing", "targetgroup/awseb-AWSEB-0/0")
        calls += [
            ("elasticloadbalancing:CreateLoadBalancer", balancer, True),
            ("elasticloadbalancing:CreateTargetGroup", targets, True),
        ]
    for option, service in ((INSTANCE_PROFILE, "ec2.amazonaws.com"), (SERVICE_ROLE, "elasticbeanstalk.amazonaws.com")):
        if role := role_arn(option, options.get(option, "")):
            calls.append(("iam:PassRole", role, False, False, {"iam:PassedToService": service}))
    return calls


def linked_services(options: dict[str, str]) -> list[str]:
    """Services whose own roles an account's first environment creates."""
    services = ["autoscaling.amazonaws.com", "elasticbeanstalk.amazonaws.com"]
    services.append("maintenance.elasticbeanstalk.amazonaws.com")
    if options.get("EnvironmentType") != "SingleInstance":
        services.append("elasticloadbalancing.amazonaws.com")
    if options.get("ManagedActionsEnabled") == "true":
        services.append("managedupdates.elasticbeanstalk.amazonaws.com")
    return services


def linked_role(service: str) -> str:
    return f"arn:aws:iam::{get_account_id()}:role/aws-service-role/{service}/AWSServiceRole"


def role_arn(option: str, name: str) -> str:
    """The role that an option names, by name or ARN; for an instance profile, the role in it."""
    from ministack.services import iam

    name = name.rsplit("/", 1)[-1]
    if option == INSTANCE_PROFILE:
        profile = iam._instance_profiles.get(name) or {}
        roles = profile.get("Roles") or []
        name = roles[0] if roles else ""
    return f"arn:aws:iam::{get_account_id()}:role/{name}" if name else ""
