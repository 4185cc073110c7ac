"""The applications of Elastic Beanstalk and their versions."""

from datetime import UTC, datetime

from ministack.core.responses import get_account_id, get_region
from ministack.services import s3

from instance import DeploymentFailed
from query_api import InvalidRequest

applications: dict[str, dict] = {}
# By application and label.
versions: dict[tuple[str, str], dict] = {}


def now() -> datetime:
    return datetime.now(UTC)


def create_application(name: str) -> None:
    applications[name] = {"ApplicationName": name, "DateCreated": now(), "DateUpdated": now()}


def create_version(application: str, label: str, bundle: dict, description: str = "") -> dict:
    if application not in applications:
        raise InvalidRequest(f"No Application named '{application}' found.")
    if (application, label) in versions:
        raise InvalidRequest(f"Application Version {label} already exists.")
    if s3._get_object_data(bundle["S3Bucket"], bundle["S3Key"]) is None:
        raise InvalidRequest(
            f"Unable to download from S3 location (Bucket: {bundle['S3Bucket']} Key: {bundle['S3Key']})."
        )
    arn = (
        f"arn:aws:elasticbeanstalk:{get_region()}:{get_account_id()}:applicationversion/{application}/{label}"
    )
    versions[application, label] = {
        "ApplicationName": application,
        "VersionLabel": label,
        "ApplicationVersionArn": arn,
        "Description": description,
        "SourceBundle": bundle,
        "DateCreated": now(),
        "DateUpdated": now(),
        "Status": "UNPROCESSED",
    }
    return versions[application, label]


def bundle_of(application: str, label: str) -> bytes:
    """Downloads the source bundle of a version."""
    version = versions.get((application, label))
    if version is None:
        raise DeploymentFailed(f"No Application Version named '{label}' found.")
    bundle = version["SourceBundle"]
    body = s3._get_object_data(bundle["S3Bucket"], bundle["S3Key"])
    if body is None:
        raise DeploymentFailed(f"Unable to download from S3 location {bundle['S3Bucket']}/{bundle['S3Key']}.")
    return body
