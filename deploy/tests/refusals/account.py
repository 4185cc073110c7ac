"""An account on the emulator: its API, and stacks from templates that AWS would refuse."""

import base64
import json
import os
import platform
import time
from pathlib import Path

import botocore.session

TEMPLATES = Path(__file__).parents[2]
REGION = "eu-central-1"
ACCOUNT = "000000000000"
ROOT = ("test", "test")


def read(template: str) -> str:
    return (TEMPLATES / template).read_text()


def changed(text: str, old: str, new: str) -> str:
    """A template in which every `old` is replaced by `new`."""
    if old not in text:
        raise AssertionError(f"the template does not contain {old!r}")
    return text.replace(old, new)


def without_statement(template: str, name: str) -> str:
    """A template of policies whose statements with this Sid allow something harmless instead."""
    lines, in_statement = [], False
    for line in template.split("\n"):
        if line.strip().startswith("- Sid:"):
            in_statement = line.strip() == f"- Sid: {name}"
        if in_statement and line.strip().startswith("Action:"):
            line = line.split("Action:")[0] + "Action: [sts:GetCallerIdentity]"
        lines.append(line)
    text = "\n".join(lines)
    if text == template:
        raise AssertionError(f"no statement is named {name}")
    return text


def client(service: str, key: tuple[str, str] = ROOT):
    session = botocore.session.get_session()
    return session.create_client(
        service,
        region_name=REGION,
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
    )


cloudformation = client("cloudformation")


def create(stack: str, template: str, role: str | None = None, system: str = "fibstack", **parameters: str) -> str:
    """Creates a stack and returns the reasons for its failure; empty if it was created."""
    request = {"RoleARN": role} if role else {}
    cloudformation.create_stack(
        StackName=stack,
        TemplateBody=template,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": "system", "Value": system}],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        **request,
    )
    return reasons(stack, "CREATE")


def update(stack: str, template: str) -> str:
    """Updates a stack and returns the reasons for the last failure; empty if it was updated."""
    cloudformation.update_stack(StackName=stack, TemplateBody=template)
    return reasons(stack, "UPDATE")


def reasons(stack: str, operation: str) -> str:
    """Waits for an operation on a stack, and returns why it failed; empty if it did not."""
    while (status := describe(stack)["StackStatus"]).endswith("IN_PROGRESS"):
        time.sleep(0.2)
    if status == f"{operation}_COMPLETE":
        return ""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [each for each in events if each["ResourceStatus"] == f"{operation}_FAILED"]
    return "\n".join(f"{each['LogicalResourceId']}: {each['ResourceStatusReason']}" for each in failed)


def describe(stack: str) -> dict:
    return cloudformation.describe_stacks(StackName=stack)["Stacks"][0]


def outputs(stack: str) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in describe(stack)["Outputs"]}


def access(template: str, system: str, **parameters: str) -> dict[str, str]:
    """Creates the access stack of a system, and returns its outputs."""
    failed = create(f"{system}-access", template, System=system, **parameters)
    if failed:
        raise AssertionError(failed)
    return outputs(f"{system}-access")


def user_with(name: str, *policies: str) -> tuple[str, str]:
    """The access key of a new user with these policies."""
    iam = client("iam")
    iam.create_user(UserName=name)
    for policy in policies:
        iam.attach_user_policy(UserName=name, PolicyArn=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def token(subject: str) -> str:
    """A token as GitHub issues it, except for its signature, which the emulator does not verify."""
    claims = {"iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com", "sub": subject}
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in [*parts, b"none"])


def other_architecture() -> tuple[str, str]:
    """A processor architecture that the images are not for: its name in the templates, and Docker's."""
    is_arm = platform.machine() in ("aarch64", "arm64")
    return ("X86_64", "amd64") if is_arm else ("ARM64", "arm64")
