"""The stack `images`: every image that has no record yet is built, pushed and judged; what is recorded only exports."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from components.builds.context import Context
from components.builds.contexts import context_of
from components.builds.materialise import build_folder, materialise
from components.builds.needed import Needed, needed, use_of
from components.definition.findings import InvalidInput, errors
from components.fleet import Fleet

# Of the repository's top; below it a folder an image.
FOLDER = "out/images"
_GATE = "from ci.cli import main; main()"


@dataclass(frozen=True, slots=True)
class Images:
    """What is to be built, and what is recorded already."""

    contexts: list[Context]
    recorded: list[Needed]


def images_of(fleet: Fleet) -> Images:
    """The fleet's images. Raises InvalidInput for faults in definitions, ContextError for what cannot be built.

    Ready images are copied by the images job, not by this stack.
    """
    uses, findings = [], []
    for path in fleet.definitions:
        examined = fleet.examine(path)
        findings += errors(examined.findings)
        uses += [use_of(agent) for agent in examined.resolved.values()]
    if findings:
        raise InvalidInput(findings)
    built = [one for one in needed(uses, fleet.catalog) if one.source]
    unbuilt = [context_of(one, fleet.tree, fleet.catalog) for one in built if not one.passed]
    return Images(unbuilt, [one for one in built if one.passed])


def register_images(images: Images, fleet: Fleet, top: Path) -> dict[str, Any]:
    """Registers an image and a gate for each context; the outputs are name → reference by digest, of what passed."""
    from components.resources.image import BuiltImage, ScanGate

    settings = fleet.catalog.settings
    outputs: dict[str, Any] = {
        one.name: f"{one.repository}@{one.record.digest}" for one in images.recorded if one.record is not None
    }
    for context in images.contexts:
        folder = build_folder(context, Path(FOLDER, context.name))
        _written(context, top / folder)
        cache = f"{settings.registry}/cache"
        image = BuiltImage(context, f"../{folder}", settings.images.platforms or (), cache)
        gate = ScanGate(context, image.digest, _program(top), "..")
        outputs[context.name] = pulumi.Output.concat(context.repository, "@", gate.passed)
    return {"images": outputs, "objects": len(images.contexts)}


def _written(context: Context, folder: Path) -> None:
    """The context on disk: named by its hash, so what is there is right."""
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".context-", dir=folder.parent)) / context.name
    materialise(context, staged)
    staged.replace(folder)
    staged.parent.rmdir()


def _program(top: Path) -> Sequence[str]:
    """The command line's own gate, by a path that is the same on every machine."""
    python = Path(sys.executable)
    inside = python.is_relative_to(top)
    return (str(python.relative_to(top)) if inside else python.name, "-c", _GATE, "images", "gate")
