"""Services are inside of the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, manifest
from policies.manifest_reading import mapping, mappings
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    spec = mapping(manifest, "spec")
    if spec.get("type") not in (None, "ClusterIP"):
        yield f"it is of type {spec['type']}"
    for field in ("loadBalancerIP", "loadBalancerClass", "externalName"):
        if spec.get(field):
            yield f"it has a {field}"
    if any(port.get("nodePort") for port in mappings(spec, "ports")):
        yield "it takes a port of every node"


RULE = Rule(
    id="service-internal",
    severity="error",
    why="The way in is the gateway, which knows callers and their limits.",
    fix="Give exposure.host; the gateway does the rest.",
    kinds=frozenset({"Service"}),
    judge=_judge,
    field=("exposure",),
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

PASSING = (
    alone(
        manifest(
            "v1",
            "Service",
            spec={"selector": {"app.kubernetes.io/name": "planner"}, "ports": [{"port": 80}], "type": "ClusterIP"},
        )
    ),
)
FAILING = (
    alone(
        manifest(
            "v1",
            "Service",
            spec={"selector": {"app.kubernetes.io/name": "planner"}, "ports": [{"port": 80}], "type": "LoadBalancer"},
        )
    ),
    alone(
        manifest(
            "v1",
            "Service",
            spec={"selector": {"app.kubernetes.io/name": "planner"}, "ports": [{"port": 80}], "type": "NodePort"},
        )
    ),
    alone(
        manifest(
            "v1",
            "Service",
            spec={
                "selector": {"app.kubernetes.io/name": "planner"},
                "ports": [{"port": 80}],
                "type": "ExternalName",
                "externalName": "evil.example.com",
            },
        )
    ),
    alone(manifest("v1", "Service", spec={"ports": [{"port": 80, "nodePort": 30080}]})),
)
