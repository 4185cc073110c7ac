"""The calls that CloudFormation makes to create, change and delete the types in the templates.

They follow the handlers of AWS's resource schemas, without the calls for properties that the templates do not use.
"""

from typing import NamedTuple

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import provisioners

import beanstalk_calls


class Call(NamedTuple):
    action: str
    resource: str = "*"
    # Sends the stack's tags.
    sends_tags: bool = False
    # Acts on something that has the stack's tags already.
    is_tagged: bool = False
    keys: dict = {}


# By type: its ARN from the service on, and the calls for its creation, change and deletion. `+` after a call sends the
# stack's tags; `*` marks one for which AWS supports no resource, so that a policy must allow it for all of them. During
# creation nothing has tags yet: CloudFormation sets the rules of a security group before its tags.
TYPES = {
    "AWS::CertificateManager::Certificate": (
        "acm:{region}:{account}:certificate/{name}",
        "RequestCertificate+ AddTagsToCertificate+ DescribeCertificate",
        "AddTagsToCertificate+",
        "DeleteCertificate",
    ),
    "AWS::ApplicationAutoScaling::ScalableTarget": (
        "application-autoscaling:{region}:{account}:scalable-target/0",
        "RegisterScalableTarget+ TagResource+ DescribeScalableTargets*",
        "RegisterScalableTarget TagResource+",
        "DeregisterScalableTarget",
    ),
    "AWS::ApplicationAutoScaling::ScalingPolicy": (
        "application-autoscaling:{region}:{account}:scalable-target/0",
        "PutScalingPolicy DescribeScalingPolicies*",
        "PutScalingPolicy",
        "DeleteScalingPolicy",
    ),
    "AWS::CloudWatch::Alarm": (
        "cloudwatch:{region}:{account}:alarm:{name}",
        "PutMetricAlarm+ TagResource+ DescribeAlarms*",
        "PutMetricAlarm TagResource+",
        "DeleteAlarms",
    ),
    "AWS::EC2::SecurityGroup": (
        "ec2:{region}:{account}:security-group/{name}",
        "CreateSecurityGroup AuthorizeSecurityGroupIngress CreateTags+ DescribeSecurityGroups*",
        "AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress CreateTags+",
        "DeleteSecurityGroup DescribeInstances*",
    ),
    "AWS::ECR::Repository": (
        "ecr:{region}:{account}:repository/{name}",
        "CreateRepository+ TagResource+ PutLifecyclePolicy",
        "PutLifecyclePolicy PutImageScanningConfiguration TagResource+",
        "DeleteRepository",
    ),
    "AWS::ECS::Cluster": (
        "ecs:{region}:{account}:cluster/{name}",
        "CreateCluster* TagResource+ DescribeClusters*",
        "UpdateCluster UpdateClusterSettings TagResource+",
        "DeleteCluster",
    ),
    "AWS::ECS::Service": (
        "ecs:{region}:{account}:service/{name}",
        "CreateService+ TagResource+ DescribeServices*",
        "UpdateService TagResource+",
        "DeleteService",
    ),
    "AWS::ECS::TaskDefinition": (
        "ecs:{region}:{account}:task-definition/{name}",
        "RegisterTaskDefinition+* TagResource+ DescribeTaskDefinition*",
        "RegisterTaskDefinition+* TagResource+ DeregisterTaskDefinition*",
        "DeregisterTaskDefinition*",
    ),
    "AWS::ElastiCache::ParameterGroup": (
        "elasticache:{region}:{account}:parametergroup:{name}",
        "CreateCacheParameterGroup+ AddTagsToResource+ ModifyCacheParameterGroup",
        "ModifyCacheParameterGroup AddTagsToResource+",
        "DeleteCacheParameterGroup",
    ),
    "AWS::ElastiCache::ReplicationGroup": (
        "elasticache:{region}:{account}:replicationgroup:{name}",
        "CreateReplicationGroup+ AddTagsToResource+ DescribeReplicationGroups*",
        "ModifyReplicationGroup AddTagsToResource+",
        "DeleteReplicationGroup",
    ),
    "AWS::ElastiCache::SubnetGroup": (
        "elasticache:{region}:{account}:subnetgroup:{name}",
        "CreateCacheSubnetGroup+ AddTagsToResource+ DescribeCacheSubnetGroups*",
        "ModifyCacheSubnetGroup AddTagsToResource+",
        "DeleteCacheSubnetGroup",
    ),
    "AWS::ElasticBeanstalk::Application": (
        "elasticbeanstalk:{region}:{account}:application/{name}",
        "CreateApplication DescribeApplications*",
        "UpdateApplication UpdateApplicationResourceLifecycle",
        "DeleteApplication",
    ),
    "AWS::ElasticBeanstalk::Environment": (
        "elasticbeanstalk:{region}:{account}:environment/{name}",
        "CreateEnvironment+ DescribeEnvironments*",
        "UpdateEnvironment",
        "TerminateEnvironment",
    ),
    "AWS::ElasticLoadBalancingV2::Listener": (
        "elasticloadbalancing:{region}:{account}:listener/app/{name}/0/0",
        "CreateListener+ AddTags+ DescribeListeners*",
        "ModifyListener AddTags+",
        "DeleteListener",
    ),
    "AWS::ElasticLoadBalancingV2::ListenerRule": (
        "elasticloadbalancing:{region}:{account}:listener-rule/app/{name}/0/0/0",
        "CreateRule+ AddTags+ DescribeRules*",
        "ModifyRule SetRulePriorities AddTags+",
        "DeleteRule",
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        "elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/0",
        "CreateLoadBalancer+ AddTags+ ModifyLoadBalancerAttributes DescribeLoadBalancers*",
        "ModifyLoadBalancerAttributes SetSecurityGroups SetSubnets AddTags+",
        "DeleteLoadBalancer",
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (
        "elasticloadbalancing:{region}:{account}:targetgroup/{name}/0",
        "CreateTargetGroup+ AddTags+ ModifyTargetGroupAttributes DescribeTargetGroups*",
        "ModifyTargetGroup ModifyTargetGroupAttributes AddTags+",
        "DeleteTargetGroup",
    ),
    "AWS::IAM::InstanceProfile": (
        "iam::{account}:instance-profile/{name}",
        "CreateInstanceProfile AddRoleToInstanceProfile GetInstanceProfile",
        "RemoveRoleFromInstanceProfile AddRoleToInstanceProfile",
        "RemoveRoleFromInstanceProfile DeleteInstanceProfile",
    ),
    # More calls are added below.
    "AWS::IAM::Role": ("iam::{account}:role/{name}", "TagRole+ GetRole", "TagRole+", "DeleteRole DeleteRolePolicy"),
    "AWS::Logs::LogGroup": (
        "logs:{region}:{account}:log-group:{name}",
        "CreateLogGroup+ PutRetentionPolicy TagResource+ DescribeLogGroups*",
        "PutRetentionPolicy TagResource+",
        "DeleteLogGroup",
    ),
    "AWS::Logs::MetricFilter": (
        "logs:{region}:{account}:log-group:{name}",
        "PutMetricFilter DescribeMetricFilters",
        "PutMetricFilter",
        "DeleteMetricFilter",
    ),
    "AWS::RDS::DBInstance": (
        "rds:{region}:{account}:db:{name}",
        "CreateDBInstance+ AddTagsToResource+ DescribeDBInstances*",
        "ModifyDBInstance AddTagsToResource+",
        "DeleteDBInstance CreateDBSnapshot",
    ),
    "AWS::RDS::DBSubnetGroup": (
        "rds:{region}:{account}:subgrp:{name}",
        "CreateDBSubnetGroup+ AddTagsToResource+",
        "ModifyDBSubnetGroup AddTagsToResource+",
        "DeleteDBSubnetGroup",
    ),
    "AWS::Route53::HostedZone": (
        "route53:::hostedzone/{name}",
        "CreateHostedZone* ChangeTagsForResource+ GetHostedZone",
        "ChangeTagsForResource+ UpdateHostedZoneComment",
        "DeleteHostedZone",
    ),
    # ChangeResourceRecordSets is added below.
    "AWS::Route53::RecordSet": ("route53:::hostedzone/{name}", "GetHostedZone", "GetHostedZone", "GetHostedZone"),
    "AWS::S3::Bucket": (
        "s3:::{name}",
        "CreateBucket PutBucketTagging TagResource PutEncryptionConfiguration PutBucketPublicAccessBlock"
        " PutBucketOwnershipControls PutLifecycleConfiguration",
        "PutBucketTagging PutEncryptionConfiguration PutLifecycleConfiguration",
        "DeleteBucket",
    ),
    "AWS::S3::BucketPolicy": ("s3:::{name}", "PutBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
    "AWS::SNS::Subscription": ("sns:{region}:{account}:{name}", "Subscribe", "Subscribe", "Unsubscribe*"),
    "AWS::SNS::Topic": (
        "sns:{region}:{account}:{name}",
        "CreateTopic+ TagResource+ GetTopicAttributes",
        "SetTopicAttributes TagResource+",
        "DeleteTopic",
    ),
    "AWS::SecretsManager::Secret": (
        "secretsmanager:{region}:{account}:secret:{name}",
        "GetRandomPassword* CreateSecret+ TagResource+ DescribeSecret",
        "UpdateSecret TagResource+",
        "DescribeSecret DeleteSecret",
    ),
    "AWS::ServiceDiscovery::HttpNamespace": (
        "servicediscovery:{region}:{account}:namespace/{name}",
        "CreateHttpNamespace+ TagResource+ GetOperation*",
        "UpdateHttpNamespace TagResource+",
        "DeleteNamespace",
    ),
}
OPERATIONS = ("create", "update", "delete")

# Properties that name a resource.
NAMES = {
    "AWS::ECR::Repository": "RepositoryName",
    "AWS::ECS::Cluster": "ClusterName",
    "AWS::ElasticBeanstalk::Application": "ApplicationName",
    "AWS::Logs::LogGroup": "LogGroupName",
}
# Properties that name the parent of a resource, to which the calls refer.
WHOLES = {
    "AWS::Logs::MetricFilter": "LogGroupName",
    "AWS::Route53::RecordSet": "HostedZoneId",
    "AWS::S3::BucketPolicy": "Bucket",
    "AWS::SNS::Subscription": "TopicArn",
}
# Services whose first resource in an account creates the service's own role.
SERVICE_ROLES = {
    "AWS::ECS::Cluster": "ecs.amazonaws.com",
    "AWS::ElastiCache::ReplicationGroup": "elasticache.amazonaws.com",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "elasticloadbalancing.amazonaws.com",
    "AWS::RDS::DBInstance": "rds.amazonaws.com",
    "AWS::ApplicationAutoScaling::ScalableTarget": "ecs.application-autoscaling.amazonaws.com",
}


def name_of(kind: str, logical_id: str, props: dict, stack: str) -> str:
    """The name that a new resource gets."""
    if kind == "AWS::ECS::Service":
        return f"{props['Cluster']}/{props.get('ServiceName') or f'{stack}-{logical_id}'}"
    # AWS names these without the stack's name.
    if kind == "AWS::SecretsManager::Secret":
        return props.get("Name") or f"{logical_id}-emulated"
    if kind == "AWS::ECS::TaskDefinition":
        return f"{props['Family']}:1"
    if kind in NAMES and props.get(NAMES[kind]):
        return props[NAMES[kind]]
    lowercase = kind.startswith(("AWS::RDS::", "AWS::S3::", "AWS::ElastiCache::"))
    return provisioners._physical_name(stack, logical_id, lowercase=lowercase)


def record_names(props: dict) -> list[str]:
    names = props.get("Names") or [props["Name"]]
    return [name.removesuffix(".").lower().replace("*", "\\052") for name in names]


def pass_role(role: str, service: str) -> Call:
    return Call("iam:PassRole", role, keys={"iam:PassedToService": service})


def role_calls(arn: str, operation: str, props: dict) -> list[Call]:
    bounded = {"iam:PermissionsBoundary": props["PermissionsBoundary"]} if props.get("PermissionsBoundary") else {}
    calls = []
    if operation == "create":
        calls.append(Call("iam:CreateRole", arn, sends_tags=True, keys=bounded))
    if operation != "delete" and props.get("Policies"):
        calls.append(Call("iam:PutRolePolicy", arn, keys=bounded))
    action = "iam:DetachRolePolicy" if operation == "delete" else "iam:AttachRolePolicy"
    for policy in props.get("ManagedPolicyArns", []):
        calls.append(Call(action, arn, keys={**bounded, "iam:PolicyARN": policy}))
    return calls


def more_calls(kind: str, arn: str, operation: str, props: dict) -> list[Call]:
    """Calls that are not in the table because they depend on properties."""
    region, account = get_region(), get_account_id()
    if kind == "AWS::IAM::Role":
        return role_calls(arn, operation, props)
    if kind == "AWS::Route53::RecordSet":
        keys = {"route53:ChangeResourceRecordSetsNormalizedRecordNames": record_names(props)}
        return [Call("route53:ChangeResourceRecordSets", arn, keys=keys)]
    if kind == "AWS::ElasticBeanstalk::Environment":
        options = {each["OptionName"]: str(each.get("Value", "")) for each in props.get("OptionSettings") or []}
        calls = beanstalk_calls.behind(operation, props["EnvironmentName"], options)
        return [Call(*each) for each in calls]
    if operation == "delete":
        return []
    if kind == "AWS::EC2::SecurityGroup" and operation == "create":
        return [Call("ec2:CreateSecurityGroup", f"arn:aws:ec2:{region}:{account}:vpc/{props['VpcId']}")]
    if kind == "AWS::ECS::TaskDefinition":
        roles = [props[name] for name in ("ExecutionRoleArn", "TaskRoleArn") if props.get(name)]
        return [pass_role(role, "ecs-tasks.amazonaws.com") for role in roles]
    if kind == "AWS::IAM::InstanceProfile":
        roles = [f"arn:aws:iam::{account}:role/{role}" for role in props["Roles"]]
        return [pass_role(role, "ec2.amazonaws.com") for role in roles]
    if kind == "AWS::ElasticBeanstalk::Application" and props.get("ResourceLifecycleConfig"):
        return [pass_role(props["ResourceLifecycleConfig"]["ServiceRole"], "elasticbeanstalk.amazonaws.com")]
    if kind == "AWS::CertificateManager::Certificate":
        options = [each for each in props.get("DomainValidationOptions", []) if each.get("HostedZoneId")]
        return [
            Call(
                "route53:ChangeResourceRecordSets",
                f"arn:aws:route53:::hostedzone/{each['HostedZoneId']}",
                keys={
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": [
                        f"_0.{each['DomainName'].removeprefix('*.')}"
                    ]
                },
            )
            for each in options
        ]
    if kind == "AWS::ApplicationAutoScaling::ScalingPolicy" and "TargetTrackingScalingPolicyConfiguration" in props:
        resource = props.get("ResourceId") or props["ScalingTargetId"].split("|")[0]
        alarm = f"arn:aws:cloudwatch:{region}:{account}:alarm:TargetTracking-{resource}-AlarmHigh-0"
        return [Call("cloudwatch:PutMetricAlarm", alarm)]
    return []


def calls(kind: str, operation: str, name: str, props: dict) -> list[Call]:
    """All calls for one resource. `name` is its name at AWS, or its ARN."""
    if kind in WHOLES:
        name = props[WHOLES[kind]]
    if kind == "AWS::ElasticBeanstalk::Environment":
        name = f"{props['ApplicationName']}/{props['EnvironmentName']}"
    if kind not in TYPES:
        raise ValueError(f"the emulator does not know CloudFormation's calls for {kind}: add it to resource_calls.py")
    template, *lists = TYPES[kind]
    service = template.split(":", 1)[0]
    values = {"region": get_region(), "account": get_account_id(), "name": name}
    arn = name if name.startswith("arn:") else f"arn:aws:{template.format(**values)}"
    keys = {"application-autoscaling:service-namespace": "ecs"} if service == "application-autoscaling" else {}
    found = []
    if operation == "create" and kind in SERVICE_ROLES:
        found.append(
            Call(
                "iam:CreateServiceLinkedRole",
                f"arn:aws:iam::{get_account_id()}:role/aws-service-role/{SERVICE_ROLES[kind]}/AWSServiceRole",
                keys={"iam:AWSServiceName": SERVICE_ROLES[kind]},
            )
        )
    found += more_calls(kind, arn, operation, props)
    for word in lists[OPERATIONS.index(operation)].split():
        resource = "*" if "*" in word else arn
        action = f"{service}:{word.rstrip('+*')}"
        found.append(Call(action, resource, "+" in word, operation != "create", keys))
    return found
