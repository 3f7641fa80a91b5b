"""Secret stores are opened by an identity, not by a credential."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.example import alone, manifest
from policies.manifest_reading import mapping
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    yield from _credentials(mapping(manifest, "spec", "provider"))


def _credentials(value: Any) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _credentials(one)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if str(key).lower().endswith("secretref") or (key == "url" and str(inner).startswith("http://")):
                yield f"it is opened by a credential, or in the clear: {key}"
            elif key == "server" and isinstance(inner, str) and not inner.startswith("https://"):
                yield f"it is asked in the clear, at {inner}"
            else:
                yield from _credentials(inner)


RULE = Rule(
    id="secret-store-by-identity",
    severity="error",
    why="A credential that opens the store would itself be a secret to keep.",
    fix="Let the store's provider ask as a ServiceAccount.",
    kinds=frozenset({"SecretStore", "ClusterSecretStore"}),
    judge=_judge,
    source="CIS Kubernetes 1.9 5.4.2; NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (
    alone(
        manifest(
            "external-secrets.io/v1",
            "SecretStore",
            spec={
                "provider": {"vault": {"server": "https://vault.example.com", "auth": {"kubernetes": {"role": "a"}}}}
            },
        )
    ),
)
FAILING = (
    alone(
        manifest(
            "external-secrets.io/v1",
            "SecretStore",
            spec={"provider": {"vault": {"server": "https://v", "auth": {"tokenSecretRef": {"name": "token"}}}}},
        )
    ),
    alone(
        manifest(
            "external-secrets.io/v1",
            "SecretStore",
            spec={"provider": {"vault": {"server": "http://vault.example.com"}}},
        )
    ),
)
