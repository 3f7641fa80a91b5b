"""Shell completion of agents and environments, from names of files and lines alone, so that it answers at once."""

from __future__ import annotations

import re
from pathlib import Path


def agents(incomplete: str) -> list[str]:
    """Names of agents that begin so; with a slash, as pool/name."""
    found = []
    for path in _folder().glob("*/*.yaml"):
        if path.parent.name != "catalog":
            found.append(f"{path.parent.name}/{path.stem}" if "/" in incomplete else path.stem)
    return sorted(name for name in found if name.startswith(incomplete))


def environments(incomplete: str) -> list[str]:
    """Names of environments that begin so, in order of promotion."""
    return [name for name in _entries("environments") if name.startswith(incomplete)]


def pools(incomplete: str) -> list[str]:
    """Names of pools that begin so."""
    return [name for name in _entries("pools") if name.startswith(incomplete)]


def runtimes(incomplete: str) -> list[str]:
    """Names of runtimes that begin so."""
    return [name for name in _entries("runtimes") if name.startswith(incomplete)]


def teams(incomplete: str) -> list[str]:
    """Names of teams that begin so."""
    return [name for name in _entries("teams") if name.startswith(incomplete)]


def _folder() -> Path:
    here = Path.cwd()
    return next((one / "agents" for one in (here, *here.parents) if (one / "agents").is_dir()), here / "agents")


def _entries(kind: str) -> list[str]:
    try:
        text = (_folder() / "catalog" / f"{kind}.yaml").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    return re.findall(r"^([a-z][a-z0-9-]*):", text, re.MULTILINE)
