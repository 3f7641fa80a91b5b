"""No container is taken out of AppArmor's profile."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import mapping
from policies.pod_fields import not_in_pod_or_containers
from policies.pods import WORKLOADS, pod_template
from policies.rule import Manifest, Rule, Subject

_FIELDS = not_in_pod_or_containers("securityContext.appArmorProfile.type", "Unconfined")
# How it was said before Kubernetes 1.30, and is still obeyed.
_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    yield from _FIELDS(manifest, subject)
    for key, value in mapping(pod_template(manifest), "metadata", "annotations").items():
        if (
            str(key).startswith(_ANNOTATION)
            and value not in ("runtime/default", "")
            and not str(value).startswith("localhost/")
        ):
            yield f"the annotation {key} is {value}"


RULE = Rule(
    id="pod-apparmor",
    severity="error",
    why="The runtime's profile keeps a container from mounting and from the kernel's own files.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source=(
        "NSA/CISA 2022, Kubernetes Pod security, Hardening container environments; Pod Security Standards, baseline"
    ),
)

PASSING = (
    alone(deployment()),
    alone(deployment(annotations={"container.apparmor.security.beta.kubernetes.io/agent": "runtime/default"})),
)
FAILING = (
    alone(deployment(pod_security={"appArmorProfile": {"type": "Unconfined"}})),
    alone(deployment(security={"appArmorProfile": {"type": "Unconfined"}})),
    alone(deployment(annotations={"container.apparmor.security.beta.kubernetes.io/agent": "unconfined"})),
)
