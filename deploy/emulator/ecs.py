"""ECS: the containers of a task, created as its task definition describes them, with the rights of its roles."""

import uuid
from pathlib import Path

from docker.errors import ImageNotFound
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs
from ministack.services.cloudformation import provisioners

import roles
from databases import authority_mounts
from engine import Engine
from rights import ARCHITECTURES, check_pull, check_secrets

NANOSECONDS = 1_000_000_000
# Shorter than on AWS: the interval of health checks, and the longest time for which failures at the start are ignored.
HEALTH_INTERVAL_S = 2
HEALTH_START_S = 20
STOP_TIMEOUT = "emulator.stop-timeout"
ARCHITECTURE = "emulator.architecture"
SERVICE = "ecs-tasks.amazonaws.com"
SESSION = "ecs-task"

# By the service's ARN. MiniStack does not store a service's ServiceConnectConfiguration.
service_connect: dict[str, dict] = {}


def service_of(task: dict) -> str:
    """The ARN of a task's service. For a task without a service, no such service exists."""
    cluster = task["clusterArn"].replace(":cluster/", ":service/")
    return f"{cluster}/{task.get('group', '').removeprefix('service:')}"


def aliases(labels: dict) -> list[str]:
    """The Service Connect aliases of a task's container. Here they resolve to the tasks, without a proxy."""
    task = ecs._tasks.get(labels.get("com.amazonaws.ecs.task-arn", ""))
    offered = service_connect.get(service_of(task), {}).get("services", []) if task else []
    return [alias["dnsName"] for service in offered for alias in service.get("clientAliases", [])]


def health_check(check: dict) -> dict:
    return {
        "test": check["command"],
        "interval": HEALTH_INTERVAL_S * NANOSECONDS,
        "timeout": int(check.get("timeout", 5)) * NANOSECONDS,
        "retries": int(check.get("retries", 3)),
        "start_period": min(int(check.get("startPeriod", 0)), HEALTH_START_S) * NANOSECONDS,
    }


def docker_options(cdef: dict, td: dict) -> dict:
    """The options of `docker run` that correspond to a container definition."""
    linux = cdef.get("linuxParameters") or {}
    memory = cdef.get("memory") or td.get("memory")
    options = {
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
    return {key: value for key, value in options.items() if value}


def check_roles(td: dict) -> None:
    """Raises `Denied` unless ECS can start a task with its roles: pull its images, read its secrets, write its log."""
    if td.get("taskRoleArn"):
        source = f"arn:aws:ecs:{get_region()}:{get_account_id()}:*"
        roles.check_trust(td["taskRoleArn"], SERVICE, **{"aws:sourcearn": source})
    role = td.get("executionRoleArn")
    if not role:
        return
    roles.check_trust(role, SERVICE)
    for each in td["containerDefinitions"]:
        check_pull(role, each["image"], SESSION)
        check_secrets(role, [secret["valueFrom"] for secret in each.get("secrets") or []], SESSION)
        options = (each.get("logConfiguration") or {}).get("options") or {}
        if group := options.get("awslogs-group"):
            stream = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}:log-stream:0"
            roles.check(role, "logs:CreateLogStream", stream, session=SESSION)
            roles.check(role, "logs:PutLogEvents", stream, session=SESSION)


def check_architecture(image, wanted: str) -> None:
    """Raises an error unless an image is for the processor of the task."""
    if image.attrs["Architecture"] != wanted:
        raise ecs._ImagePullError(
            "pull image manifest has been retried 1 time(s): image Manifest does not contain descriptor matching"
            f" platform 'linux/{wanted}'"
        )


def patch(authorities: Path, engine: Engine) -> None:
    engine.aliases.append(aliases)
    build = ecs._build_run_kwargs

    # Gap: these are ignored: read-only root, tmpfs, capabilities, health checks, limits, and the network that the
    # containers of a task share.
    def build_all(cdef, td, env, ports, network, host_mode, task_id, task_arn, address, cluster):
        built = build(cdef, td, env, {}, engine.network, host_mode, task_id, task_arn, address, cluster)
        built.update(docker_options(cdef, td))
        built.pop("platform", None)
        built.pop("extra_hosts", None)
        built["labels"][STOP_TIMEOUT] = str(cdef.get("stopTimeout", 30))
        architecture = (td.get("runtimePlatform") or {}).get("cpuArchitecture") or "X86_64"
        built["labels"][ARCHITECTURE] = ARCHITECTURES[architecture]
        built["volumes"] = [*built.get("volumes", []), *authority_mounts(authorities)]
        first = next(iter(ecs._tasks[task_arn].get("_docker_ids") or []), None)
        if first:
            built.pop("network")
            built["network_mode"] = f"container:{first}"
            if td.get("pidMode") == "task":
                built["pid_mode"] = f"container:{first}"
        return built

    ecs._build_run_kwargs = build_all

    # Gap: it asks the registry first, three times, even for images that exist locally.
    def start(client, cdef, arguments, **_):
        try:
            image = client.images.get(cdef["image"])
        except ImageNotFound:
            try:
                image = client.images.pull(cdef["image"])
            except Exception as error:
                raise ecs._ImagePullError(str(error)) from error
        check_architecture(image, arguments["labels"][ARCHITECTURE])
        return client.containers.run(cdef["image"], **arguments)

    ecs._run_docker_container = start
    ecs._prepare_service_images = lambda task, td, client: None
    ecs._deployment_needs_first_task = lambda deployment, td, context=None: False

    start_task = ecs._start_task_worker

    # Gap: the roles of a task are ignored.
    def start_with_roles(task, td, overrides, client):
        try:
            check_roles(td)
        except roles.Denied as error:
            raise ecs._SecretResolutionError(str(error)) from error
        start_task(task, td, overrides, client)

    ecs._start_task_worker = start_with_roles
    register = ecs._register_metadata
    # Gap: containers get AWS_ENDPOINT_URL and credentials, which AWS does not set.
    ecs._register_metadata = lambda arn, cluster, td, cdef, launch, env, *rest: register(
        arn, cluster, td, cdef, launch, {}, *rest
    )

    # Gap: containers are killed after five seconds.
    def stop(client, container):
        try:
            found = engine.client.containers.get(getattr(container, "id", container))
            found.stop(timeout=int(found.labels.get(STOP_TIMEOUT, 30)))
            found.remove(v=True, force=True)
        except Exception as error:
            ecs.logger.debug("failed to remove %s: %s", container, error)

    ecs._remove_docker_container = stop

    # Gap: task ids contain hyphens.
    ecs.new_uuid = lambda: uuid.uuid4().hex

    # Gap: only some nested keys are converted to camel case, so secrets and others are lost.
    provisioners._normalize_container_defs = provisioners._pascal_to_camel
    create_task_definition = provisioners._ecs_task_def_create

    # Gap: the runtime platform is dropped.
    def create_with_platform(logical_id, props, stack):
        arn, attributes = create_task_definition(logical_id, props, stack)
        platform = provisioners._pascal_to_camel(props.get("RuntimePlatform"))
        if platform:
            ecs._task_defs[arn.rsplit("/", 1)[1]]["runtimePlatform"] = platform
        return arn, attributes

    provisioners._ecs_task_def_create = create_with_platform
    provisioners._RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"]["create"] = create_with_platform
