"""The environments of Elastic Beanstalk: deployments, events, health and logs."""

import random
import re
import string
import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ministack.core.responses import get_account_id, get_region

import roles
from beanstalk_calls import INSTANCE_PROFILE, SERVICE_ROLE, role_arn
from endpoint import Endpoint
from engine import Engine
from instance import DeploymentFailed, Instance, Machine
from option_checks import SECRETS
from versions import bundle_of, now

SETTINGS = "aws:elasticbeanstalk:application:environment"
# Instance types with ARM processors, such as t4g.micro; all others have x86 ones.
ARM_TYPE = re.compile(r"^(a1\.|[a-z]+[0-9]+[a-z]*g)")
# Calls that enhanced health makes with the service role.
HEALTH_CALLS = (
    "autoscaling:DescribeAutoScalingGroups",
    "ec2:DescribeInstances",
    "elasticloadbalancing:DescribeTargetHealth",
)

# By name, including terminated ones.
environments: dict[str, "Environment"] = {}


@dataclass
class Environment:
    application: str
    name: str
    platform: str
    options: list[dict]
    endpoint: Endpoint
    folder: Path
    engine: Engine
    authorities: Path
    id: str = field(default_factory=lambda: "e-" + "".join(random.choices(string.ascii_lowercase, k=10)))
    version: str = ""
    status: str = "Launching"
    # Color and status of enhanced health, and their causes.
    health: tuple[str, str] = ("Grey", "No Data")
    causes: list[str] = field(default_factory=list)
    deployments: int = 0
    created: datetime = field(default_factory=now)
    updated: datetime = field(default_factory=now)
    events: list[dict] = field(default_factory=list)
    # The lines of eb-engine.log.
    log: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def instance_id(self) -> str:
        return f"i-{self.id[2:].encode().hex():.17}"

    def add_event(self, severity: str, message: str) -> None:
        event = {"EventDate": now(), "Message": message, "ApplicationName": self.application}
        event |= {"EnvironmentName": self.name, "Severity": severity, "PlatformArn": self.platform}
        if self.version:
            event["VersionLabel"] = self.version
        self.events.insert(0, event)

    def log_line(self, line: str) -> None:
        self.log.append(f"{now():%Y/%m/%d %H:%M:%S.%f} [INFO] {line}")

    def properties(self, namespace: str) -> dict[str, str]:
        """The options in a namespace: environment properties, or those that are secrets, with their ARNs."""
        found = [option for option in self.options if option["Namespace"] == namespace]
        return {option["OptionName"]: str(option.get("Value", "")) for option in found}

    def machine(self) -> Machine:
        """The kind of instance that the options describe."""
        values = {option["OptionName"]: str(option.get("Value", "")) for option in self.options}
        is_arm = ARM_TYPE.match(values.get("InstanceTypes", "t3.micro"))
        role = role_arn(INSTANCE_PROFILE, values.get(INSTANCE_PROFILE, ""))
        return Machine(role=role, architecture="arm64" if is_arm else "amd64")

    def check_roles(self) -> None:
        """Fails unless Beanstalk and its instances can use their roles."""
        options = {option["OptionName"]: str(option.get("Value", "")) for option in self.options}
        service = role_arn(SERVICE_ROLE, options.get(SERVICE_ROLE, ""))
        instance = self.machine().role
        if not instance:
            raise DeploymentFailed("The instance profile associated with the environment does not exist.")
        try:
            if service:
                external = {"sts:externalid": "elasticbeanstalk"}
                roles.check_trust(service, "elasticbeanstalk.amazonaws.com", **external)
                for action in HEALTH_CALLS:
                    roles.check(service, action)
            roles.check_trust(instance, "ec2.amazonaws.com")
            here = f"{get_region()}:{get_account_id()}"
            environment = f"arn:aws:elasticbeanstalk:{here}:environment/{self.application}/{self.name}"
            roles.check(instance, "elasticbeanstalk:PutInstanceStatistics", environment)
            stream = f"arn:aws:logs:{here}:log-group:/aws/elasticbeanstalk/{self.name}/eb:log-stream:0"
            roles.check(instance, "logs:PutLogEvents", stream)
        except roles.Denied as error:
            raise DeploymentFailed(str(error)) from error

    def deploy(self, label: str, options: list[dict], platform: str) -> None:
        """Replaces the instance once a new one is healthy. If that fails, nothing changes."""
        before = (self.version, self.options, self.platform)
        old_instance = self.endpoint.instance
        self.updated = now()
        self.deployments += 1
        changes_version = bool(old_instance) and label != self.version
        self.options, self.platform = options, platform
        if old_instance:
            self.status = "Updating"
            self.add_event("INFO", "Environment update is starting.")
            self._change_health("Red", "Severe", "The environment is being updated.")
        name = f"{self.name}-{self.deployments}"
        folder = self.folder / self.id / str(self.deployments)
        instance = Instance(self.engine, name, folder, self.authorities, self.log_line, self.machine())
        try:
            self.check_roles()
            bundle = bundle_of(self.application, label)
            if changes_version:
                self.add_event("INFO", "Deploying new version to instance(s).")
            instance.deploy(bundle, self.properties(SETTINGS), self.properties(SECRETS), self.add_event)
        except Exception as error:
            self.log_line(f"An error occurred during execution of the deployment: {error}")
            self.log_line(logs_of(instance, 20))
            instance.remove()
            self.add_event(
                "ERROR", f"[Instance: {self.instance_id}] Command failed on instance. Output: {error}."
            )
            self.add_event("ERROR", "Instance deployment failed. For details, see 'eb-engine.log'.")
            self.add_event("ERROR", "Failed to deploy application.")
            self.version, self.options, self.platform = before
            if old_instance:
                self.add_event("ERROR", "Environment update failed. The previous version is still running.")
                self._change_health("Green", "Ok")
            self.status = "Ready"
            raise DeploymentFailed(f"Failed to deploy application: {error}") from error
        self.version = label
        self.endpoint.instance = instance
        self.add_event("INFO", "Instance deployment completed successfully.")
        if old_instance:
            old_instance.remove()
            if changes_version:
                self.add_event("INFO", "New application version was deployed to running EC2 instances.")
            self.add_event("INFO", "Environment update completed successfully.")
        else:
            self.add_event("INFO", f"Application available at 127.0.0.1:{self.endpoint.port}.")
            self.add_event("INFO", f"Successfully launched environment: {self.name}")
        self._change_health("Green", "Ok")
        self.status = "Ready"

    def _change_health(self, color: str, status: str, *causes: str) -> None:
        severity = "WARN" if color == "Red" else "INFO"
        self.add_event(severity, f"Environment health has transitioned from {self.health[1]} to {status}.")
        self.health, self.causes = (color, status), list(causes)

    def terminate(self) -> None:
        self.status = "Terminating"
        self.add_event("INFO", "terminateEnvironment is starting.")
        if self.endpoint.instance:
            self.endpoint.instance.remove()
        self.endpoint.instance = None
        self.endpoint.close()
        self.health, self.status = ("Grey", "No Data"), "Terminated"
        self.add_event("INFO", "terminateEnvironment completed successfully.")


def logs_of(instance: Instance, lines: int | str) -> str:
    parts = []
    for container in instance.containers():
        text = container.logs(tail=lines).decode(errors="replace")
        name = container.name.removeprefix(f"{instance.name}-")
        parts.append(f"----------------------------------------\n{name}\n{'-' * 40}\n{text}")
    return "\n".join(parts)
