"""CloudFormation: creates, changes and deletes a stack's resources with the role that the stack was given."""

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, helpers
from ministack.services.cloudformation import stacks as lifecycle

import resource_calls
import roles

SECRET = "AWS::SecretsManager::Secret"
# Types whose properties are passwords, which CloudFormation reads for them.
WITH_PASSWORDS = ("AWS::ElastiCache::ReplicationGroup", "AWS::RDS::DBInstance")
SESSION = "AWSCloudFormation"

# By stack. A stack keeps its role for later operations.
roles_of_stacks: dict[tuple[str, str, str], str] = {}


def key_of(stack: str) -> tuple[str, str, str]:
    """The key of a stack, which is given by its name or ARN."""
    name = stack.split(":stack/", 1)[-1].split("/", 1)[0]
    return get_account_id(), get_region(), name


def tags_of(stack: str) -> dict[str, str]:
    found = cloudformation._stacks.get(stack) or {}
    return {tag["Key"]: tag["Value"] for tag in found.get("Tags") or []}


def check(operation: str, kind: str, name: str, props: dict, stack: str) -> None:
    """Raises `Denied` unless the stack's role may make all calls for a resource."""
    role = roles_of_stacks.get(key_of(stack))
    if role is None:
        return
    tags = tags_of(stack)
    owned = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    for call in resource_calls.calls(kind, operation, name, props):
        keys = dict(call.keys)
        if call.sends_tags:
            keys |= {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        if call.is_tagged:
            keys |= owned
        roles.check(role, call.action, call.resource, keys, SESSION)
    if operation != "delete" and kind in WITH_PASSWORDS:
        for resource in (cloudformation._stacks.get(stack) or {}).get("_resources", {}).values():
            if resource.get("ResourceType") == SECRET:
                name = resource["PhysicalResourceId"]
                if not name.startswith("arn:"):
                    name = f"arn:aws:secretsmanager:{get_region()}:{get_account_id()}:secret:{name}"
                roles.check(role, "secretsmanager:GetSecretValue", name, owned, SESSION)


def with_role(action: str):
    """Remembers the role of a request, after checking that CloudFormation can assume it."""
    handler = handlers._ACTION_HANDLERS[action]

    def handle(params):
        role, stack = helpers._p(params, "RoleARN"), helpers._p(params, "StackName")
        if role:
            try:
                roles.check_trust(role, "cloudformation.amazonaws.com")
            except roles.Denied:
                return helpers._error("ValidationError", f"Role {role} is invalid or cannot be assumed")
            roles_of_stacks[key_of(stack)] = role
        elif action == "CreateStack":
            roles_of_stacks.pop(key_of(stack), None)
        return handler(params)

    return handle


def patch() -> None:
    provision, update, delete = (
        lifecycle._provision_resource,
        lifecycle._update_resource,
        lifecycle._delete_resource,
    )

    # Gap: the role of a stack is ignored.
    def provision_with_role(kind, logical_id, props, stack):
        check("create", kind, resource_calls.name_of(kind, logical_id, props, stack), props, stack)
        return provision(kind, logical_id, props, stack)

    def update_with_role(kind, physical_id, old, new, stack, *rest):
        if old != new:
            check("update", kind, physical_id, new, stack)
        return update(kind, physical_id, old, new, stack, *rest)

    def delete_with_role(kind, physical_id, props, stack=None, *rest):
        if stack:
            check("delete", kind, physical_id, props, stack)
        return delete(kind, physical_id, props, stack, *rest)

    lifecycle._provision_resource = provision_with_role
    lifecycle._update_resource = update_with_role
    lifecycle._delete_resource = delete_with_role
    for action in ("CreateStack", "UpdateStack", "DeleteStack"):
        handlers._ACTION_HANDLERS[action] = with_role(action)
