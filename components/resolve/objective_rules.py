"""What must hold of objectives, and of the exporters that watch databases."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.findings import Finding
from components.definition.load_catalog import Catalog
from components.definition.objectives import LATENCY_BOUNDS, Objectives
from components.definition.yaml_reader import Document


def objective_findings(catalog: Catalog) -> Iterator[Finding]:
    """Objectives that nobody could measure, and exporters that nobody could find."""
    document = catalog.documents["tiers"]
    for name, tier in catalog.entries["tiers"].items():
        if tier.objectives is not None:
            yield from _incomplete(name, tier.objectives, document)
            yield from _between_bounds(name, tier.objectives, document)
    for name, database in catalog.entries["databases"].items():
        given = {field: getattr(database, field) for field in ("exporter", "job", "watched_in")}
        missing = [field for field in ("exporter", "job") if given[field] is None]
        if any(given.values()) and missing:
            said = " and ".join(field for field, value in given.items() if value)
            message = f"{name}: {said} without {' and '.join(missing)} watches nothing; give exporter and job"
            yield catalog.documents["databases"].finding((name,), "missing-key", message, key=True)


def _incomplete(name: str, objectives: Objectives, document: Document) -> Iterator[Finding]:
    seconds, percent = objectives.latency_seconds, objectives.latency_percent
    if objectives.availability_percent is None and seconds is None and percent is None:
        message = f"{name}: objectives say nothing; give availability_percent, or leave objectives out"
        yield document.finding((name, "objectives"), "empty-value", message)
    if (seconds is None) != (percent is None):
        given, lacking = ("latency_seconds", "latency_percent")[:: 1 if percent is None else -1]
        message = f"{name}: {given} says nothing without {lacking}; give both"
        yield document.finding((name, "objectives", given), "missing-key", message)


def _between_bounds(name: str, objectives: Objectives, document: Document) -> Iterator[Finding]:
    seconds = objectives.latency_seconds
    if seconds is not None and seconds not in LATENCY_BOUNDS:
        near = sorted(sorted(LATENCY_BOUNDS, key=lambda bound: abs(bound - seconds))[:2])
        message = (
            f"{name}: latency_seconds {seconds:g} is between two bounds of the runtime's histogram and could not be "
            f"measured; nearest: {near[0]:g} and {near[1]:g}"
        )
        yield document.finding((name, "objectives", "latency_seconds"), "off-bounds", message)
