"""AWS's query protocol, as Elastic Beanstalk speaks it: form-encoded requests, XML responses."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ministack.core.responses import new_uuid

NAMESPACE = "http://elasticbeanstalk.amazonaws.com/docs/2010-12-01/"

Query = dict[str, str]


class InvalidRequest(Exception):
    """A request that the service rejects with status 400."""

    def __init__(self, message: str, code: str = "InvalidParameterValue"):
        super().__init__(message)
        self.code = code


def members(query: Query, prefix: str) -> list[str]:
    """The strings of a list parameter."""
    found = []
    while (value := query.get(f"{prefix}.member.{len(found) + 1}")) is not None:
        found.append(value)
    return found


def structures(query: Query, prefix: str) -> list[Query]:
    """The structures of a list parameter."""
    found: list[Query] = []
    while True:
        start = f"{prefix}.member.{len(found) + 1}."
        part = {key.removeprefix(start): value for key, value in query.items() if key.startswith(start)}
        if not part:
            return found
        found.append(part)


def xml(value) -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{xml(each)}</{key}>" for key, each in value.items() if each is not None)
    if isinstance(value, (list, tuple)):
        return "".join(f"<member>{xml(each)}</member>" for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return escape(str(value))


async def handle(
    actions: dict[str, Callable[[Query], dict | None]],
    method: str,
    path: str,
    headers: dict,
    body: bytes,
    query_params: dict,
) -> tuple:
    """Calls the function of a request's action and encodes its result."""
    parameters = {**query_params, **parse_qs(body.decode(), keep_blank_values=True)}
    query = {key: value[0] for key, value in parameters.items()}
    action = query.get("Action", "")
    try:
        if action not in actions:
            raise InvalidRequest(f"the emulator does not support {action}")
        result = f"<{action}Result>{xml(actions[action](query) or {})}</{action}Result>"
        request = f"<ResponseMetadata><RequestId>{new_uuid()}</RequestId></ResponseMetadata>"
        text = f'<{action}Response xmlns="{NAMESPACE}">{result}{request}</{action}Response>'
        return 200, {"Content-Type": "text/xml"}, text.encode()
    except (InvalidRequest, KeyError) as error:
        code = getattr(error, "code", "InvalidParameterValue")
        detail = f"<Type>Sender</Type><Code>{code}</Code><Message>{xml(str(error))}</Message>"
        text = f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{detail}</Error></ErrorResponse>'
        return 400, {"Content-Type": "text/xml"}, text.encode()
