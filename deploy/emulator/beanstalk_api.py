"""The part of Elastic Beanstalk's API that deployments use."""

import contextvars
import io
import threading
import zipfile
from datetime import datetime
from functools import partial

import botocore.config
import botocore.session
from ministack import app
from ministack.core import router
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import s3

import beanstalk_calls
import option_checks
import query_api
from environment import Environment, environments, logs_of
from permissions import check_caller
from query_api import InvalidRequest, Query, members, structures
from roles import Denied
from versions import applications, create_application, create_version, now, versions

BRANCHES = ("Docker running on 64bit Amazon Linux 2023", "ECS running on 64bit Amazon Linux 2023")
# Oldest first: the service promises no order, so clients must sort.
PLATFORM_VERSIONS = ("4.6.3", "4.7.0")
SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")

# By environment and kind: the logs that RequestEnvironmentInfo collected.
collected: dict[tuple[str, str], list[dict]] = {}
# The emulator's own address.
address = ""


def require(calls: list[tuple]) -> None:
    """Makes calls with the permissions of the request's sender."""
    for call in calls:
        try:
            check_caller(call[0], call[1], call[4] if len(call) > 4 else None)
        except Denied as error:
            raise InvalidRequest(str(error), "InsufficientPrivilegesException") from error


def find_environment(query: Query) -> Environment:
    for each in environments.values():
        if each.name == query.get("EnvironmentName") or each.id == query.get("EnvironmentId"):
            return each
    raise InvalidRequest(f"No Environment found for EnvironmentName = '{query.get('EnvironmentName')}'.")


def description_of(each: Environment) -> dict:
    branch, version = each.platform.rsplit("/", 2)[1:]
    host = f"127.0.0.1:{each.endpoint.port}"
    return {
        "EnvironmentName": each.name,
        "EnvironmentId": each.id,
        "ApplicationName": each.application,
        "VersionLabel": each.version or None,
        "SolutionStackName": f"64bit Amazon Linux 2023 v{version} running {branch.split()[0]}",
        "PlatformArn": each.platform,
        "EndpointURL": host,
        "CNAME": host,
        "DateCreated": each.created,
        "DateUpdated": each.updated,
        "Status": each.status,
        "AbortableOperationInProgress": each.status == "Updating",
        "Health": each.health[0],
        "HealthStatus": each.health[1],
        "Tier": {"Name": "WebServer", "Type": "Standard", "Version": "1.0"},
    }


def list_platform_versions(query: Query) -> dict:
    found = []
    for branch in BRANCHES:
        for version in PLATFORM_VERSIONS:
            is_newest = version == PLATFORM_VERSIONS[-1]
            found.append(
                {
                    "PlatformArn": f"arn:aws:elasticbeanstalk:{get_region()}::platform/{branch}/{version}",
                    "PlatformOwner": "AWSElasticBeanstalk",
                    "PlatformStatus": "Ready",
                    "PlatformCategory": branch.split()[0],
                    "OperatingSystemName": "Amazon Linux",
                    "OperatingSystemVersion": "2023",
                    "PlatformLifecycleState": "Recommended" if is_newest else "",
                    "PlatformVersion": version,
                    "PlatformBranchName": branch,
                    "PlatformBranchLifecycleState": "Supported",
                }
            )
    keys = {"PlatformOwner": "PlatformOwner", "PlatformBranchName": "PlatformBranchName"}
    for index, condition in enumerate(structures(query, "Filters"), 1):
        values = members(query, f"Filters.member.{index}.Values")
        key = keys.get(condition["Type"], condition["Type"])
        includes = condition["Operator"] in ("=", "in")
        found = [each for each in found if (each.get(key) in values) == includes]
    return {"PlatformSummaryList": found}


def describe_application_versions(query: Query) -> dict:
    labels = members(query, "VersionLabels")
    found = [
        each
        for (application, label), each in versions.items()
        if application == query.get("ApplicationName", application) and (not labels or label in labels)
    ]
    return {"ApplicationVersions": sorted(found, key=lambda each: each["DateCreated"], reverse=True)}


def create_application_version(query: Query) -> dict:
    name = query["ApplicationName"]
    if query.get("AutoCreateApplication") == "true" and name not in applications:
        create_application(name)
    bundle = {key: query[f"SourceBundle.{key}"] for key in ("S3Bucket", "S3Key")}
    return {
        "ApplicationVersion": create_version(
            name, query["VersionLabel"], bundle, query.get("Description", "")
        )
    }


def delete_application_version(query: Query) -> None:
    key = (query["ApplicationName"], query["VersionLabel"])
    if any(
        (each.application, each.version) == key and each.status != "Terminated"
        for each in environments.values()
    ):
        raise InvalidRequest(f"Unable to delete application version {key[1]} because it is deployed.")
    version = versions.pop(key, None)
    if version and query.get("DeleteSourceBundle") == "true":
        bundle = version["SourceBundle"]
        s3._buckets[bundle["S3Bucket"]]["objects"].pop(bundle["S3Key"], None)


def describe_environments(query: Query) -> dict:
    names = members(query, "EnvironmentNames")
    ids = members(query, "EnvironmentIds")
    with_deleted = query.get("IncludeDeleted") == "true"
    found = [
        description_of(each)
        for each in environments.values()
        if each.application == query.get("ApplicationName", each.application)
        and (not names or each.name in names)
        and (not ids or each.id in ids)
        and (with_deleted or each.status != "Terminated")
    ]
    return {"Environments": found}


def describe_environment_health(query: Query) -> dict:
    each = find_environment(query)
    counts = dict.fromkeys(("NoData", "Unknown", "Pending", "Ok", "Info", "Warning", "Degraded", "Severe"), 0)
    counts[each.health[1].replace(" ", "")] += 1
    return {
        "EnvironmentName": each.name,
        "HealthStatus": each.health[1],
        "Status": each.status,
        "Color": each.health[0],
        "Causes": each.causes,
        "InstancesHealth": counts,
        "RefreshedAt": now(),
    }


def describe_instances_health(query: Query) -> dict:
    each = find_environment(query)
    deployment = {
        "VersionLabel": each.version,
        "DeploymentId": each.deployments,
        "Status": "In Progress" if each.status == "Updating" else "Deployed",
        "DeploymentTime": each.updated,
    }
    instance = {
        "InstanceId": each.instance_id,
        "HealthStatus": each.health[1],
        "Color": each.health[0],
        "Causes": each.causes,
        "LaunchedAt": each.updated,
        "Deployment": deployment,
        "AvailabilityZone": f"{get_region()}a",
        "InstanceType": "t3.micro",
    }
    return {"InstanceHealthList": [instance], "RefreshedAt": now()}


def describe_events(query: Query) -> dict:
    selected = [
        each
        for each in environments.values()
        if query.get("EnvironmentName", each.name) == each.name
        and query.get("EnvironmentId", each.id) == each.id
        and query.get("ApplicationName", each.application) == each.application
    ]
    lowest = SEVERITIES.index(query.get("Severity", "TRACE"))
    since = datetime.fromisoformat(query.get("StartTime", "1970-01-01T00:00:00Z").replace("Z", "+00:00"))
    events = [
        event
        for each in selected
        for event in each.events
        if SEVERITIES.index(event["Severity"]) >= lowest and event["EventDate"] >= since
    ]
    events.sort(key=lambda event: event["EventDate"], reverse=True)
    return {"Events": events[: int(query.get("MaxRecords", 1000))]}


def presigned_url(bucket: str, key: str) -> str:
    client = botocore.session.get_session().create_client(
        "s3",
        region_name=get_region(),
        endpoint_url=address,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=botocore.config.Config(s3={"addressing_style": "path"}),
    )
    return client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=900)


def request_environment_info(query: Query) -> None:
    """Stores logs in Beanstalk's own bucket, whole or only their last lines, and keeps their URL."""
    each, kind = find_environment(query), query["InfoType"]
    require(beanstalk_calls.writes())
    lines = 100 if kind == "tail" else "all"
    engine = "\n".join(each.log[-100:] if kind == "tail" else each.log)
    text = f"{'-' * 40}\n/var/log/eb-engine.log\n{'-' * 40}\n{engine}\n"
    if each.endpoint.instance:
        text += logs_of(each.endpoint.instance, lines)
    body, suffix = text.encode(), "txt"
    if kind != "tail":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("var/log/eb.log", text)
        body, suffix = packed.getvalue(), "zip"
    bucket = f"elasticbeanstalk-{get_region()}-{get_account_id()}"
    key = f"resources/environments/logs/{kind}/{each.id}/{each.instance_id}/{new_uuid()}.{suffix}"
    if bucket not in s3._buckets:
        s3._create_bucket(bucket, b"")
    s3._put_object(bucket, key, body, {})
    sample = {"InfoType": kind, "Ec2InstanceId": each.instance_id, "SampleTimestamp": now()}
    collected[each.id, kind] = [{**sample, "Message": presigned_url(bucket, key)}]


def retrieve_environment_info(query: Query) -> dict:
    each = find_environment(query)
    return {"EnvironmentInfo": collected.get((each.id, query["InfoType"]), [])}


def update_environment(query: Query) -> dict:
    each = find_environment(query)
    if each.status != "Ready":
        raise InvalidRequest(
            f"Environment named {each.name} is in an invalid state for this operation. Must be Ready."
        )
    changed = structures(query, "OptionSettings")
    require(beanstalk_calls.behind("update", each.name, {}))
    names = {(option["Namespace"], option["OptionName"]) for option in changed}
    kept = [option for option in each.options if (option["Namespace"], option["OptionName"]) not in names]
    try:
        option_checks.check(kept + changed)
    except ValueError as error:
        raise InvalidRequest(str(error), "ConfigurationValidationException") from error
    label = query.get("VersionLabel", each.version)
    if (each.application, label) not in versions:
        raise InvalidRequest(f"No Application Version named '{label}' found.")
    each.status = "Updating"

    def deploy() -> None:
        with each.lock:
            each.deploy(label, kept + changed, query.get("PlatformArn", each.platform))

    threading.Thread(target=contextvars.copy_context().run, args=(deploy,), daemon=True).start()
    return description_of(each)


def describe_configuration_settings(query: Query) -> dict:
    each = find_environment(query)
    require(beanstalk_calls.reads())
    settings = {
        "PlatformArn": each.platform,
        "ApplicationName": each.application,
        "EnvironmentName": each.name,
        "DeploymentStatus": "deployed",
        "DateCreated": each.created,
        "DateUpdated": each.updated,
        "OptionSettings": each.options,
    }
    return {"ConfigurationSettings": [settings]}


def terminate_environment(query: Query) -> dict:
    each = find_environment(query)
    require(beanstalk_calls.behind("delete", each.name, {}))
    description = {**description_of(each), "Status": "Terminating"}
    threading.Thread(target=each.terminate, daemon=True).start()
    return description


ACTIONS = {
    "ListPlatformVersions": list_platform_versions,
    "DescribeApplications": lambda query: {"Applications": list(applications.values())},
    "CreateApplicationVersion": create_application_version,
    "DescribeApplicationVersions": describe_application_versions,
    "DeleteApplicationVersion": delete_application_version,
    "DescribeEnvironments": describe_environments,
    "DescribeEnvironmentHealth": describe_environment_health,
    "DescribeInstancesHealth": describe_instances_health,
    "DescribeEvents": describe_events,
    "RequestEnvironmentInfo": request_environment_info,
    "RetrieveEnvironmentInfo": retrieve_environment_info,
    "UpdateEnvironment": update_environment,
    "DescribeConfigurationSettings": describe_configuration_settings,
    "TerminateEnvironment": terminate_environment,
}


def patch(port: int) -> None:
    global address
    address = f"http://127.0.0.1:{port}"
    # Gap: the service is missing.
    router.SERVICE_PATTERNS["elasticbeanstalk"] = {"credential_scope": "elasticbeanstalk"}
    app.SERVICE_HANDLERS["elasticbeanstalk"] = partial(query_api.handle, ACTIONS)
