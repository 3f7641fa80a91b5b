"""Structured logs: one JSON object a line. No prompt, no task's text, no key, no message of a foreign exception."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import orjson

LOG = logging.getLogger("agent")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# At DEBUG and INFO the SDKs and HTTP libraries write requests, with the prompt in them.
FOREIGN_LEVEL = logging.WARNING
# Of all others only the text is logged, without its arguments: nobody knows what they hold.
TRUSTED = ("agent", "uvicorn", "opentelemetry")


class JsonLines(logging.Formatter):
    """`{"timestamp", "level", "agent_id", "message", …}`."""

    def __init__(self) -> None:
        super().__init__()
        self.agent_id = os.environ.get("AGENT_ID", "unknown")

    def format(self, record: logging.LogRecord) -> str:
        """One line; the fields that `say` was given are part of it."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "timestamp": when.replace("+00:00", "Z"),
            "level": record.levelname,
            "agent_id": self.agent_id,
            "message": record.getMessage() if record.name.startswith(TRUSTED) else record.msg,
        }
        fields: dict[str, Any] | None = getattr(record, "fields", None)
        if fields:
            line.update(fields)
        if not record.name.startswith("agent"):
            line["logger"] = record.name
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = described(record.exc_info[1])
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def described(error: BaseException) -> dict[str, Any]:
    """An exception's type and where it came from; its message may hold what must not be logged."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return {"type": type(error).__name__, "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]}


def set_up(level: str) -> JsonLines:
    """Sends all logs of the process to standard output; an unknown level is INFO."""
    formatter = JsonLines()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(FOREIGN_LEVEL)
    LOG.setLevel(level.upper() if level.upper() in LEVELS else "INFO")
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"
        logger.setLevel(FOREIGN_LEVEL)
    # The service says itself, as a warning, what the end of the grace cut off.
    logging.getLogger("uvicorn.error").addFilter(lambda record: not str(record.msg).startswith("Cancel %s running"))
    sys.excepthook = _ended
    return formatter


def _ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The last words of a process, as one line like all others."""
    LOG.critical("ended by an error that nothing handled", exc_info=(kind, error, trace))


def say(level: int, message: str, **fields: Any) -> None:
    """Logs a message with fields; a field that is None is left out."""
    if LOG.isEnabledFor(level):
        given = {name: value for name, value in fields.items() if value is not None}
        LOG.log(level, "%s", message, extra={"fields": given})
