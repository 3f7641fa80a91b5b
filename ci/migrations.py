"""Steps from each `version` of the definition's format to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ci.edit_yaml import MISSING, EditError, get_value
from components.definition.agent import VERSION

# By the version that a step starts from: the text before → the text after, which says the next version. A step edits
# with ci.edit_yaml, so that comments, order and quoting stay.
MIGRATIONS: dict[int, Callable[[str], str]] = {}


def migrate(text: str, steps: Mapping[int, Callable[[str], str]] | None = None, newest: int = VERSION) -> str:
    """A definition's text in the newest version. Raises EditError when its version is unknown or a step is missing."""
    steps = MIGRATIONS if steps is None else steps
    version = version_of(text)
    if version > newest:
        raise EditError(f"version {version} is newer than this Roster, which knows up to {newest}; use a newer one")
    while version < newest:
        if version not in steps:
            raise EditError(f"there is no way from version {version} to {version + 1}")
        text = steps[version](text)
        reached = version_of(text)
        if reached != version + 1:
            raise EditError(f"the step from version {version} says version {reached} afterwards")
        version = reached
    return text


def version_of(text: str) -> int:
    """The version that a definition says. Raises EditError when it says none."""
    version = get_value(text, ("version",))
    if version is MISSING:
        raise EditError("the definition says no version; a definition begins with `version: 1`")
    if not isinstance(version, int) or isinstance(version, bool):
        raise EditError(f"version {version!r} is not a whole number")
    return version
