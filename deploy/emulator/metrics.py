"""CloudWatch metric filters: turn log lines into the metrics that alarms watch."""

import json
import operator
import re
from collections.abc import Callable

from ministack.services import cloudwatch, cloudwatch_logs

# Tokens of a pattern such as { ($.message = "started" || $.message = "ready *") && $.ready IS FALSE }.
TOKEN = re.compile(r'\(|\)|\|\||&&|\$\.([\w.]+)\s*(>=|<=|!=|=|>|<|IS)\s*("[^"]*"|[\w.-]+)')
COMPARISONS: dict[str, Callable] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "IS": lambda actual, expected: actual is expected,
}


def field(line: dict, path: str):
    for name in path.split("."):
        line = line.get(name) if isinstance(line, dict) else None
    return line


def equal(actual, expected) -> bool:
    """Compares as CloudWatch does: `*` in a string matches any text."""
    if not isinstance(expected, str):
        return actual == expected
    wildcard = ".*".join(re.escape(part) for part in expected.split("*"))
    return isinstance(actual, str) and re.fullmatch(wildcard, actual, re.DOTALL) is not None


def compare(line: dict, path: str, comparison: str, text: str) -> bool:
    actual = field(line, path)
    expected = json.loads(text if text.startswith('"') else text.lower())
    if comparison in ("=", "!="):
        return equal(actual, expected) == (comparison == "=")
    try:
        return COMPARISONS[comparison](actual, expected)
    except TypeError:
        return False


def matches(pattern: str, line: dict) -> bool:
    """Evaluates a JSON pattern: comparisons, parentheses, and `&&`, which binds tighter than `||`."""
    tokens = list(TOKEN.finditer(pattern))

    def comparison() -> bool:
        token = tokens.pop(0)
        if token[0] != "(":
            return compare(line, *token.groups())
        value = alternatives()
        tokens.pop(0)
        return value

    def conjunction() -> bool:
        value = comparison()
        while tokens and tokens[0][0] == "&&":
            tokens.pop(0)
            value = comparison() and value
        return value

    def alternatives() -> bool:
        value = conjunction()
        while tokens and tokens[0][0] == "||":
            tokens.pop(0)
            value = conjunction() or value
        return value

    return bool(tokens) and alternatives()


def publish(group: str, message: str) -> None:
    """Publishes the metrics of every filter of the log group that the line matches."""
    try:
        line = json.loads(message)
    except ValueError:
        return
    for (filtered_group, _), each in list(cloudwatch_logs._metric_filters.items()):
        if filtered_group != group or not matches(each["filterPattern"], line):
            continue
        for metric in each["metricTransformations"]:
            value = metric["metricValue"]
            number = field(line, value.removeprefix("$.")) if value.startswith("$.") else value
            datum = {"MetricName": metric["metricName"], "Value": float(number)}
            request = {"Namespace": metric["metricNamespace"], "MetricData": [datum]}
            cloudwatch._put_metric_data({}, request, False, is_json=True)


def patch() -> None:
    put = cloudwatch_logs._put_log_events

    # Gap: filters are stored, but log lines never reach them.
    def put_and_filter(data):
        answer = put(data)
        for event in data.get("logEvents", []):
            publish(data.get("logGroupName", ""), event.get("message", ""))
        return answer

    cloudwatch_logs._put_log_events = put_and_filter
