"""Log lines as people read them: JSON of the runtimes as time, level, message, request, code, duration. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ci.cluster.evidence import masked

# Runtimes differ: fastapi's names first, elizaOS's behind.
_TIME = ("timestamp", "time")
_LEVEL = ("level", "levelName")
_MESSAGE = ("message", "msg")
_FIRST = ("request_id", "status", "code", "duration_ms")
# What every line has, or what says nothing to a reader.
_LEFT_OUT = frozenset((*_TIME, *_LEVEL, *_MESSAGE, "agent_id", "v", "name", "hostname", "pid", "meta", "args"))
_BAD = frozenset(("ERROR", "CRITICAL", "FATAL"))
# In lines that are no JSON, such as what a crash leaves behind.
_SOUNDS_BAD = re.compile(r"(?i)(error|exception|\btraceback|\bfatal|\bpanic|\bkilled|\bsegmentation fault)\b")
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `level` is in capitals, empty where the line has none; `text` is the message with its fields.

    `bad`: it tells of an error. `belongs`: it goes on with the line before, as those of a traceback do.
    """

    at: datetime | None
    level: str
    text: str
    bad: bool
    belongs: bool = False

    def shown(self, now: datetime) -> str:
        """`20:31:34.120 ERROR   message  field=value`; with the date when it is not of today. Times are UTC."""
        if self.at is None:
            return self.text
        day = "" if self.at.date() == now.date() else f"{self.at:%Y-%m-%d} "
        moment = f"{self.at:%H:%M:%S}.{self.at.microsecond // 1000:03}"
        return f"{day}{moment} {self.level:<8}{self.text}".rstrip()


def parsed(raw: str, stamp: str = "") -> Line:
    """A line as it was written; `stamp` is when the node took it, for lines that do not say it themselves."""
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        return Line(_moment(stamp), "", _clean(raw), bool(_SOUNDS_BAD.search(raw)), raw[:1].isspace())
    level = _level(found)
    status = found.get("status")
    failed = isinstance(status, int) and status >= 500
    text = "  ".join(filter(None, [_clean(str(_first(found, _MESSAGE) or "")), " ".join(_fields(found))]))
    return Line(_moment(str(_first(found, _TIME) or "")) or _moment(stamp), level, text, level in _BAD or failed)


def _level(found: Mapping[str, Any]) -> str:
    named = found.get("levelName") or found.get("level")
    return named.upper() if isinstance(named, str) else ""


def _fields(found: Mapping[str, Any]) -> Iterator[str]:
    for name in (*_FIRST, *(name for name in found if name not in _FIRST and name not in _LEFT_OUT)):
        if found.get(name) is not None:
            yield _field(name, found[name])
    for extra in found.get("args") or ():
        if isinstance(extra, dict):
            yield from (_field(name, value) for name, value in extra.items())
        else:
            yield _clean(str(extra))


def _field(name: str, value: object) -> str:
    if name == "duration_ms" and isinstance(value, int | float):
        return f"{value:,.0f} ms"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    quoted = json.dumps(text, ensure_ascii=False) if isinstance(value, str) and (not text or " " in text) else text
    return f"{_clean(name)}={_clean(quoted)}"


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> object:
    return next((found[name] for name in names if found.get(name) is not None), None)


def _moment(text: str) -> datetime | None:
    # Nodes write nanoseconds, of which Python takes six digits.
    try:
        found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _clean(text: str) -> str:
    """Without control characters, which could write over what stands on the terminal, and without credentials."""
    return masked(text[:_LONGEST].replace("\n", " ⏎ "))
