"""An instance of Elastic Beanstalk: takes a bundle and starts it as the platforms on Amazon Linux 2023 do.

Each deployment is a new instance beside the old one, as a policy of Immutable says. Visitors come through the
environment's door, which leads to one of them.
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

from databases import trust
from engine import Engine

# What a deployment may take on AWS, shortened.
TIMEOUT_S = 120
# As many starts of one container are no accident.
RESTARTS = 3
# What a hook would change on the machine. This one is not there for that.
FOREIGN_TO_HERE = re.compile(r"systemctl|/etc/|/opt/elasticbeanstalk|/usr/local/")


class Failed(Exception):
    """A deployment that did not come to its end."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Instance:
    def __init__(
        self, machine: Engine, name: str, folder: Path, authorities: Path, log: Callable[[str], None]
    ):
        self.machine = machine
        self.name = f"{machine.prefix}-{name}"
        self.folder = folder
        self.authorities = authorities
        self.log = log
        self.port = free_port()

    def deploy(self, bundle: bytes, settings: dict[str, str], say: Callable[[str, str], None]) -> None:
        self._unpack(bundle)
        if (self.folder / "docker-compose.yml").exists():
            self._write_settings(settings)
            self._hooks("prebuild", settings, say)
            self._hooks("predeploy", settings, say)
            self._start_compose()
        elif (self.folder / "Dockerrun.aws.json").exists():
            self._start_definitions(settings)
        else:
            raise Failed("the bundle has neither docker-compose.yml nor Dockerrun.aws.json")
        self._wait_until_healthy()
        self._hooks("postdeploy", settings, say)

    def containers(self) -> list:
        found = self.machine.client.containers.list(all=True, filters={"name": f"^{self.name}-"})
        return sorted(found, key=lambda each: each.name)

    def remove(self) -> None:
        for container in self.containers():
            with contextlib.suppress(Exception):
                container.stop()
            with contextlib.suppress(Exception):
                container.remove(force=True, v=True)
        for network in self.machine.client.networks.list(names=[f"^{self.name}_default$"]):
            with contextlib.suppress(Exception):
                network.remove()

    def answers(self) -> bool:
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
        """The platform leaves a bundle's own file as it is."""
        file = self.folder / ".env"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))

    def _hooks(self, when: str, settings: dict[str, str], say: Callable[[str, str], None]) -> None:
        for hook in sorted((self.folder / ".platform" / "hooks" / when).glob("*")):
            if not hook.stat().st_mode & stat.S_IXUSR:
                raise Failed(f"{when} hook {hook.name} may not be executed: Permission denied")
            if FOREIGN_TO_HERE.search(hook.read_text(errors="replace")):
                say("INFO", f"Skipped {when} hook {hook.name}: it would change this machine.")
                continue
            self._run([str(hook)], {**self._environment(), **settings}, f"{when} hook {hook.name}")

    def _environment(self) -> dict[str, str]:
        """None of the settings of whoever started the emulator."""
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
            raise Failed(f"{what or ' '.join(command[:2])} failed: {done.stderr.strip()[-300:]}")
        return done.stdout

    def _start_compose(self) -> None:
        compose = ["docker", "compose", "-p", self.name, "-f", "docker-compose.yml"]
        services = json.loads(self._run([*compose, "config", "--format", "json"]))["services"]
        (self.folder / "emulator.yml").write_text(self._override(services))
        self._run([*compose, "-f", "emulator.yml", "up", "-d"], what="docker compose up")

    def _override(self, services: dict) -> str:
        """The databases' network, authorities, and another port than 80. JSON is YAML, but for the tag."""
        lines = ["services:"]
        for name, service in services.items():
            networks = {**(service.get("networks") or {"default": None}), "vpc": None}
            lines.append(f"  {name}:")
            lines.append(f"    networks: {json.dumps(networks)}")
            lines.append(f"    volumes: {json.dumps(trust(self.authorities))}")
            for port in service.get("ports", []):
                if port.get("published") == "80":
                    lines.append(f'    ports: !override ["127.0.0.1:{self.port}:{port["target"]}"]')
        lines.append(f"networks: {{ vpc: {{ external: true, name: {self.machine.network} }} }}")
        return "\n".join(lines) + "\n"

    def _start_definitions(self, settings: dict[str, str]) -> None:
        """Dockerrun.aws.json, version 2, as ECS' agent takes it; links are Docker's own."""
        given = json.loads((self.folder / "Dockerrun.aws.json").read_text())
        waiting = {each["name"]: each for each in given["containerDefinitions"]}
        started: set[str] = set()
        while waiting:
            ready = [
                name
                for name, each in waiting.items()
                if all(link.split(":")[0] in started for link in each.get("links", []))
            ]
            if not ready:
                raise Failed(f"links of {', '.join(waiting)} lead nowhere")
            for name in ready:
                self._start_definition(waiting.pop(name), settings)
                started.add(name)

    def _start_definition(self, definition: dict, settings: dict[str, str]) -> None:
        if "memory" not in definition and "memoryReservation" not in definition:
            raise Failed(f"ECS: invalid setting for container '{definition['name']}': no memory is set")
        own = {each["name"]: each["value"] for each in definition.get("environment", [])}
        file = self.folder / f"{definition['name']}.env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{name}={value}\n" for name, value in {**settings, **own}.items()))
        command = ["docker", "run", "--detach", "--name", f"{self.name}-{definition['name']}"]
        command += ["--network", self.machine.network, "--env-file", str(file)]
        command += ["--memory", f"{definition.get('memory', 512)}m"]
        command += ["--hostname", definition.get("hostname", definition["name"])]
        # The image's own check, more often.
        command += ["--health-interval", "2s"]
        for mount in trust(self.authorities):
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
                    raise Failed(f"{container.name} ends again and again (exit code {state['ExitCode']})")
                if health == "unhealthy":
                    raise Failed(f"{container.name} is unhealthy")
                states.append(state["Status"] == "running" and health == "healthy")
            if states and all(states) and self.answers():
                return
            time.sleep(0.5)
        raise Failed("the application does not answer")
