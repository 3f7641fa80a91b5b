"""No Secret is rendered."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, external_secret, manifest
from policies.rule import Manifest, Rule, Subject


def _judge(_manifest: Manifest, _subject: Subject) -> Iterator[str]:
    yield "a Secret stands in what is rendered"


RULE = Rule(
    id="secret-not-rendered",
    severity="error",
    why="What is rendered is in Git, in Pulumi's state and in every comparison.",
    fix="Put the value into the secret store, and name it in `secrets`.",
    kinds=frozenset({"Secret"}),
    judge=_judge,
    source="CIS Kubernetes 1.9 5.4.2; NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (alone(external_secret()),)
FAILING = (alone(manifest("v1", "Secret", stringData={"KEY": "x"})),)
