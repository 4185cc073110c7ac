"""An Elastic Beanstalk instance: unpacks a bundle and starts it as the platforms on Amazon Linux 2023 do.

Each deployment starts a new instance beside the old one, as the Immutable policy does. The environment's endpoint
forwards to one of them.
"""

import contextlib
import http.client
import json
import os
import re
import socket
import stat
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ministack.services import secretsmanager, ssm

import roles
from databases import authority_mounts
from engine import Engine
from rights import check_pull, check_secrets

SESSION = "i-0"
# Shorter than the limit of a deployment on AWS.
TIMEOUT_S = 120
# Number of restarts after which a container has failed.
RESTARTS = 3
# Marks hooks that would change the machine, which here is the developer's.
CHANGES_MACHINE = re.compile(r"systemctl|/etc/|/opt/elasticbeanstalk|/usr/local/")


class DeploymentFailed(Exception):
    """A deployment failed; the message is what Elastic Beanstalk reports."""


class Machine(NamedTuple):
    # The role of its instance profile.
    role: str
    # Docker's name of its processor architecture.
    architecture: str


def values_of(role: str, secrets: dict[str, str]) -> dict[str, str]:
    """Fetches secrets and parameters, given by their ARNs, as a role."""
    try:
        check_secrets(role, list(secrets.values()), SESSION)
    except roles.Denied as error:
        raise DeploymentFailed(f"Failed to retrieve the values of environment secrets: {error}") from error
    found = {}
    for name, arn in secrets.items():
        value = parameter(arn) if ":ssm:" in arn else secretsmanager.resolve_secret_string(arn)
        if value is None:
            raise DeploymentFailed(f"the secret for {name} cannot be read")
        found[name] = value
    return found


def parameter(arn: str) -> str | None:
    found = ssm._parameters.get(arn.split(":parameter", 1)[1])
    return found["Value"] if found else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Instance:
    def __init__(
        self,
        engine: Engine,
        name: str,
        folder: Path,
        authorities: Path,
        log: Callable[[str], None],
        machine: Machine,
    ):
        self.engine = engine
        self.name = f"{engine.prefix}-{name}"
        self.folder = folder
        self.authorities = authorities
        self.log = log
        self.machine = machine
        self.port = free_port()

    def deploy(
        self,
        bundle: bytes,
        settings: dict[str, str],
        secrets: dict[str, str],
        add_event: Callable[[str, str], None],
    ) -> None:
        """Starts a bundle and waits until it is healthy. `secrets` are ARNs."""
        self._unpack(bundle)
        if (self.folder / "docker-compose.yml").exists():
            settings = {**settings, **values_of(self.machine.role, secrets)}
            self._write_settings(settings)
            self._run_hooks("prebuild", settings, add_event)
            self._run_hooks("predeploy", settings, add_event)
            self._start_compose()
        elif (self.folder / "Dockerrun.aws.json").exists():
            self._start_definitions(settings, secrets)
        else:
            raise DeploymentFailed("the bundle has neither docker-compose.yml nor Dockerrun.aws.json")
        self._check_architecture()
        self._wait_until_healthy()
        self._run_hooks("postdeploy", settings, add_event)

    def containers(self) -> list:
        found = self.engine.client.containers.list(all=True, filters={"name": f"^{self.name}-"})
        return sorted(found, key=lambda each: each.name)

    def remove(self) -> None:
        for container in self.containers():
            with contextlib.suppress(Exception):
                container.stop()
            with contextlib.suppress(Exception):
                container.remove(force=True, v=True)
        for network in self.engine.client.networks.list(names=[f"^{self.name}_default$"]):
            with contextlib.suppress(Exception):
                network.remove()

    def responds(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _unpack(self, bundle: bytes) -> None:
        self.folder.mkdir(parents=True)
        archive = self.folder.with_suffix(".zip")
        archive.write_bytes(bundle)
        with zipfile.ZipFile(archive) as packed:
            for entry in packed.infolist():
                path = Path(packed.extract(entry, self.folder))
                if mode := entry.external_attr >> 16 & 0o777:
                    path.chmod(mode)
        self.log(f"unpacked {len(bundle)} bytes")

    def _write_settings(self, settings: dict[str, str]) -> None:
        """Writes the environment properties to `.env`. Like the platform, keeps a `.env` from the bundle."""
        file = self.folder / ".env"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    def _run_hooks(self, when: str, settings: dict[str, str], add_event: Callable[[str, str], None]) -> None:
        for hook in sorted((self.folder / ".platform" / "hooks" / when).glob("*")):
            if not hook.stat().st_mode & stat.S_IXUSR:
                raise DeploymentFailed(f"{when} hook {hook.name} cannot be executed: Permission denied")
            if CHANGES_MACHINE.search(hook.read_text(errors="replace")):
                add_event("INFO", f"Skipped {when} hook {hook.name}: it would change this machine.")
                continue
            self._run([str(hook)], {**self._environment(), **settings}, f"{when} hook {hook.name}")

    def _environment(self) -> dict[str, str]:
        """The variables Docker needs, without the settings of the shell that started the emulator."""
        kept = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT")
        return {name: os.environ[name] for name in kept if name in os.environ}

    def _run(self, command: list[str], environment: dict[str, str] | None = None, what: str = "") -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment or self._environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        self.log(f"{what or ' '.join(command)}: {done.returncode}\n{done.stderr}")
        if done.returncode:
            raise DeploymentFailed(f"{what or ' '.join(command[:2])} failed: {done.stderr.strip()[-300:]}")
        return done.stdout

    def _start_compose(self) -> None:
        compose = ["docker", "compose", "-p", self.name, "-f", "docker-compose.yml"]
        services = json.loads(self._run([*compose, "config", "--format", "json"]))["services"]
        for service in services.values():
            self._check_pull(self.machine.role, service["image"])
        (self.folder / "emulator.yml").write_text(self._override(services))
        self._run([*compose, "-f", "emulator.yml", "up", "-d"], what="docker compose up")

    def _override(self, services: dict) -> str:
        """A Compose file that adds the VPC and the authorities and moves port 80.

        It is JSON, which is YAML, except for the tag `!override`.
        """
        lines = ["services:"]
        for name, service in services.items():
            networks = {**(service.get("networks") or {"default": None}), "vpc": None}
            lines.append(f"  {name}:")
            lines.append(f"    networks: {json.dumps(networks)}")
            lines.append(f"    volumes: {json.dumps(authority_mounts(self.authorities))}")
            for port in service.get("ports", []):
                if port.get("published") == "80":
                    lines.append(f'    ports: !override ["127.0.0.1:{self.port}:{port["target"]}"]')
        lines.append(f"networks: {{ vpc: {{ external: true, name: {self.engine.network} }} }}")
        return "\n".join(lines) + "\n"

    def _check_pull(self, role: str, image: str) -> None:
        try:
            check_pull(role, image, SESSION)
        except roles.Denied as error:
            raise DeploymentFailed(f"Failed to pull docker image: {error}") from error

    def _check_architecture(self) -> None:
        for container in self.containers():
            if container.image.attrs["Architecture"] != self.machine.architecture:
                wanted = self.machine.architecture
                raise DeploymentFailed(f"no matching manifest for linux/{wanted} in the manifest list entries")

    def _start_definitions(self, settings: dict[str, str], secrets: dict[str, str]) -> None:
        """Starts the containers of Dockerrun.aws.json, version 2, as the ECS agent does, with Docker's links.

        Secrets arrive only if the file names an execution role.
        """
        dockerrun = json.loads((self.folder / "Dockerrun.aws.json").read_text())
        role = dockerrun.get("executionRoleArn")
        if role:
            try:
                roles.check_trust(role, "ecs-tasks.amazonaws.com")
            except roles.Denied as error:
                raise DeploymentFailed(str(error)) from error
            settings = {**settings, **values_of(role, secrets)}
        for each in dockerrun["containerDefinitions"]:
            self._check_pull(role or self.machine.role, each["image"])
        waiting = {each["name"]: each for each in dockerrun["containerDefinitions"]}
        started: set[str] = set()
        while waiting:
            ready = [
                name
                for name, each in waiting.items()
                if all(link.split(":")[0] in started for link in each.get("links", []))
            ]
            if not ready:
                raise DeploymentFailed(f"cannot resolve the links of {', '.join(waiting)}")
            for name in ready:
                self._start_definition(waiting.pop(name), settings)
                started.add(name)

    def _start_definition(self, definition: dict, settings: dict[str, str]) -> None:
        if "memory" not in definition and "memoryReservation" not in definition:
            raise DeploymentFailed(
                f"ECS: invalid setting for container '{definition['name']}': no memory is set"
            )
        own = {each["name"]: each["value"] for each in definition.get("environment", [])}
        file = self.folder / f"{definition['name']}.env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in {**settings, **own}.items()))
        command = ["docker", "run", "--detach", "--name", f"{self.name}-{definition['name']}"]
        command += ["--network", self.engine.network, "--env-file", str(file)]
        command += ["--memory", f"{definition.get('memory', 512)}m"]
        command += ["--hostname", definition.get("hostname", definition["name"])]
        # The image's own health check, more often.
        command += ["--health-interval", "2s"]
        for mount in authority_mounts(self.authorities):
            command += ["--volume", mount]
        for link in definition.get("links", []):
            command += ["--link", f"{self.name}-{link}"]
        for port in definition.get("portMappings", []):
            if port["hostPort"] == 80:
                command += ["--publish", f"127.0.0.1:{self.port}:{port['containerPort']}"]
        self._run([*command, definition["image"], *definition.get("command", [])], what="docker run")

    def _wait_until_healthy(self) -> None:
        until = time.monotonic() + TIMEOUT_S
        while time.monotonic() < until:
            states = []
            for container in self.containers():
                container.reload()
                state = container.attrs["State"]
                health = state.get("Health", {}).get("Status", "healthy")
                if container.attrs["RestartCount"] >= RESTARTS or state["Status"] in ("exited", "dead"):
                    exit_code = state["ExitCode"]
                    raise DeploymentFailed(f"{container.name} keeps exiting (exit code {exit_code})")
                if health == "unhealthy":
                    raise DeploymentFailed(f"{container.name} is unhealthy")
                states.append(state["Status"] == "running" and health == "healthy")
            if states and all(states) and self.responds():
                return
            time.sleep(0.5)
        raise DeploymentFailed("the application is not responding")
