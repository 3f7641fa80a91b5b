"""No Service takes over addresses."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, manifest
from policies.manifest_reading import at, sequence
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    if at(manifest, "spec", "externalIPs"):
        yield f"it takes the addresses {', '.join(map(str, sequence(manifest, 'spec', 'externalIPs')))}"


RULE = Rule(
    id="service-no-external-ips",
    severity="error",
    why="With externalIPs a Service gets traffic that nodes send to somebody else (CVE-2020-8554).",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({"Service"}),
    judge=_judge,
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

PASSING = (
    alone(
        manifest(
            "v1",
            "Service",
            spec={"selector": {"app.kubernetes.io/name": "planner"}, "ports": [{"port": 80}], "type": "ClusterIP"},
        )
    ),
)
FAILING = (
    alone(
        manifest(
            "v1",
            "Service",
            spec={
                "selector": {"app.kubernetes.io/name": "planner"},
                "ports": [{"port": 80}],
                "externalIPs": ["203.0.113.7"],
            },
        )
    ),
)
