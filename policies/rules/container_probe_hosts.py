"""Probes and hooks ask the pod itself."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import at, mapping
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HOOKS = ("postStart", "preStop")
_ASKS = ("httpGet", "tcpSocket")


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for what, container in containers(pod_spec(manifest)):
        asked = [(one, container.get(one)) for one in _PROBES]
        asked += [(one, mapping(container, "lifecycle").get(one)) for one in _HOOKS]
        for name, action in asked:
            for way in _ASKS:
                host = at(action, way, "host")
                if host:
                    yield f"the {name} of {what} asks the host {host}"


RULE = Rule(
    id="container-probe-hosts",
    severity="error",
    why="The node's kubelet asks; with another host it can be made to call what the agent may not.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="Pod Security Standards, baseline (Kubernetes 1.34)",
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment(container={"livenessProbe": {"httpGet": {"host": "169.254.169.254", "path": "/", "port": 80}}})),
    alone(deployment(container={"lifecycle": {"preStop": {"httpGet": {"host": "10.0.0.1", "port": 80}}}})),
    alone(deployment(container={"startupProbe": {"tcpSocket": {"host": "10.0.0.1", "port": 80}}})),
)
