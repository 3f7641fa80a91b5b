"""A variable whose name is a credential's has no value of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.definition.pasted_secrets import is_plain, names_secret
from policies.example import alone, deployment
from policies.manifest_reading import mappings, text
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject

# A file that holds the credential is none.
_PATH = re.compile(r"(file:/)?/[^\s]*")


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for what, container in containers(pod_spec(manifest)):
        for variable in mappings(container, "env"):
            name, value = text(variable, "name"), text(variable, "value")
            if names_secret(name) and not is_plain(value) and not _PATH.fullmatch(value):
                yield f"the variable {name} of {what} has a value of its own"


RULE = Rule(
    id="env-secrets-by-reference",
    severity="error",
    why="Nobody knows the shape of every credential; its name tells.",
    fix="Name it in `secrets`; a value that is no secret goes by another name.",
    kinds=WORKLOADS,
    judge=_judge,
    field=("env",),
    source="CIS Kubernetes 1.9 5.4.1; NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (
    alone(deployment()),
    alone(deployment(container={"env": [{"name": "MAX_TOKENS", "value": "4096"}]})),
    alone(deployment(container={"env": [{"name": "DB_PASSWORD", "value": "/etc/agent-secrets/DB_PASSWORD"}]})),
)
FAILING = (
    alone(deployment(container={"env": [{"name": "DB_PASSWORD", "value": "correct horse"}]})),
    alone(deployment(container={"env": [{"name": "OPENAI_API_KEY", "value": "abc"}]})),
)
