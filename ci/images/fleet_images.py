"""The images of a fleet, asked for by name, and those that a change brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.parallel import for_each
from components.builds.needed import Needed, Use, needed, use_of
from components.definition.findings import InvalidInput, errors, nearest, one_of
from components.definition.load_catalog import Catalog
from components.definition.tree import Tree
from components.fleet import Fleet


@dataclass(frozen=True, slots=True)
class FleetImages:
    """All images that the agents run, sorted by name, and the definitions that have errors."""

    images: list[Needed]
    broken: list[str]

    def named(self, names: Sequence[str]) -> list[Needed]:
        """Those images, in that order; all of them with no names. Raises LookupError, with the nearest name.

        A name may be without the hash at its end: all images of that repository.
        """
        if not names:
            return self.images
        known: dict[str, list[Needed]] = {}
        for one in self.images:
            known.setdefault(one.name.rpartition("-")[0], []).append(one)
            known[one.name] = [one]
        for name in names:
            if name not in known:
                hint = nearest(name, known) or f" There is: {one_of(one.name for one in self.images)}."
                raise LookupError(f"the fleet needs no image {name!r}.{hint}")
        return list({one.name: one for name in names for one in known[name]}.values())


def fleet_images(fleet: Fleet) -> FleetImages:
    """Resolves every definition in every environment that it runs in."""

    def look(path: str) -> tuple[list[Use], bool]:
        examined = fleet.examine(path)
        return [use_of(agent) for agent in examined.resolved.values()], bool(errors(examined.findings))

    uses: list[Use] = []
    broken: list[str] = []
    for path, (found, faulty) in zip(fleet.definitions, for_each(fleet.definitions, look), strict=True):
        uses += found
        broken += [path] if faulty else []
    return FleetImages(needed(uses, fleet.catalog), broken)


def runtimes_of(image: Needed, catalog: Catalog) -> tuple[str, ...]:
    """The runtimes whose own image it is: what an agent builds or names for itself is none of its runtime's."""
    if image.kind == "ready":
        entries = catalog.entries["runtimes"]
        return image.runtimes if all(entries[one].image == image.reference for one in image.runtimes) else ()
    return image.runtimes if image.kind == "runtime" else ()


def since(images: Sequence[Needed], base: Tree) -> list[Needed]:
    """Those that the fleet in `base` did not need. One that cannot be read needed nothing."""
    try:
        before = {one.name for one in fleet_images(Fleet.open(base)).images}
    except InvalidInput:
        return list(images)
    return [one for one in images if one.name not in before]


def record_path(top: Path, name: str) -> Path:
    """The record's file."""
    return top / "agents" / "catalog" / "images" / f"{name}.yaml"
