"""No credential among commands and arguments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.definition.pasted_secrets import pasted_secrets
from policies.example import alone, deployment
from policies.manifest_reading import at, mappings, text, words
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject

_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
_ACTIONS = (
    ("livenessProbe",),
    ("readinessProbe",),
    ("startupProbe",),
    ("lifecycle", "postStart"),
    ("lifecycle", "preStop"),
)


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for what, container in containers(pod_spec(manifest)):
        said = [*words(container, "command"), *words(container, "args")]
        for path in _ACTIONS:
            said += words(container, *path, "exec", "command")
        if not said:
            continue
        secret = {text(one, "name") for one in mappings(container, "env") if at(one, "valueFrom", "secretKeyRef")}
        for word in said:
            for _, kind in pasted_secrets(word):
                yield f"a command of {what} holds {kind}"
            for name in _VARIABLE.findall(word):
                if name in secret:
                    yield f"a command of {what} holds the value of {name}, which is a secret"


RULE = Rule(
    id="command-no-secrets",
    severity="error",
    why="Arguments stand in the list of processes and in the Deployment, which many may read.",
    fix="Name the secret in `secrets`; the agent reads it from its variable or file.",
    kinds=WORKLOADS,
    judge=_judge,
    field=("secrets",),
    source="CIS Kubernetes 1.9 5.4.1; NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (
    alone(deployment()),
    alone(deployment(container={"command": ["/bin/agent"], "args": ["--name=$(AGENT_ID)"]})),
)
FAILING = (
    alone(deployment(container={"args": ["--key=sk-ant-" + "a" * 24]})),
    alone(deployment(container={"command": ["sh", "-c", "curl -u a https://u:hunter22@example.com"]})),
    alone(
        deployment(
            container={
                "args": ["--key=$(KEY)"],
                "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "planner", "key": "KEY"}}}],
            }
        )
    ),
    alone(deployment(container={"livenessProbe": {"exec": {"command": ["probe", "ghp_" + "a" * 36]}}})),
)
