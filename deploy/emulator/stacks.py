"""CloudFormation: resource types that MiniStack lacks, and properties it ignores."""

import string

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import acm, route53
from ministack.services.cloudformation import provisioners
from ministack.services.cloudformation import stacks as lifecycle

from resources import register

# Stored without any effect, so the tests cannot verify them.
METADATA_ONLY = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::IAM::OIDCProvider",
)

# Types that wait for containers, which must not block the server's own thread.
SLOW = {
    "AWS::RDS::DBInstance",
    "AWS::ECS::Service",
    "AWS::ElasticBeanstalk::Environment",
}


# ARNs of OpenID Connect providers, of which an account has one for each address.
providers: set[str] = set()


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
    if arn in providers:
        raise ValueError(f"Provider with url https://{host} already exists. (Service: Iam, Status Code: 409)")
    providers.add(arn)
    return arn, {"Arn": arn}


def delete_provider(arn: str, props: dict) -> None:
    providers.discard(arn)


def patch() -> None:
    # Gap: generated passwords contain the punctuation that templates exclude.
    secret_string = provisioners._sm_secret_string

    def without_punctuation(props: dict) -> str:
        generate = props.get("GenerateSecretString") or {}
        if generate.get("ExcludePunctuation"):
            excluded = generate.get("ExcludeCharacters", "") + string.punctuation
            props = {**props, "GenerateSecretString": {**generate, "ExcludeCharacters": excluded}}
        return secret_string(props)

    provisioners._sm_secret_string = without_punctuation

    # Gap: the types of Application Auto Scaling and of OpenID Connect are missing.
    register("AWS::ApplicationAutoScaling::ScalableTarget", create_target)
    register("AWS::ApplicationAutoScaling::ScalingPolicy", create_policy)
    register("AWS::IAM::OIDCProvider", create_provider, delete=delete_provider)

    is_slow = lifecycle._runs_on_worker_thread
    # Gap: MiniStack creates these instantly, on the server's thread.
    lifecycle._runs_on_worker_thread = lambda kind: kind in SLOW or is_slow(kind)

    certify = provisioners._RESOURCE_HANDLERS["AWS::CertificateManager::Certificate"]["create"]

    # Gap: no validation record is added to the zone. As on AWS, the record outlives the certificate.
    def certify_by_record(logical_id, props, stack):
        arn, attributes = certify(logical_id, props, stack)
        zones = {
            each["DomainName"]: each["HostedZoneId"] for each in props.get("DomainValidationOptions", [])
        }
        for each in acm._certificates[arn]["DomainValidationOptions"]:
            record, zone = each["ResourceRecord"], zones.get(each["DomainName"])
            existing = [known["Name"] for known in route53._records.get(zone, [])]
            if zone and record["Name"] not in existing:
                value = {"TTL": "300", "ResourceRecords": [record["Value"]], "HostedZoneId": zone}
                provisioners._r53_record_set_create(
                    logical_id, {"Name": record["Name"], "Type": "CNAME", **value}, stack
                )
        return arn, attributes

    provisioners._RESOURCE_HANDLERS["AWS::CertificateManager::Certificate"]["create"] = certify_by_record
