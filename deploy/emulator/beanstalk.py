"""Elastic Beanstalk: CloudFormation's types for it, and the environments behind them."""

import asyncio
import contextlib
import random
import string
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ministack import app
from ministack.core.responses import get_account_id, get_region
from ministack.services import s3, secretsmanager

import stacks
from engine import Engine
from instance import Failed, Instance
from query_api import Refused

SETTINGS = "aws:elasticbeanstalk:application:environment"
SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"

applications: dict[str, dict] = {}
# By application and label.
versions: dict[tuple[str, str], dict] = {}
environments: dict[str, "Environment"] = {}


def now() -> datetime:
    return datetime.now(UTC)


class Door:
    """The one address of an environment, whichever instance is behind it."""

    def __init__(self):
        self.instance: Instance | None = None
        opening = asyncio.run_coroutine_threadsafe(self._open(), app._MAIN_LOOP)
        self.port = opening.result()

    async def _open(self) -> int:
        self.server = await asyncio.start_server(self._visit, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def _visit(self, reader, writer) -> None:
        with contextlib.suppress(OSError):
            if self.instance:
                inside = await asyncio.open_connection("127.0.0.1", self.instance.port)
                await asyncio.gather(self._pump(reader, inside[1]), self._pump(inside[0], writer))
        writer.close()

    async def _pump(self, reader, writer) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
                await writer.drain()
        writer.close()

    def close(self) -> None:
        app._MAIN_LOOP.call_soon_threadsafe(self.server.close)


@dataclass
class Environment:
    application: str
    name: str
    platform: str
    options: list[dict]
    door: Door
    folder: Path
    machine: Engine
    authorities: Path
    id: str = field(default_factory=lambda: "e-" + "".join(random.choices(string.ascii_lowercase, k=10)))
    version: str = ""
    status: str = "Launching"
    # Color and status of enhanced health, and why.
    health: tuple[str, str] = ("Grey", "No Data")
    causes: list[str] = field(default_factory=list)
    deployments: int = 0
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    events: list[dict] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def instance_id(self) -> str:
        return f"i-{self.id[2:].encode().hex():.17}"

    def say(self, severity: str, message: str) -> None:
        event = {"EventDate": now(), "Message": message, "ApplicationName": self.application}
        event |= {"EnvironmentName": self.name, "Severity": severity, "PlatformArn": self.platform}
        if self.version:
            event["VersionLabel"] = self.version
        self.events.insert(0, event)

    def note(self, line: str) -> None:
        self.log.append(f"{now():%Y/%m/%d %H:%M:%S.%f} [INFO] {line}")

    def settings(self) -> dict[str, str]:
        found = {}
        for option in self.options:
            value = str(option.get("Value", ""))
            if option["Namespace"] == SECRETS:
                secret = secretsmanager.resolve_secret_string(value)
                if secret is None:
                    raise Failed(f"the secret of {option['OptionName']} cannot be read")
                value = secret
            if option["Namespace"] in (SETTINGS, SECRETS):
                found[option["OptionName"]] = value
        return found

    def deploy(self, label: str, options: list[dict], platform: str) -> None:
        """The new instance takes the old one's place once it is healthy; else everything stays."""
        before = (self.version, self.options, self.platform)
        former = self.door.instance
        self.updated = now()
        self.deployments += 1
        changes_version = bool(former) and label != self.version
        self.options, self.platform = options, platform
        if former:
            self.status = "Updating"
            self.say("INFO", "Environment update is starting.")
            self._turn("Red", "Severe", "The environment is being updated.")
        number = f"{self.name}-{self.deployments}"
        folder = self.folder / self.id / str(self.deployments)
        instance = Instance(self.machine, number, folder, self.authorities, self.note)
        try:
            bundle = source_of(self.application, label)
            if changes_version:
                self.say("INFO", "Deploying new version to instance(s).")
            instance.deploy(bundle, self.settings(), self.say)
        except Exception as error:
            self.note(f"An error occurred during execution of the deployment: {error}")
            self.note(logs_of(instance, 20))
            instance.remove()
            self.say("ERROR", f"[Instance: {self.instance_id}] Command failed on instance. Output: {error}.")
            self.say("ERROR", "Instance deployment failed. For details, see 'eb-engine.log'.")
            self.say("ERROR", "Failed to deploy application.")
            self.version, self.options, self.platform = before
            if former:
                self.say("ERROR", "Environment update failed. The former version keeps running.")
                self._turn("Green", "Ok")
            self.status = "Ready"
            raise Failed(f"Failed to deploy application: {error}") from error
        self.version = label
        self.door.instance = instance
        self.say("INFO", "Instance deployment completed successfully.")
        if former:
            former.remove()
            if changes_version:
                self.say("INFO", "New application version was deployed to running EC2 instances.")
            self.say("INFO", "Environment update completed successfully.")
        else:
            self.say("INFO", f"Application available at 127.0.0.1:{self.door.port}.")
            self.say("INFO", f"Successfully launched environment: {self.name}")
        self._turn("Green", "Ok")
        self.status = "Ready"

    def _turn(self, color: str, status: str, *causes: str) -> None:
        severity = "WARN" if color == "Red" else "INFO"
        self.say(severity, f"Environment health has transitioned from {self.health[1]} to {status}.")
        self.health, self.causes = (color, status), list(causes)

    def terminate(self) -> None:
        self.status = "Terminating"
        self.say("INFO", "terminateEnvironment is starting.")
        if self.door.instance:
            self.door.instance.remove()
        self.door.instance = None
        self.door.close()
        self.health, self.status = ("Grey", "No Data"), "Terminated"
        self.say("INFO", "terminateEnvironment completed successfully.")


def logs_of(instance: Instance, lines: int | str) -> str:
    parts = []
    for container in instance.containers():
        text = container.logs(tail=lines).decode(errors="replace")
        name = container.name.removeprefix(f"{instance.name}-")
        parts.append(f"----------------------------------------\n{name}\n{'-' * 40}\n{text}")
    return "\n".join(parts)


def source_of(application: str, label: str) -> bytes:
    version = versions.get((application, label))
    if version is None:
        raise Failed(f"No Application Version named '{label}' found.")
    bundle = version["SourceBundle"]
    body = s3._get_object_data(bundle["S3Bucket"], bundle["S3Key"])
    if body is None:
        raise Failed(f"Unable to download from S3 location {bundle['S3Bucket']}/{bundle['S3Key']}.")
    return body


def create_version(application: str, label: str, bundle: dict, description: str = "") -> dict:
    if application not in applications:
        raise Refused(f"No Application named '{application}' found.")
    if (application, label) in versions:
        raise Refused(f"Application Version {label} already exists.")
    if s3._get_object_data(bundle["S3Bucket"], bundle["S3Key"]) is None:
        raise Refused(
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


def create_application(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
    name = props.get("ApplicationName") or f"{stack}-{logical_id}"
    applications[name] = {"ApplicationName": name, "DateCreated": now(), "DateUpdated": now()}
    return name, {}


def delete_application(name: str, props: dict) -> None:
    if any(each.application == name and each.status != "Terminated" for each in environments.values()):
        raise ValueError(f"Unable to delete application {name} because it has a version that is deployed.")
    applications.pop(name, None)
    for key in [key for key in versions if key[0] == name]:
        del versions[key]


def patch(folder: Path, machine: Engine, port: int) -> None:
    import beanstalk_api

    def create_environment(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
        environment = Environment(
            application=props["ApplicationName"],
            name=props.get("EnvironmentName") or f"{stack}-{logical_id}"[:40],
            platform=props["PlatformArn"],
            options=props.get("OptionSettings") or [],
            door=Door(),
            folder=folder / "beanstalk",
            machine=machine,
            authorities=folder / "ca",
        )
        environments[environment.name] = environment
        environment.say("INFO", "createEnvironment is starting.")
        try:
            environment.deploy(props["VersionLabel"], environment.options, environment.platform)
        except Failed as error:
            environment.terminate()
            raise ValueError(str(error)) from error
        return environment.name, {"EndpointURL": f"127.0.0.1:{environment.door.port}"}

    def update_environment(name: str, old: dict, new: dict, stack: str) -> tuple[str, dict]:
        environment = environments[name]
        wanted = (new["VersionLabel"], new.get("OptionSettings") or [], new["PlatformArn"])
        with environment.lock:
            # A stack that goes back finds what it wants: the failed deployment changed nothing.
            if wanted != (environment.version, environment.options, environment.platform):
                try:
                    environment.deploy(*wanted)
                except Failed as error:
                    raise ValueError(str(error)) from error
        return name, {"EndpointURL": f"127.0.0.1:{environment.door.port}"}

    def delete_environment(name: str, props: dict) -> None:
        if name in environments and environments[name].status != "Terminated":
            environments[name].terminate()

    # Gap: Elastic Beanstalk.
    stacks.register("AWS::ElasticBeanstalk::Application", create_application, delete=delete_application)
    stacks.register(
        "AWS::ElasticBeanstalk::Environment", create_environment, update_environment, delete_environment
    )
    beanstalk_api.patch(port)
