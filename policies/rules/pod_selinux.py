"""No container has a type, user or role of SELinux that may more than others."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import mapping
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject

_TYPES = (None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    pod = pod_spec(manifest)
    for what, value in (("the pod", pod), *containers(pod)):
        options = mapping(value, "securityContext", "seLinuxOptions")
        if options and options.get("type") not in _TYPES:
            yield f"{what} has the SELinux type {options['type']}"
        for key in ("user", "role"):
            if options.get(key):
                yield f"{what} has an SELinux {key}: {options[key]}"


RULE = Rule(
    id="pod-selinux",
    severity="error",
    why="SELinux keeps containers from the node's files; another type lifts that.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source=(
        "NSA/CISA 2022, Kubernetes Pod security, Hardening container environments; Pod Security Standards, baseline"
    ),
)

PASSING = (
    alone(deployment()),
    alone(deployment(security={"seLinuxOptions": {"level": "s0:c1,c2", "type": "container_t"}})),
)
FAILING = (
    alone(deployment(pod_security={"seLinuxOptions": {"type": "spc_t"}})),
    alone(deployment(security={"seLinuxOptions": {"type": "unconfined_t"}})),
    alone(deployment(security={"seLinuxOptions": {"user": "system_u"}})),
)
