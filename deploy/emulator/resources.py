"""CloudFormation: adds resource types to the ones MiniStack has."""

from ministack.services.cloudformation import provisioners


def register(kind: str, create, update=None, delete=None) -> None:
    """Registers a type's handlers. By default an update keeps the resource, and a deletion does nothing."""
    provisioners._RESOURCE_HANDLERS[kind] = {
        "create": create,
        "update": update or (lambda name, old, new, stack: (name, {})),
        "delete": delete or (lambda name, props: None),
    }
