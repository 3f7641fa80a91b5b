"""Pods bear the label that policies know agents by."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment, manifest
from policies.manifest_reading import at, shown
from policies.pods import WORKLOADS, pod_template
from policies.rule import Manifest, Rule, Subject

_LABEL, _AGENT = "role", "agent"


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    role = at(pod_template(manifest), "metadata", "labels", _LABEL)
    if role is None:
        yield f"its pods lack the label {_LABEL}: {_AGENT}"
    elif role != _AGENT:
        yield f"its pods have the label {_LABEL}: {shown(role)}"


RULE = Rule(
    id="pod-role",
    severity="error",
    why="NetworkPolicies select by it: a pod with another role passes for the gateway, and one without slips by them.",
    fix="Leave the label role to Roster.",
    kinds=WORKLOADS,
    judge=_judge,
    field=("labels",),
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)


def _labelled(**labels: str) -> Manifest:
    return manifest("apps/v1", "Deployment", spec={"template": {"metadata": {"labels": labels}}})


PASSING = (
    alone(deployment()),
    alone(_labelled(role="agent", other="x")),
)
FAILING = (
    alone(_labelled()),
    alone(_labelled(role="api-gateway")),
    alone(manifest("v1", "Pod")),
)
