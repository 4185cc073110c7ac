"""CloudFormation: types that MiniStack lacks, and types that have to wait for containers."""

from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import s3
from ministack.services.cloudformation import provisioners
from ministack.services.cloudformation import stacks as lifecycle

# Accepted and kept, and nothing else: what the tests cannot show.
METADATA_ONLY = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
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


def register(kind: str, create, update=None, delete=None) -> None:
    """The update says the old name again unless told otherwise."""
    provisioners._RESOURCE_HANDLERS[kind] = {
        "create": create,
        "update": update or (lambda name, old, new, stack: (name, {})),
        "delete": delete or (lambda name, props: None),
    }


def patch() -> None:
    # Gap: Application Auto Scaling.
    for kind, create in zip(METADATA_ONLY, (create_target, create_policy), strict=True):
        register(kind, create)

    slow = lifecycle._runs_on_worker_thread
    # Gap: they were quick as long as nothing ran.
    lifecycle._runs_on_worker_thread = lambda kind: kind in SLOW or slow(kind)

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
