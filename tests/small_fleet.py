"""Fleets in memory: the fixture catalog with definitions given as text. None reads `agents/` of the repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ci.inspection import Inspection, Inspector
from components.definition.findings import Finding, InvalidInput
from components.definition.tree import MemoryTree
from components.fleet import Fleet
from components.resolve.resolved import ResolvedAgent
from components.specs import Manifest, agent_manifests

TODAY = "2026-11-21"
FIXTURES = Path(__file__).parent / "fixtures"
CONTEXTS = {
    "components/images/fastapi/Dockerfile": b"FROM python\n",
    "components/images/eliza/Dockerfile": b"FROM node\n",
}
MINIMAL = """\
version: 1
description: Answers questions.
owner: growth
runtime: fastapi
model: {name: claude-sonnet-4-5}
prompt: {text: You answer questions.}
"""
CHARACTER = """\
version: 1
description: Talks to people.
owner: community
runtime: eliza
model: {name: claude-sonnet-4-5}
character: {inline: {name: Ada, bio: A guide.}}
"""

Files = Mapping[str, str | bytes]


@cache
def catalog_files() -> dict[str, str]:
    """The fixture catalog: path below `agents/` → text."""
    folder = FIXTURES / "catalog"
    return {f"catalog/{path.relative_to(folder)}": path.read_text("utf-8") for path in sorted(folder.rglob("*.yaml"))}


def overlaid(text: str, overlay: str) -> str:
    """A catalog file with its top-level entries replaced by those of `overlay`, and the new ones behind."""
    blocks = _blocks(text) | _blocks(overlay)
    return "".join(blocks.values())


def _blocks(text: str) -> dict[str, str]:
    blocks: dict[str, str] = {}
    for match in re.finditer(r"^([^\s#][^\n]*?):(?: [^\n]*)?\n(?:[ #][^\n]*\n|\n)*", text, re.MULTILINE):
        blocks[match[1]] = match[0]
    return blocks


def tree(files: Files, catalog: Mapping[str, str] | None = None) -> MemoryTree:
    """The fixture catalog, overlaid by `catalog` (file below agents/catalog → entries), with `files` below agents/."""
    contents: dict[str, str | bytes] = dict(catalog_files())
    for name, overlay in (catalog or {}).items():
        base = contents.get(f"catalog/{name}", "")
        contents[f"catalog/{name}"] = overlaid(str(base), overlay) if base else overlay
    contents.update(files)
    return MemoryTree(
        CONTEXTS
        | {f"agents/{path}": text.encode() if isinstance(text, str) else text for path, text in contents.items()}
    )


def fleet(files: Files, catalog: Mapping[str, str] | None = None) -> Fleet:
    """The fleet of `tree`; raises InvalidInput when its catalog is not sound."""
    return Fleet.open(tree(files, catalog))


def inspect(files: Files, catalog: Mapping[str, str] | None = None, today: str = TODAY) -> Inspection:
    """What `roster check` sees, schemas included."""
    return Inspector(fleet(files, catalog), today, schemas=True).inspect(processes=1)


def findings(files: Files, catalog: Mapping[str, str] | None = None, today: str = TODAY) -> list[Finding]:
    """Everything that is wrong, whether the catalog can be worked with or not."""
    try:
        return inspect(files, catalog, today).findings
    except InvalidInput as error:
        return list(error.findings)


def rules(files: Files, catalog: Mapping[str, str] | None = None) -> list[str]:
    """The ids of what is wrong."""
    return [finding.rule for finding in findings(files, catalog)]


def resolved(
    text: str, environment: str = "prod", pool: str = "business", files: Files | None = None, name: str = "sample"
) -> ResolvedAgent:
    """The agent that a definition becomes; an error in it fails the test with all that is wrong."""
    path = f"{pool}/{name}.yaml"
    examined = fleet({path: text, **(files or {})}).examine(f"agents/{path}", [environment])
    assert environment in examined.resolved, "\n".join(map(str, examined.findings))
    return examined.resolved[environment]


def manifests(
    text: str, environment: str = "prod", pool: str = "business", files: Files | None = None
) -> list[Manifest]:
    """The objects that a definition becomes."""
    return agent_manifests(resolved(text, environment, pool, files))


def one(objects: list[Manifest], kind: str) -> Manifest:
    """The only object of its kind."""
    (found,) = [manifest for manifest in objects if manifest["kind"] == kind]
    return found


def write(top: Path, files: Files, catalog: Mapping[str, str] | None = None) -> Path:
    """Writes the fleet to a work tree below `top`."""
    templates = {f"{path}.j2": b"FROM {{ base_image }}\n" for path in CONTEXTS}
    for path, data in {**tree(files, catalog).contents, **templates}.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(data)
    return top
