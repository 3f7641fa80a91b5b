"""Secrets for a run on this machine: from the caller's environment or a file. No value is ever printed."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=(?P<value>.*)")


class EnvFileError(ValueError):
    """What is wrong with a file of variables, and in which line; without what stands there."""


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A caller's key that is made for one run: what callers show, and the line by which the service knows it."""

    key: str
    line: str


def read_env_file(path: Path) -> dict[str, str]:
    """NAME=value lines, as `docker --env-file` and shells read them: # comments, `export`, quotes around a value.

    Raises EnvFileError.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise EnvFileError(f"{path}: {reason}") from error
    values: dict[str, str] = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise EnvFileError(f"{path}:{number}: not NAME=value")
        value = found["value"].strip()
        quoted = len(value) > 1 and value[0] in "\"'" and value[0] == value[-1]
        values[found["name"]] = value[1:-1] if quoted else value
    return values


def chosen(names: Iterable[str], *sources: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The values of these secrets, each from the first source that has one, and the names of those that none has."""
    values: dict[str, str] = {}
    missing = []
    for name in names:
        value = next((source[name] for source in sources if source.get(name, "").strip()), None)
        if value is None:
            missing.append(name)
        else:
            values[name] = value
    return values, missing


def own_key() -> OwnKey:
    """A new key, good for as long as the run lasts."""
    key = f"local-{secrets.token_urlsafe(24)}"
    return OwnKey(key, f"local:{hashlib.sha256(key.encode()).hexdigest()}")
