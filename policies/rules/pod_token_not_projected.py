"""No volume holds a token for the Kubernetes API or for a cloud."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import mappings, text
from policies.pods import WORKLOADS, pod_spec
from policies.rule import Manifest, Rule, Subject

# The API server takes no token of this audience: an agent trades it for an identity at Google's cloud.
_ELSEWHERE = "https://iam.googleapis.com/"


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    for volume in mappings(pod_spec(manifest), "volumes"):
        for source in mappings(volume, "projected", "sources"):
            audience = text(source, "serviceAccountToken", "audience")
            if "serviceAccountToken" in source and not (subject.agent and audience.startswith(_ELSEWHERE)):
                yield f"the volume {volume.get('name')} holds a token for {audience or 'the Kubernetes API'}"
            if "podCertificate" in source:
                yield f"the volume {volume.get('name')} holds a certificate"


RULE = Rule(
    id="pod-token-not-projected",
    severity="error",
    why="A projected token gives what automountServiceAccountToken: false took away.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="NSA/CISA 2022, Kubernetes Pod security, Protecting Pod service account tokens; CIS Kubernetes 1.9 5.1.6",
)

PASSING = (
    alone(deployment()),
    alone(deployment({"volumes": [{"name": "v", "projected": {"sources": [{"configMap": {"name": "c"}}]}}]})),
)
FAILING = (
    alone(
        deployment({"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}]})
    ),
    alone(
        deployment({"volumes": [{"name": "v", "projected": {"sources": [{"configMap": {}}, {"podCertificate": {}}]}}]})
    ),
)
