"""Log filters that make metrics, so that alarms have something to go off by."""

import json
import operator
import re

from ministack.services import cloudwatch, cloudwatch_logs

# One comparison of a pattern such as { $.message = "state" && $.ready IS FALSE }.
COMPARISON = re.compile(r'\$\.([\w.]+)\s*(>=|<=|!=|=|>|<|IS)\s*("[^"]*"|[\w.-]+)')
COMPARISONS = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "IS": lambda given, wanted: given is wanted,
}


def field(line: dict, path: str):
    for name in path.split("."):
        line = line.get(name) if isinstance(line, dict) else None
    return line


def matches(pattern: str, line: dict) -> bool:
    """Patterns of JSON whose comparisons are all to be true: `&&` is the one connection that is known."""
    found = COMPARISON.findall(pattern)
    if not found or "||" in pattern:
        return False
    for path, comparison, text in found:
        try:
            if not COMPARISONS[comparison](field(line, path), json.loads(text.lower())):
                return False
        except TypeError:
            return False
    return True


def publish(group: str, message: str) -> None:
    try:
        line = json.loads(message)
    except ValueError:
        return
    for (of_group, _), each in list(cloudwatch_logs._metric_filters.items()):
        if of_group != group or not matches(each["filterPattern"], line):
            continue
        for metric in each["metricTransformations"]:
            value = metric["metricValue"]
            number = field(line, value.removeprefix("$.")) if value.startswith("$.") else value
            datum = {"MetricName": metric["metricName"], "Value": float(number)}
            request = {"Namespace": metric["metricNamespace"], "MetricData": [datum]}
            cloudwatch._put_metric_data({}, request, False, is_json=True)


def patch() -> None:
    put = cloudwatch_logs._put_log_events

    # Gap: filters are kept, and nothing passes through them.
    def put_and_filter(data):
        answer = put(data)
        for event in data.get("logEvents", []):
            publish(data.get("logGroupName", ""), event.get("message", ""))
        return answer

    cloudwatch_logs._put_log_events = put_and_filter
