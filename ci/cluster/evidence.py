"""What is shown of an agent that failed: its last log lines and its warning events, with nothing secret in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ci.cluster.observed import moment
from components.definition.pasted_secrets import without_secrets

LINES = 20
_LINE = 400
_EVENTS = 8
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
# A value behind a name that says what it is: password=…, "api_key": "…", Authorization: Bearer …
_NAMED = re.compile(
    r"(?i)((?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential"
    r"|authorization|cookie)[\w-]{0,40}[\"']?\s{0,4}[:=]\s{0,4}(?:bearer\s+|basic\s+)?)(\"[^\"]*\"|'[^']*'|[^\s,;&\"']+)"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/_.~=-]{8,}")
# Long runs of mixed letters and digits are keys of a shape that is not known, or lines of one; digests are not mixed.
_RUN = re.compile(r"(?<![A-Za-z0-9+/_=-])(?=\S{0,80}[a-z])(?=\S{0,80}[A-Z])(?=\S{0,80}[0-9])[A-Za-z0-9+/_=-]{32,}")
_SIMILAR = re.compile(r"\(combined from similar events\): ")
# The last part of a pod's name, which differs between events that are the same otherwise.
_POD = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5}\b")


def log_lines(text: str, most: int = LINES) -> tuple[str, ...]:
    """The last lines of a log that hold anything, masked, without control characters, none longer than 400."""
    return tuple(line for raw in without_keys(text.splitlines()) if (line := shown(raw)))[-most:]


def shown(line: str) -> str:
    """One line as it may be shown to everyone who reads a pull request."""
    # Far more than is shown, so that no secret is cut before it is seen to be one.
    text = masked(line[: 20 * _LINE]).rstrip()
    return text if len(text) <= _LINE else text[: _LINE - 1] + "…"


def masked(text: str) -> str:
    """The text without control characters, and with `…` for what is or may be a credential."""
    clean = without_secrets(_CONTROL.sub("", text))
    for shape, instead in ((_BEARER, r"\1 …"), (_NAMED, r"\1…"), (_RUN, "…")):
        clean = shape.sub(instead, clean)
    return clean


def event_lines(events: Sequence[Mapping[str, Any]], most: int = _EVENTS) -> tuple[str, ...]:
    """Warning events as `Reason: message (×count)`, the same ones once, those seen last at the end."""
    counts: dict[str, int] = {}
    for event in sorted(events, key=lambda event: moment(dict(event))):
        message = " ".join(_SIMILAR.sub("", event.get("message", "")).split())
        line = shown(f"{event.get('reason', '')}: " + _POD.sub("-…", message))
        series = event.get("series") or {}
        count = counts.pop(line, 0) + int(series.get("count") or event.get("count") or 1)
        counts[line] = count
    lines = [f"{line} (×{count})" if count > 1 else line for line, count in counts.items()]
    return tuple(lines[-most:])


def without_keys(lines: Iterable[str]) -> Iterable[str]:
    """The lines without the bodies of private keys, which span lines."""
    inside = False
    for line in lines:
        if "-----BEGIN " in line and "PRIVATE KEY" in line:
            inside = "-----END " not in line
            yield line[: line.index("-----BEGIN ")] + "…"
        elif inside:
            inside = "-----END " not in line
        else:
            yield line
