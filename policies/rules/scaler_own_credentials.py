"""A scaler asks its queue with the agent's own credentials, by reference."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.pasted_secrets import pasted_secrets
from policies.example import manifest, of_agent
from policies.manifest_reading import at, mapping, mappings
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    for trigger in mappings(manifest, "spec", "triggers"):
        kind, name = at(trigger, "authenticationRef", "kind"), at(trigger, "authenticationRef", "name")
        if kind not in (None, "TriggerAuthentication"):
            yield f"it asks by a {kind}, which all namespaces share"
        elif name is not None and subject.agent and name != subject.agent.name:
            yield f"it asks by the TriggerAuthentication {name}, which is not the agent's"
        for key, value in mapping(trigger, "metadata").items():
            for _, what in pasted_secrets(value if isinstance(value, str) else ""):
                yield f"the trigger's {key} holds {what}"


RULE = Rule(
    id="scaler-own-credentials",
    severity="error",
    why="With another's credentials an agent learns of another's queue; a pasted one is in Git for all to read.",
    fix="Give the queue of the catalog its `authentication` and `secrets`.",
    kinds=frozenset({"ScaledObject"}),
    judge=_judge,
    field=("scaling", "queue"),
    source="CIS Kubernetes 1.9 5.4.2; NSA/CISA 2022, Network separation and hardening, Secrets",
)


def _scaled(**trigger: object) -> Manifest:
    return manifest("keda.sh/v1alpha1", "ScaledObject", spec={"triggers": [{"type": "redis", **trigger}]})


PASSING = (
    of_agent(_scaled(metadata={"listName": "jobs"}, authenticationRef={"name": "planner"})),
    of_agent(_scaled(metadata={"listName": "jobs"})),
)
FAILING = (
    of_agent(_scaled(authenticationRef={"name": "helper"})),
    of_agent(_scaled(authenticationRef={"name": "planner", "kind": "ClusterTriggerAuthentication"})),
    of_agent(_scaled(metadata={"address": "redis://agent:hunter22@redis.example.com"})),
)
