"""An ExternalSecret names each key that it reads."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, external_secret
from policies.manifest_reading import at, mappings
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    if at(manifest, "spec", "dataFrom"):
        yield "it reads all keys that it finds (dataFrom)"
    for entry in mappings(manifest, "spec", "data"):
        if entry.get("sourceRef"):
            yield f"{entry.get('secretKey')} comes from another store or a generator (sourceRef)"


RULE = Rule(
    id="external-secret-by-key",
    severity="error",
    why="Reading a whole folder brings in what is added to it later, and what is another's.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({"ExternalSecret"}),
    judge=_judge,
    source="NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (alone(external_secret()),)
FAILING = (
    alone(external_secret(dataFrom=[{"find": {"name": {"regexp": ".*"}}}])),
    alone(external_secret({"secretKey": "A", "sourceRef": {"storeRef": {"name": "other"}}})),
)
