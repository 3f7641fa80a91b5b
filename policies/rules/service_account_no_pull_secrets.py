"""ServiceAccounts bring no registry's credentials."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, manifest
from policies.manifest_reading import mappings, name_of
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for key in ("imagePullSecrets", "secrets"):
        if manifest.get(key):
            named = ", ".join(name_of({"metadata": one}) for one in mappings(manifest, key))
            yield f"it has {key}, which nothing in the catalog asks for: {named or '?'}"


RULE = Rule(
    id="service-account-no-pull-secrets",
    severity="error",
    why="A credential of a registry lets pods pull images that the gate never saw, and is one more to lose.",
    fix="Let nodes pull by an identity of their own.",
    kinds=frozenset({"ServiceAccount"}),
    judge=_judge,
    source="CIS Kubernetes 1.9 5.4.2; NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (alone(manifest("v1", "ServiceAccount", automountServiceAccountToken=False)),)
FAILING = (
    alone(manifest("v1", "ServiceAccount", imagePullSecrets=[{"name": "registry"}])),
    alone(manifest("v1", "ServiceAccount", secrets=[{"name": "token"}])),
)
