"""An HTTPRoute leads from the catalog's gateway to the agent's own Service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.example import manifest, of_agent, of_pool
from policies.manifest_reading import mappings, sequence
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    agent = subject.agent
    if agent is None:
        yield "only agents have routes"
        return
    gateway = agent.settings.gateway
    for parent in mappings(manifest, "spec", "parentRefs"):
        if (parent.get("name"), parent.get("namespace")) != (gateway.name, gateway.namespace):
            yield f"it attaches to {parent.get('namespace')}/{parent.get('name')}, which is not the catalog's gateway"
    for host in sequence(manifest, "spec", "hostnames") or ("every host",):
        if host != agent.exposure.host:
            yield f"it answers for {host}, which the definition does not name"
    for rule in mappings(manifest, "spec", "rules"):
        for backend in mappings(rule, "backendRefs"):
            if backend.get("name") != agent.name or backend.get("namespace") not in (None, agent.namespace):
                yield f"it leads to {backend.get('namespace') or agent.namespace}/{backend.get('name')}"
        for part in (rule, *mappings(rule, "backendRefs")):
            for one in mappings(part, "filters"):
                if one.get("type") in ("RequestMirror", "ExtensionRef"):
                    yield f"it has a filter {one['type']}, which may send requests elsewhere"


RULE = Rule(
    id="route-own",
    severity="error",
    why="Another gateway knows other callers; another backend gets what was meant for the agent.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({"HTTPRoute"}),
    judge=_judge,
    field=("exposure",),
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)


def _route(**spec: Any) -> Manifest:
    full = {
        "parentRefs": [{"name": "public", "namespace": "gateway"}],
        "hostnames": ["plans.example.com"],
        "rules": [{"backendRefs": [{"name": "planner", "port": 80}]}],
        **spec,
    }
    return manifest("gateway.networking.k8s.io/v1", "HTTPRoute", spec=full)


PASSING = (of_agent(_route()),)
FAILING = (
    of_agent(_route(parentRefs=[{"name": "other", "namespace": "gateway"}])),
    of_agent(_route(hostnames=["*.example.com"])),
    of_agent(_route(hostnames=[])),
    of_agent(_route(rules=[{"backendRefs": [{"name": "helper", "port": 80}]}])),
    of_agent(_route(rules=[{"backendRefs": [{"name": "planner", "namespace": "support"}]}])),
    of_agent(_route(rules=[{"filters": [{"type": "RequestMirror"}]}])),
    of_pool(_route()),
)
