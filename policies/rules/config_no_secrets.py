"""No credential in a ConfigMap."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.pasted_secrets import pasted_secrets
from policies.example import alone, manifest
from policies.manifest_reading import mapping
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for key, value in mapping(manifest, "data").items():
        if isinstance(value, str):
            for _, kind in pasted_secrets(value):
                yield f"{key} holds {kind}"
    for key in mapping(manifest, "binaryData"):
        yield f"{key} is binary, and cannot be reviewed"


RULE = Rule(
    id="config-no-secrets",
    severity="error",
    why="A ConfigMap is read by all who may look at the namespace.",
    fix="Name the secret in `secrets`, and take the value back where it was made.",
    kinds=frozenset({"ConfigMap"}),
    judge=_judge,
    source="CIS Kubernetes 1.9 5.4.2; NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (alone(manifest("v1", "ConfigMap", data={"prompt.md": "You plan.\n"})),)
FAILING = (
    alone(manifest("v1", "ConfigMap", data={"settings.json": '{"key": "sk-ant-' + "a" * 24 + '"}'})),
    alone(manifest("v1", "ConfigMap", binaryData={"x": "AAAA"})),
)
