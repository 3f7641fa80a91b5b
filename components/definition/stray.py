"""Files below `agents/` that would be silently without effect."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from components.definition import catalog as models
from components.definition.findings import Finding
from components.definition.places import (
    CATALOG,
    SETTINGS_FILE,
    is_definition,
)
from components.definition.tree import Listing

_SIDE_FILES = ("README.md", "CODEOWNERS")


def stray_files(
    listing: Listing, named: Iterable[str], contexts: Iterable[str], broken: Iterable[str] = ()
) -> list[Finding]:
    """Files below `agents/` that nothing picks up, and symbolic links: both would be silently without effect.

    Where a definition is `broken`, nobody can say which files of its pool it names, so none is called stray.
    """
    known = set(named)
    unsure = tuple(f"{posixpath.dirname(path)}/" for path in broken)
    folders = tuple(f"{folder}/" for folder in contexts)
    findings = [
        Finding(path, 1, 1, "symbolic-link", "a symbolic link is not followed; put the file itself here")
        for path in listing.links
    ]
    for path in listing.files:
        if path in known or is_definition(path) or path.startswith(folders) or _has_a_place(path):
            continue
        if path.startswith(unsure) and not path.endswith(".yml"):
            continue
        hint = "a definition ends in .yaml" if path.endswith(".yml") else "no definition names it"
        findings.append(Finding(path, 1, 1, "stray-file", f"nothing picks this file up: {hint}; move or remove it"))
    return findings


def _has_a_place(path: str) -> bool:
    if path.rsplit("/", 1)[1] in _SIDE_FILES or path.endswith(".schema.json"):
        return True
    if not path.startswith(f"{CATALOG}/"):
        return False
    rest = path[len(CATALOG) + 1 :]
    if "/" in rest:
        folder, file = rest.split("/", 1)
        return folder in models.FOLDERS and "/" not in file and file.endswith(".yaml")
    return path == SETTINGS_FILE or (rest.endswith(".yaml") and rest[:-5] in models.MAPPINGS)
