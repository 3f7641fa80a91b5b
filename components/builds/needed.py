"""Which images a fleet needs, and who needs each: 1,500 agents share a handful."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from components.definition.image_record import ImageRecord
from components.definition.load_catalog import Catalog
from components.definition.mirrored import mirrored
from components.resolve.image import repository_of
from components.resolve.resolved import Image, ImageSource, ResolvedAgent

Kind = Literal["runtime", "agent", "ready"]
_SHOWN = 16


@dataclass(frozen=True, slots=True)
class Use:
    """That an agent (`pool/name`) of a runtime runs an image."""

    agent: str
    runtime: str
    image: Image


@dataclass(frozen=True, slots=True)
class Needed:
    """An image that agents run.

    `name`: its record's file name, without `.yaml`. `reference`: what is built (the repository) or copied (a ready
    image as it is named). `repository`: where it is pushed. `context_hash`: empty for a ready image.
    """

    name: str
    kind: Kind
    reference: str
    repository: str
    context_hash: str
    source: ImageSource | None
    record: ImageRecord | None
    agents: tuple[str, ...]
    runtimes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether a record says that the gate let it pass."""
        return self.record is not None and self.record.scan is not None


def use_of(agent: ResolvedAgent) -> Use:
    """The image that an agent runs."""
    return Use(agent.key, agent.runtime, agent.image)


def needed(uses: Iterable[Use], catalog: Catalog) -> list[Needed]:
    """Every image once, sorted by name, with all that run it."""
    groups: dict[str, list[Use]] = {}
    for use in uses:
        repository = use.image.source.repository if use.image.source else use.image.named
        groups.setdefault(f"{repository} {use.image.context_hash}", []).append(use)
    return sorted((_needed(group, catalog) for group in groups.values()), key=lambda one: one.name)


def record_name(repository: str, identity: str) -> str:
    """The name of an image's record: the last word of its repository, and the beginning of what tells it apart."""
    return f"{repository.rpartition('/')[2].replace('_', '-').replace('.', '-')}-{identity[:_SHOWN]}"


def _needed(uses: list[Use], catalog: Catalog) -> Needed:
    image = uses[0].image
    if image.source:
        kind: Kind = "agent" if image.source.dockerfile else "runtime"
        reference = repository = image.source.repository
        name = record_name(repository, image.context_hash)
    else:
        kind, reference = "ready", image.named
        repository = mirrored(reference, catalog.settings.registry)
        name = record_name(repository_of(reference), hashlib.sha256(reference.encode()).hexdigest())
    return Needed(
        name,
        kind,
        reference,
        repository,
        image.context_hash,
        image.source,
        image.record,
        tuple(sorted({one.agent for one in uses})),
        tuple(sorted({one.runtime for one in uses})),
    )
