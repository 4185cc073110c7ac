"""Elastic Beanstalk's types in CloudFormation: applications and environments."""

from pathlib import Path

import option_checks
from endpoint import Endpoint
from engine import Engine
from environment import Environment, environments
from instance import DeploymentFailed
from resources import register
from versions import applications, create_application, versions


def create_application_resource(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
    name = props.get("ApplicationName") or f"{stack}-{logical_id}"
    create_application(name)
    return name, {}


def delete_application(name: str, props: dict) -> None:
    if any(each.application == name and each.status != "Terminated" for each in environments.values()):
        raise ValueError(f"Unable to delete application {name} because it has a version that is deployed.")
    applications.pop(name, None)
    for key in [key for key in versions if key[0] == name]:
        del versions[key]


def update_environment(name: str, old: dict, new: dict, stack: str) -> tuple[str, dict]:
    environment = environments[name]
    requested = (new["VersionLabel"], new.get("OptionSettings") or [], new["PlatformArn"])
    with environment.lock:
        # A stack that rolls back has nothing to do here: the failed deployment changed nothing.
        if requested != (environment.version, environment.options, environment.platform):
            option_checks.check(requested[1])
            try:
                environment.deploy(*requested)
            except DeploymentFailed as error:
                raise ValueError(str(error)) from error
    return name, {"EndpointURL": f"127.0.0.1:{environment.endpoint.port}"}


def delete_environment(name: str, props: dict) -> None:
    if name in environments and environments[name].status != "Terminated":
        environments[name].terminate()


def patch(folder: Path, engine: Engine) -> None:
    def create_environment(logical_id: str, props: dict, stack: str) -> tuple[str, dict]:
        option_checks.check(props.get("OptionSettings") or [])
        environment = Environment(
            application=props["ApplicationName"],
            name=props.get("EnvironmentName") or f"{stack}-{logical_id}"[:40],
            platform=props["PlatformArn"],
            options=props.get("OptionSettings") or [],
            endpoint=Endpoint(),
            folder=folder / "beanstalk",
            engine=engine,
            authorities=folder / "ca",
        )
        environments[environment.name] = environment
        environment.add_event("INFO", "createEnvironment is starting.")
        try:
            environment.deploy(props["VersionLabel"], environment.options, environment.platform)
        except DeploymentFailed as error:
            environment.terminate()
            raise ValueError(str(error)) from error
        return environment.name, {"EndpointURL": f"127.0.0.1:{environment.endpoint.port}"}

    # Gap: Elastic Beanstalk's types are missing.
    register("AWS::ElasticBeanstalk::Application", create_application_resource, delete=delete_application)
    register("AWS::ElasticBeanstalk::Environment", create_environment, update_environment, delete_environment)
