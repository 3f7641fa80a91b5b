"""The schema files on disk: written by `roster schema`, held against the models and the catalog by `roster check`."""

from __future__ import annotations

from pathlib import Path

from ci.atomic_files import write_file
from components.definition.findings import Finding
from components.definition.schema import schema_files
from components.definition.tree import FileProblem, Tree
from components.fleet import Fleet


def schema_drift(fleet: Fleet) -> list[Finding]:
    """A finding for each schema file that is missing or is not what the models and the catalog make.

    A fleet without any is only warned: nothing is wrong in it, editors just cannot help.
    """
    wanted = schema_files(fleet.catalog)
    if not any(path in fleet.listing.files for path in wanted):
        path = next(iter(wanted))
        message = "there are no schema files, so editors cannot complete and explain; run `roster schema`"
        return [Finding(path, 1, 1, "schema-drift", message, "warning")]
    found = []
    for path, text in wanted.items():
        is_there = _read(fleet.tree, path)
        if is_there != text.encode():
            what = "there is no schema file" if is_there is None else "the schema no longer fits the catalog and models"
            found.append(Finding(path, 1, 1, "schema-drift", f"{what}; run `roster schema`"))
    return found


def write_schemas(fleet: Fleet, top: Path) -> list[str]:
    """Writes the schema files that differ, and gives their paths."""
    written = []
    for path, text in schema_files(fleet.catalog).items():
        if _read(fleet.tree, path) != text.encode():
            write_file(top / path, text.encode())
            written.append(path)
    return written


def _read(tree: Tree, path: str) -> bytes | None:
    try:
        return tree.read(path)
    except FileProblem:
        return None
