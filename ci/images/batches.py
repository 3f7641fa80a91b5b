"""Splits the images that a run must make over its jobs: a forge allows so many, however many images there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# GitHub makes at most 256 jobs of matrices in a run, and images pass through three of the same length.
MOST_JOBS = 64
_MINUTES, _MOST_MINUTES = 60, 360


@dataclass(frozen=True, slots=True)
class Batch:
    """The images of one job; `name` is the image's own where there is one. `minutes`: how long the job may take."""

    name: str
    images: tuple[str, ...]
    minutes: int


def batches(images: Sequence[str], most: int = MOST_JOBS) -> list[Batch]:
    """All images, each once, in at most so many batches of nearly the same size."""
    count = min(len(images), most)
    found = []
    for number in range(count):
        part = tuple(images[number::count])
        name = part[0] if len(part) == 1 else f"batch-{number + 1}"
        found.append(Batch(name, part, min(_MINUTES * len(part), _MOST_MINUTES)))
    return found
