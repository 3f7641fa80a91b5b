"""Dockerfiles as they are built, and workflows as they are."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from jinja2 import Environment, StrictUndefined, TemplateError

from ci.scan.piece import Piece, ScannerFailure
from components.definition.places import CATALOG, CONTEXTS
from components.fleet import Fleet
from components.resolve.image import TEMPLATE, base_image
from components.resolve.resolved import ImageSource
from policies.waivers import scopes_of

WORKFLOWS = ".github/workflows"
# What decides, besides the files themselves, upon what images are built.
_BASES = frozenset({f"{CATALOG}/settings.yaml", f"{CATALOG}/runtimes.yaml"})
_BASE_ARGUMENT = re.compile(r"\$(?:BASE_IMAGE\b|\{BASE_IMAGE\})")


def dockerfiles(fleet: Fleet, differing: Collection[str] | None) -> list[Piece]:
    """Those of runtimes, filled in, and those of agents; with `differing` those that one of these paths can change."""
    return [*_of_runtimes(fleet, differing), *_of_agents(fleet, differing)]


def workflows(top: Path, differing: Collection[str] | None) -> list[Piece]:
    """The workflows on disk, or those among `differing`. Raises ScannerFailure for a link."""
    found = []
    for file in sorted((top / WORKFLOWS).glob("*.y*ml")):
        path = f"{WORKFLOWS}/{file.name}"
        if differing is not None and path not in differing:
            continue
        if file.is_symlink():
            raise ScannerFailure(f"{path} is a symbolic link, which no scanner follows; put the file itself there")
        if file.is_file():
            found.append(Piece("workflow", file.read_text("utf-8", "replace"), path))
    return found


def _of_runtimes(fleet: Fleet, differing: Collection[str] | None) -> list[Piece]:
    catalog = fleet.catalog
    found: dict[tuple[str, str], Piece] = {}
    for name, runtime in catalog.entries["runtimes"].items():
        path = f"{CONTEXTS}/{runtime.build}/{TEMPLATE}"
        if runtime.build not in catalog.contexts or path not in fleet.tree.files(f"{CONTEXTS}/{runtime.build}").files:
            continue
        if differing is not None and path not in differing and _BASES.isdisjoint(differing):
            continue
        base = base_image(runtime.base_image or "", catalog) or runtime.base_image or ""
        text = _filled(fleet.tree.read(path).decode("utf-8", "replace"), path, base, runtime.user)
        users = found[path, text].users if (path, text) in found else frozenset()
        found[path, text] = Piece("dockerfile", text, path, users=users | {f"runtime:{name}"})
    return list(found.values())


def _filled(template: str, path: str, base: str, user: int) -> str:
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    try:
        return environment.from_string(template).render(base_image=base, user=user)
    except TemplateError as error:
        raise ScannerFailure(f"{path} cannot be filled in, so no scanner can read it: {error}") from error


def _of_agents(fleet: Fleet, differing: Collection[str] | None) -> list[Piece]:
    found: dict[tuple[str, str], Piece] = {}
    for path in fleet.definitions:
        # Resolving is what takes time, and few agents build an image of their own.
        if b"build" not in fleet.tree.read(path):
            continue
        for agent in fleet.examine(path).resolved.values():
            source = agent.image.source
            if source is None or not source.dockerfile:
                continue
            piece = _own(fleet, source, scopes_of(agent))
            concerned = differing is None or not {piece.source, path, *_BASES}.isdisjoint(differing)
            if concerned:
                found[piece.source, piece.text] = piece
    return list(found.values())


def _own(fleet: Fleet, source: ImageSource, users: frozenset[str]) -> Piece:
    path = str(PurePosixPath(source.folder) / source.dockerfile)
    text = fleet.tree.read(path).decode("utf-8", "replace")
    # The builder gives the base image as an argument; scanners would judge the variable's name.
    text = _BASE_ARGUMENT.sub((source.base or source.base_name).replace("\\", ""), text)
    return Piece("dockerfile", text, path, users=users)
