"""ECS: what of a task definition becomes of its containers."""

import uuid
from pathlib import Path

from docker.errors import ImageNotFound
from ministack.services import ecs
from ministack.services.cloudformation import provisioners

from databases import trust
from engine import Engine

SECOND = 1_000_000_000
# Health checks are as often as a second or two, and may fail for as long at the start.
HEALTH_INTERVAL_S = 2
HEALTH_START_S = 20
STOP_TIMEOUT = "emulator.stop-timeout"

# ARN of a service: its ServiceConnectConfiguration. MiniStack's services have no place for it.
service_connect: dict[str, dict] = {}


def service_of(task: dict) -> str:
    """The ARN of the service that a task belongs to; it may be none's."""
    cluster = task["clusterArn"].replace(":cluster/", ":service/")
    return f"{cluster}/{task.get('group', '').removeprefix('service:')}"


def aliases(labels: dict) -> list[str]:
    """Service Connect: clients find a service by its aliases. Here a name stands for the tasks themselves."""
    task = ecs._tasks.get(labels.get("com.amazonaws.ecs.task-arn", ""))
    offered = service_connect.get(service_of(task), {}).get("services", []) if task else []
    return [alias["dnsName"] for service in offered for alias in service.get("clientAliases", [])]


def health_check(check: dict) -> dict:
    return {
        "test": check["command"],
        "interval": HEALTH_INTERVAL_S * SECOND,
        "timeout": int(check.get("timeout", 5)) * SECOND,
        "retries": int(check.get("retries", 3)),
        "start_period": min(int(check.get("startPeriod", 0)), HEALTH_START_S) * SECOND,
    }


def options(cdef: dict, td: dict) -> dict:
    """Of `docker run`, as far as it can do what Fargate does."""
    linux = cdef.get("linuxParameters") or {}
    memory = cdef.get("memory") or td.get("memory")
    wanted = {
        "entrypoint": cdef.get("entryPoint"),
        "user": cdef.get("user"),
        "working_dir": cdef.get("workingDirectory"),
        "read_only": cdef.get("readonlyRootFilesystem"),
        "cap_drop": (linux.get("capabilities") or {}).get("drop"),
        "init": linux.get("initProcessEnabled"),
        "tmpfs": {each["containerPath"]: f"size={each['size']}m" for each in linux.get("tmpfs", [])},
        "healthcheck": health_check(cdef["healthCheck"]) if cdef.get("healthCheck") else None,
        "mem_limit": f"{memory}m" if memory else None,
    }
    return {key: value for key, value in wanted.items() if value}


def patch(authorities: Path, machine: Engine) -> None:
    machine.aliases.append(aliases)
    build = ecs._build_run_kwargs

    # Gap: read-only root, tmpfs, capabilities, health check, limits; a task's containers are strangers.
    def build_whole(cdef, td, env, ports, network, host_mode, task_id, task_arn, address, cluster):
        built = build(cdef, td, env, {}, machine.network, host_mode, task_id, task_arn, address, cluster)
        built.update(options(cdef, td))
        built.pop("platform", None)
        built.pop("extra_hosts", None)
        built["labels"][STOP_TIMEOUT] = str(cdef.get("stopTimeout", 30))
        built["volumes"] = [*built.get("volumes", []), *trust(authorities)]
        first = next(iter(ecs._tasks[task_arn].get("_docker_ids") or []), None)
        if first:
            built.pop("network")
            built["network_mode"] = f"container:{first}"
            if td.get("pidMode") == "task":
                built["pid_mode"] = f"container:{first}"
        return built

    ecs._build_run_kwargs = build_whole

    # Gap: it asks the registry first, three times, for images that are here.
    def start(client, cdef, arguments, **_):
        try:
            client.images.get(cdef["image"])
        except ImageNotFound:
            try:
                client.images.pull(cdef["image"])
            except Exception as error:
                raise ecs._ImagePullError(str(error)) from error
        return client.containers.run(cdef["image"], **arguments)

    ecs._run_docker_container = start
    ecs._prepare_service_images = lambda task, td, client: None
    ecs._deployment_needs_first_task = lambda deployment, td, context=None: False

    register = ecs._register_metadata
    # Gap: containers get AWS_ENDPOINT_URL and credentials, which AWS does not give them.
    ecs._register_metadata = lambda arn, cluster, td, cdef, launch, env, *rest: register(
        arn, cluster, td, cdef, launch, {}, *rest
    )

    # Gap: containers are killed after five seconds.
    def stop(client, container):
        try:
            found = machine.client.containers.get(getattr(container, "id", container))
            found.stop(timeout=int(found.labels.get(STOP_TIMEOUT, 30)))
            found.remove(v=True, force=True)
        except Exception as error:
            ecs.logger.debug("%s is gone: %s", container, error)

    ecs._remove_docker_container = stop

    # Gap: ids of tasks have hyphens.
    ecs.new_uuid = lambda: uuid.uuid4().hex

    # Gap: only some of the nested keys get the case that ECS wants, so secrets and the like are lost.
    provisioners._normalize_container_defs = provisioners._pascal_to_camel
    define = provisioners._ecs_task_def_create

    # Gap: the platform is forgotten.
    def define_whole(logical_id, props, stack):
        arn, attributes = define(logical_id, props, stack)
        platform = provisioners._pascal_to_camel(props.get("RuntimePlatform"))
        if platform:
            ecs._task_defs[arn.rsplit("/", 1)[1]]["runtimePlatform"] = platform
        return arn, attributes

    provisioners._ecs_task_def_create = define_whole
    provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]["create"] = define_whole
