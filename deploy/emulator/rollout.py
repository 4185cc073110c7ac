"""ECS services: a deployment completes when its tasks are healthy, and stacks wait for it."""

import threading
import time

from ministack.core.responses import new_uuid, now_iso, request_scope
from ministack.services import ecs
from ministack.services.cloudformation import provisioners

import balancer
from ecs import SERVICE as TASKS
from ecs import service_connect, service_of
from permissions import check_caller
from roles import Denied

SERVICE = "AWS::ECS::Service"
POLL_INTERVAL_S = 0.3
# Properties that take effect only in new tasks. MiniStack does not replace the running ones.
NEEDS_NEW_TASKS = (
    "EnableExecuteCommand",
    "LoadBalancers",
    "NetworkConfiguration",
    "ServiceConnectConfiguration",
)
# Used in place of HealthCheckGracePeriodSeconds, the time for which a new target may be unhealthy.
GRACE_S = 30


def add_event(service: dict, message: str) -> None:
    text = f"(service {service['serviceName']}) {message}"
    service["events"].insert(0, {"id": new_uuid(), "createdAt": now_iso(), "message": text})


def update_health(task: dict, client) -> str:
    """Stores the containers' health in the task. A container without a health check counts as healthy."""
    known = {"healthy": "HEALTHY", "unhealthy": "UNHEALTHY"}
    worst = "HEALTHY"
    for container, docker_id in zip(task["containers"], list(task.get("_docker_ids") or []), strict=False):
        state = client.containers.get(docker_id).attrs["State"]
        if "Health" not in state:
            continue
        container["healthStatus"] = known.get(state["Health"]["Status"], "UNKNOWN")
        if container["healthStatus"] == "UNHEALTHY" or worst == "HEALTHY":
            worst = container["healthStatus"]
    task["healthStatus"] = worst
    return worst


def target_health(task: dict, service: dict | None, since: float) -> str:
    """Health of the task as a target of its service's load balancers."""
    address = ecs._task_ip(task)
    for each in (service or {}).get("loadBalancers") or []:
        state = balancer.target_state(each["targetGroupArn"], address)
        if state == "unhealthy" and time.monotonic() - since > GRACE_S:
            return "UNHEALTHY"
        if state != "healthy":
            return "UNKNOWN"
    return "HEALTHY"


def fail_task(task: dict, client, reason: str) -> None:
    if ecs._mark_task_stopped(task["taskArn"], task, reason, "ServiceSchedulerInitiated"):
        ecs._record_service_task_failure(task)
        ecs._cleanup_task_resources(task, client)


def watch(task: dict, client, account: str, region: str) -> None:
    """Follows a task from the start of its containers until they end."""
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    group = task.get("group", "")
    key = f"{cluster}/{group.removeprefix('service:')}"
    has_service = group.startswith("service:")
    since = time.monotonic()
    settled = not has_service
    with request_scope(account, region):
        while ecs._task_is_active(task["taskArn"], task):
            ecs._maybe_mark_stopped(task, client)
            try:
                health = update_health(task, client)
            except Exception:
                health = "UNKNOWN"
            targets = target_health(task, ecs._services.get(key), since) if has_service else "HEALTHY"
            if has_service and health == "UNHEALTHY":
                fail_task(task, client, "Task failed container health checks")
            elif has_service and targets == "UNHEALTHY":
                fail_task(task, client, "Task failed ELB health checks")
            elif not settled and health == targets == "HEALTHY":
                settled = True
                ecs._record_service_task_healthy(key, task)
                ecs._refresh_service_state(cluster, group)
                ecs._reconcile_service_tasks(cluster, key)
                ecs._complete_service_deployment(cluster, key)
            time.sleep(POLL_INTERVAL_S)


def wait_for_deployment(service: dict, deployment: dict) -> None:
    """Waits for a deployment as CloudFormation does; raises `ValueError` if it fails."""
    while deployment["rolloutState"] == "IN_PROGRESS" and service["status"] == "ACTIVE":
        time.sleep(POLL_INTERVAL_S)
    if deployment["rolloutState"] == "COMPLETED":
        return
    # The service rolls back first. The stack's rollback would interfere with it.
    while (primary := ecs._primary_deployment(service)) and primary["rolloutState"] == "IN_PROGRESS":
        time.sleep(POLL_INTERVAL_S)
    raise ValueError(
        "Resource handler returned message: \"Error occurred during operation 'ECS Deployment Circuit Breaker"
        " was triggered'.\" (HandlerErrorCode: GeneralServiceException)"
    )


def request_for(arn: str) -> dict:
    cluster, name = arn.split(":service/", 1)[1].split("/")
    return {"cluster": cluster, "service": name}


def service_by_arn(arn: str) -> dict:
    return ecs._services[arn.split(":service/", 1)[1]]


def check_exec(props: dict) -> None:
    """Refuses ECS Exec for tasks without a role."""
    td = ecs._task_defs.get(props["TaskDefinition"].rsplit("/", 1)[-1]) or {}
    if str(props.get("EnableExecuteCommand")).lower() == "true" and not td.get("taskRoleArn"):
        raise ValueError(
            "Invalid request provided: CreateService error: The service couldn't be created because a valid taskRoleArn"
            " is not being used. Specify a valid task role in your task definition and try again."
        )


def create_service(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
    check_exec(props)
    request = provisioners._pascal_to_camel({key: value for key, value in props.items() if key != "Tags"})
    request["serviceName"] = props.get("ServiceName", f"{stack}-{logical_id}")
    request["desiredCount"] = int(props.get("DesiredCount", 1))
    request["tags"] = [{"key": tag["Key"], "value": tag["Value"]} for tag in props.get("Tags", [])]
    arn = service_of({**ecs._clusters[props["Cluster"]], "group": f"service:{request['serviceName']}"})
    service_connect[arn] = request.get("serviceConnectConfiguration") or {}
    status, _, body = ecs._create_service(request)
    if status >= 400:
        raise ValueError(f"{SERVICE}: {body!r}")
    service = service_by_arn(arn)
    try:
        wait_for_deployment(service, service["deployments"][0])
    except ValueError:
        # CloudFormation does not delete a resource whose creation failed.
        delete_service(arn, props)
        raise
    return arn, {"ServiceArn": arn, "Name": request["serviceName"]}


def update_service(arn: str, old: dict, new: dict, stack: str) -> tuple[str, dict]:
    connect = provisioners._pascal_to_camel(new.get("ServiceConnectConfiguration") or {})
    service_connect[arn] = connect
    before = ecs._primary_deployment(service_by_arn(arn))
    result = original_update(arn, old, new, stack)
    service = service_by_arn(arn)
    deployment = ecs._primary_deployment(service)
    if deployment is before and any(old.get(each) != new.get(each) for each in NEEDS_NEW_TASKS):
        ecs._update_service({**request_for(arn), "forceNewDeployment": True})
        deployment = ecs._primary_deployment(service)
    if deployment is not before:
        wait_for_deployment(service, deployment)
    return result


def delete_service(arn: str, props: dict) -> None:
    original_delete(arn, props)
    service_connect.pop(arn, None)


original_update = provisioners._ecs_service_update
original_delete = provisioners._ecs_service_delete


def patch() -> None:
    # Gap: a task counts as healthy once it has run for a second.
    def watch_in_thread(task, client, account, region):
        threading.Thread(target=watch, args=(task, client, account, region), daemon=True).start()

    ecs._watch_task_lifecycle = watch_in_thread

    make = ecs._make_deployment

    # Gap: a service's first deployment is created as completed.
    def make_in_progress(task_definition, desired, status="PRIMARY"):
        return {
            **make(task_definition, desired, status),
            "rolloutState": "IN_PROGRESS",
            "rolloutStateReason": "ECS deployment in progress.",
        }

    ecs._make_deployment = make_in_progress
    complete = ecs._complete_service_deployment

    # Gap: no events are added, and a failed deployment stays in the list forever.
    def complete_with_events(cluster, key, expected_deployment_id=None):
        service = ecs._services.get(key)
        before = ecs._primary_deployment(service)["rolloutState"] if service else None
        complete(cluster, key, expected_deployment_id)
        if service and before == "IN_PROGRESS":
            primary = ecs._primary_deployment(service)
            if primary["rolloutState"] == "COMPLETED":
                service["deployments"] = [primary]
                add_event(service, f"(deployment {primary['id']}) deployment completed.")
                add_event(service, "has reached a steady state.")

    ecs._complete_service_deployment = complete_with_events
    run = ecs._run_task

    # Gap: propagateTags is ignored.
    def run_with_tags(request):
        group = request.get("group", "")
        service = ecs._services.get(f"{request.get('cluster')}/{group.removeprefix('service:')}")
        if service and service["propagateTags"] == "SERVICE":
            request["tags"] = list(ecs._tags.get(service["serviceArn"], service["tags"]))
        return run(request)

    ecs._run_task = run_with_tags

    # Gap: anyone may pass any role to a task.
    def run_as_caller(request):
        td = ecs._task_defs.get(request.get("taskDefinition", "").rsplit("/", 1)[-1]) or {}
        for role in filter(None, (td.get("executionRoleArn"), td.get("taskRoleArn"))):
            try:
                check_caller("iam:PassRole", role, {"iam:PassedToService": TASKS})
            except Denied as error:
                return ecs.error_response_json("AccessDeniedException", str(error), 400)
        return run_with_tags(request)

    ecs._ACTION_MAP["RunTask"] = run_as_caller

    # Gap: a stack neither waits for a service's tasks nor fails with them.
    provisioners._RESOURCE_HANDLERS[SERVICE].update(
        create=create_service, update=update_service, delete=delete_service
    )
