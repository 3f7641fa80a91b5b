"""Pods run under their agent's own ServiceAccount."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment, of_agent
from policies.manifest_reading import text
from policies.pods import WORKLOADS, pod_spec
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    pod = pod_spec(manifest)
    named = {text(pod, "serviceAccountName"), text(pod, "serviceAccount")} - {""}
    if not named or "default" in named:
        yield "the pod runs under the namespace's default ServiceAccount"
    elif subject.agent and named != {subject.agent.name}:
        others = ", ".join(sorted(named - {subject.agent.name}))
        yield f"the pod runs under another's ServiceAccount: {others}"


RULE = Rule(
    id="pod-service-account-own",
    severity="error",
    why="The default account is shared by all, and another's account brings another's rights.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="NSA/CISA 2022, Kubernetes Pod security, Protecting Pod service account tokens; CIS Kubernetes 1.9 5.1.5",
)

PASSING = (
    alone(deployment()),
    of_agent(deployment()),
)
FAILING = (
    alone(deployment({"serviceAccountName": None})),
    alone(deployment({"serviceAccountName": "default"})),
    of_agent(deployment({"serviceAccountName": "roster-secrets"})),
    of_agent(deployment({"serviceAccount": "roster-secrets"})),
)
