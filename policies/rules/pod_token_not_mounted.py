"""No pod gets a token for the Kubernetes API."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-token-not-mounted",
    severity="error",
    why="An agent that is talked into it would speak to the cluster with its token.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_pod("automountServiceAccountToken", False),
    source="NSA/CISA 2022, Kubernetes Pod security, Protecting Pod service account tokens; CIS Kubernetes 1.9 5.1.6",
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment({"automountServiceAccountToken": True})),
    alone(deployment({"automountServiceAccountToken": None})),
)
