"""CloudFormation: types that MiniStack lacks, and types that have to wait for containers."""

import re
import string

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import acm, ecs, route53, s3
from ministack.services.cloudformation import provisioners
from ministack.services.cloudformation import stacks as lifecycle

# Accepted and kept, and nothing else: what the tests cannot show.
METADATA_ONLY = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::IAM::OIDCProvider",
)

# They wait for containers, which the server's own thread must not.
SLOW = {
    "AWS::RDS::DBInstance",
    "AWS::ECS::Service",
    "AWS::ElasticBeanstalk::Environment",
}


def create_target(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
    name = "|".join((props["ResourceId"], props["ScalableDimension"], props["ServiceNamespace"]))
    return name, {"Id": name}


def create_policy(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
    resource = props.get("ResourceId") or props["ScalingTargetId"].split("|")[0]
    arn = (
        f"arn:aws:autoscaling:{get_region()}:{get_account_id()}:scalingPolicy:{new_uuid()}:"
        f"resource/ecs/{resource}:policyName/{props['PolicyName']}"
    )
    return arn, {"Arn": arn, "PolicyName": props["PolicyName"]}


def create_provider(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
    host = props["Url"].removeprefix("https://")
    arn = f"arn:aws:iam::{get_account_id()}:oidc-provider/{host}"
    return arn, {"Arn": arn}


def users_of(group: str) -> list[str]:
    """Which services of ECS and environments of Elastic Beanstalk have a security group."""
    import beanstalk

    found = []
    for _, service in ecs._services.all_items():
        network = (service.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
        if service["status"] == "ACTIVE" and group in (network.get("securityGroups") or []):
            found.append(service["serviceName"])
    for environment in beanstalk.environments.values():
        options = {each["OptionName"]: each.get("Value") for each in environment.options}
        if environment.status != "Terminated" and group in str(options.get("SecurityGroups")).split(","):
            found.append(environment.name)
    return found


def register(kind: str, create, update=None, delete=None) -> None:
    """The update says the old name again unless told otherwise."""
    provisioners._RESOURCE_HANDLERS[kind] = {
        "create": create,
        "update": update or (lambda name, old, new, stack: (name, {})),
        "delete": delete or (lambda name, props: None),
    }


def patch() -> None:
    # Gap: passwords come with the punctuation that templates exclude.
    secret_string = provisioners._sm_secret_string

    def without_punctuation(props: dict) -> str:
        wanted = props.get("GenerateSecretString") or {}
        if wanted.get("ExcludePunctuation"):
            excluded = wanted.get("ExcludeCharacters", "") + string.punctuation
            props = {**props, "GenerateSecretString": {**wanted, "ExcludeCharacters": excluded}}
        return secret_string(props)

    provisioners._sm_secret_string = without_punctuation

    # Gap: Application Auto Scaling, and trust in GitHub.
    for kind, create in zip(METADATA_ONLY, (create_target, create_policy, create_provider), strict=True):
        register(kind, create)

    slow = lifecycle._runs_on_worker_thread
    # Gap: they were quick as long as nothing ran.
    lifecycle._runs_on_worker_thread = lambda kind: kind in SLOW or slow(kind)

    delete_group = provisioners._RESOURCE_HANDLERS["AWS::EC2::SecurityGroup"]["delete"]

    # Gap: what is still in use goes all the same.
    def delete_unused_group(group, props):
        if users_of(group):
            raise ValueError(f"resource {group} has a dependent object (Service: Ec2, Status Code: 400)")
        delete_group(group, props)

    provisioners._RESOURCE_HANDLERS["AWS::EC2::SecurityGroup"]["delete"] = delete_unused_group
    delete_cluster = provisioners._RESOURCE_HANDLERS["AWS::ECS::Cluster"]["delete"]

    def delete_empty_cluster(name, props):
        services = ecs._services.all_items()
        if any(key.startswith(f"{name}/") and each["status"] == "ACTIVE" for (_, _, key), each in services):
            raise ValueError("The Cluster cannot be deleted while Services are active. (Service: AmazonECS)")
        delete_cluster(name, props)

    provisioners._RESOURCE_HANDLERS["AWS::ECS::Cluster"]["delete"] = delete_empty_cluster
    delete_bucket = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["delete"]

    # Gap: a bucket goes with all that is in it.
    def delete_empty_bucket(name, props):
        if (s3._buckets.get(name) or {}).get("objects"):
            raise ValueError(
                "The bucket you tried to delete is not empty"
                " (Service: S3, Status Code: 409, Error Code: BucketNotEmpty)"
            )
        delete_bucket(name, props)

    provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["delete"] = delete_empty_bucket
    certify = provisioners._RESOURCE_HANDLERS["AWS::CertificateManager::Certificate"]["create"]

    # Gap: no record in the zone says that the domain is ours. As on AWS, it outlives the certificate.
    def certify_by_record(logical_id, props, stack):
        arn, attributes = certify(logical_id, props, stack)
        zones = {
            each["DomainName"]: each["HostedZoneId"] for each in props.get("DomainValidationOptions", [])
        }
        for each in acm._certificates[arn]["DomainValidationOptions"]:
            record, zone = each["ResourceRecord"], zones.get(each["DomainName"])
            known = [existing["Name"] for existing in route53._records.get(zone, [])]
            if zone and record["Name"] not in known:
                value = {"TTL": "300", "ResourceRecords": [record["Value"]], "HostedZoneId": zone}
                provisioners._r53_record_set_create(
                    logical_id, {"Name": record["Name"], "Type": "CNAME", **value}, stack
                )
        return arn, attributes

    provisioners._RESOURCE_HANDLERS["AWS::CertificateManager::Certificate"]["create"] = certify_by_record

    # Gap: a zone goes with all that is in it.
    def delete_empty_zone(zone, props):
        if zone in route53._zones and (answer := route53._delete_hosted_zone(zone))[0] >= 400:
            raise ValueError(re.search("<Message>(.*)</Message>", str(answer[2]))[1])

    provisioners._RESOURCE_HANDLERS["AWS::Route53::HostedZone"]["delete"] = delete_empty_zone
