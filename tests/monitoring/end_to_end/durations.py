"""Rules in which time passes FACTOR times as fast: a minute of the product is a second of the test.

Every duration is scaled by the one factor: `for`, `keep_firing_for` and intervals of rules, ranges, subqueries and
offsets in PromQL (in the templates of labels and annotations too), and the seconds that a count within a range is
divided by. What Alertmanager waits for is scaled by the product itself (`alertmanager_config(scale=1 / FACTOR)`).
Thresholds are left alone, seconds that are compared with `time()` as well: they stay real seconds.
"""

from __future__ import annotations

import re
from typing import Any

FACTOR = 60
_UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_DURATION = r"(?:\d+(?:ms|[ywdhms]))+"
_PART = re.compile(r"(\d+)(ms|[ywdhms])")
# A range [5m], a subquery [1h:30s] or [1h:], an offset.
_IN_PROMQL = re.compile(rf"\[{_DURATION}(?::(?:{_DURATION})?)?\]|\boffset\s+-?{_DURATION}\b")
# A count divided by the seconds of its range, where a counter is new: see `recorded.growth`.
_SECONDS_OF_RANGE = re.compile(r"(?<=\) / )\d+(?= or rate\()")
_OF_RULES = ("for", "keep_firing_for", "interval", "query_offset")


def milliseconds(duration: str) -> int:
    """The length of a duration as Prometheus writes it, such as 1h30m; raises ValueError."""
    if not re.fullmatch(_DURATION, duration):
        raise ValueError(f"{duration!r} is no duration")
    return sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(duration))


def scaled(duration: str) -> str:
    """The same in the test's time, at least a millisecond where there was anything."""
    length = milliseconds(duration)
    return f"{max(1, round(length / FACTOR)) if length else 0}ms"


def scaled_promql(expression: str) -> str:
    """An expression, or a template with expressions in it, with all its ranges and offsets scaled."""
    found = _IN_PROMQL.sub(lambda found: re.sub(_DURATION, lambda one: scaled(one[0]), found[0]), expression)
    return _SECONDS_OF_RANGE.sub(lambda found: f"{int(found[0]) / FACTOR:g}", found)


def scaled_groups(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Groups of rules, scaled."""
    return [_scaled_rule(group) | {"rules": [_scaled_rule(rule) for rule in group["rules"]]} for group in groups]


def _scaled_rule(rule: dict[str, Any]) -> dict[str, Any]:
    found = dict(rule)
    for key in _OF_RULES:
        if key in rule:
            found[key] = scaled(rule[key])
    if "expr" in rule:
        found["expr"] = scaled_promql(rule["expr"])
    for part in ("labels", "annotations"):
        if part in rule:
            found[part] = {name: scaled_promql(text) for name, text in rule[part].items()}
    return found
