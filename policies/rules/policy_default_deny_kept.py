"""Cilium's policies close what they do not open."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, cilium_policy
from policies.manifest_reading import mapping, mappings, shown
from policies.network_rules import CILIUM
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for spec in (mapping(manifest, "spec"), *mappings(manifest, "specs")):
        for side, value in mapping(spec, "enableDefaultDeny").items():
            if value is not True:
                yield f"enableDefaultDeny.{side} is {shown(value)}"


RULE = Rule(
    id="policy-default-deny-kept",
    severity="error",
    why="With enableDefaultDeny: false a policy only adds, and pods stay open.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=CILIUM,
    judge=_judge,
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

PASSING = (
    alone(cilium_policy()),
    alone(cilium_policy(enableDefaultDeny={"egress": True})),
)
FAILING = (alone(cilium_policy(enableDefaultDeny={"egress": False})),)
