"""CloudFormation: refuses to delete resources that are in use or not empty, as AWS does."""

import re

from ministack.services import ecs, route53, s3
from ministack.services.cloudformation import provisioners

from environment import environments


def users_of(group: str) -> list[str]:
    """Names of the ECS services and Elastic Beanstalk environments that use a security group."""
    found = []
    for _, service in ecs._services.all_items():
        network = (service.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}
        if service["status"] == "ACTIVE" and group in (network.get("securityGroups") or []):
            found.append(service["serviceName"])
    for environment in environments.values():
        options = {each["OptionName"]: each.get("Value") for each in environment.options}
        if environment.status != "Terminated" and group in str(options.get("SecurityGroups")).split(","):
            found.append(environment.name)
    return found


def check_group(group: str) -> None:
    if users_of(group):
        raise ValueError(f"resource {group} has a dependent object (Service: Ec2, Status Code: 400)")


def check_cluster(name: str) -> None:
    services = ecs._services.all_items()
    if any(key.startswith(f"{name}/") and each["status"] == "ACTIVE" for (_, _, key), each in services):
        raise ValueError("The Cluster cannot be deleted while Services are active. (Service: AmazonECS)")


def check_bucket(name: str) -> None:
    if (s3._buckets.get(name) or {}).get("objects"):
        raise ValueError(
            "The bucket you tried to delete is not empty"
            " (Service: S3, Status Code: 409, Error Code: BucketNotEmpty)"
        )


def delete_zone(zone: str, props: dict) -> None:
    if zone not in route53._zones:
        return
    status, _, body = route53._delete_hosted_zone(zone)
    if status >= 400:
        raise ValueError(re.search("<Message>(.*)</Message>", str(body))[1])


def check_first(kind: str, check) -> None:
    """Runs a check before a type's own deletion."""
    handlers = provisioners._RESOURCE_HANDLERS[kind]
    delete = handlers["delete"]

    def check_and_delete(name, props):
        check(name)
        delete(name, props)

    handlers["delete"] = check_and_delete


def patch() -> None:
    # Gap: resources are deleted even if others still use them.
    check_first("AWS::EC2::SecurityGroup", check_group)
    check_first("AWS::ECS::Cluster", check_cluster)
    # Gap: a bucket and a zone are deleted together with their contents.
    check_first("AWS::S3::Bucket", check_bucket)
    provisioners._RESOURCE_HANDLERS["AWS::Route53::HostedZone"]["delete"] = delete_zone
