"""ServiceAccounts give no token to their pods."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, manifest
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    if manifest.get("automountServiceAccountToken") is not False:
        yield "it lacks automountServiceAccountToken: false"
    if manifest.get("secrets"):
        yield "it names Secrets that hold tokens"


RULE = Rule(
    id="service-account-no-token",
    severity="error",
    why="A token in every pod of an account is one that every agent of it can be talked into using.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({"ServiceAccount"}),
    judge=_judge,
    source=(
        "NSA/CISA 2022, Kubernetes Pod security, Protecting Pod service account tokens; CIS Kubernetes 1.9 5.1.5, 5.1.6"
    ),
)

PASSING = (alone(manifest("v1", "ServiceAccount", automountServiceAccountToken=False)),)
FAILING = (
    alone(manifest("v1", "ServiceAccount")),
    alone(manifest("v1", "ServiceAccount", automountServiceAccountToken=True)),
    alone(manifest("v1", "ServiceAccount", automountServiceAccountToken=False, secrets=[{"name": "token"}])),
)
