"""Hosts are named one by one."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, cilium_policy
from policies.network_rules import CILIUM, openings
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for opening in openings(manifest, "egress"):
        for pattern in opening.patterns:
            yield f"hosts are let through by the pattern {pattern}"
        for name in opening.names:
            if "*" in name or "." not in name.strip("."):
                yield f"{name} is no host's name"


RULE = Rule(
    id="egress-hosts-named",
    severity="error",
    why="A pattern also lets out to names that others may register, and data leaves in the name itself.",
    fix="Name each host in `hosts`.",
    kinds=CILIUM,
    judge=_judge,
    field=("hosts",),
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

PASSING = (alone(cilium_policy(egress=[{"toFQDNs": [{"matchName": "api.example.com"}]}])),)
FAILING = (
    alone(cilium_policy(egress=[{"toFQDNs": [{"matchPattern": "*"}]}])),
    alone(cilium_policy(egress=[{"toFQDNs": [{"matchPattern": "*.example.com"}]}])),
    alone(cilium_policy(egress=[{"toFQDNs": [{"matchName": "com"}]}])),
)
