"""Where things lie below `agents/`, and what they may be called."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import Final

from components.definition.fields import NAME_MAX, NAME_PATTERN, RESERVED_NAMES
from components.definition.tree import AGENTS, Listing

CATALOG: Final = f"{AGENTS}/catalog"
CONTEXTS: Final = "components/images"
# Files that every runtime's build context has besides its own.
SHARED_CONTEXT: Final = "components/images/shared"
NPM_LOCK: Final = "package-lock.json"
SETTINGS_FILE: Final = f"{CATALOG}/settings.yaml"


def definition_paths(listing: Listing) -> list[str]:
    """The files that are definitions: `agents/<pool>/<agent>.yaml`."""
    return [path for path in listing.files if is_definition(path)]


def is_definition(path: str) -> bool:
    """Whether a path is where definitions are."""
    return path.count("/") == 2 and path.endswith(".yaml") and not path.startswith(f"{CATALOG}/")


def agent_of(path: str) -> tuple[str, str]:
    """Pool and name that a definition's path gives it."""
    _, pool, file = path.split("/")
    return pool, file.removesuffix(".yaml")


def name_problem(name: str, reserved: Iterable[str] = RESERVED_NAMES) -> str:
    """What is wrong with the name of an agent, pool or catalog entry; empty when nothing is."""

    if len(name) > NAME_MAX:
        return f"a name has at most {NAME_MAX} characters, this one has {len(name)}"
    if not re.match(NAME_PATTERN, name) or name.endswith("\n"):
        return "a name is lower-case letters, digits and hyphens, a letter first, such as lead-scorer"
    if name in reserved or (reserved and name.startswith("kube-")):
        return f"the name is reserved; reserved are {', '.join(sorted(reserved))} and kube-*"
    return ""


def beside(definition: str, name: str) -> str | None:
    """The path of a file named relative to a definition; None when it would lie outside `agents/` or in the catalog."""
    if name.startswith("/") or "\\" in name or "\0" in name:
        return None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(definition), name))
    inside = path.startswith(f"{AGENTS}/") and not path.startswith(f"{CATALOG}/")
    return path if inside else None
