"""No credential in an environment variable."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.pasted_secrets import pasted_secrets
from policies.example import alone, deployment
from policies.manifest_reading import mappings, text
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for what, container in containers(pod_spec(manifest)):
        for variable in mappings(container, "env"):
            for _, kind in pasted_secrets(text(variable, "value")):
                yield f"the variable {variable.get('name')} of {what} holds {kind}"


RULE = Rule(
    id="env-no-secrets",
    severity="error",
    why="A Deployment is in Git and in the cluster for many to read; a secret is a reference.",
    fix="Name the secret in `secrets`, and take the value back where it was made.",
    kinds=WORKLOADS,
    judge=_judge,
    field=("env",),
    source="CIS Kubernetes 1.9 5.4.1; NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (
    alone(deployment()),
    alone(deployment(container={"env": [{"name": "MAX_TOKENS", "value": "4096"}]})),
)
FAILING = (
    alone(deployment(container={"env": [{"name": "KEY", "value": "sk-ant-" + "a" * 24}]})),
    alone(deployment(container={"env": [{"name": "DB", "value": "postgres://agent:hunter22@db.example.com/a"}]})),
)
