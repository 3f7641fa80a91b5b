"""In a mesh pods speak mutual TLS."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import manifest, of_agent, of_pool
from policies.manifest_reading import at, mapping
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    mode = at(manifest, "spec", "mtls", "mode")
    if mode != "STRICT":
        yield f"mtls.mode is {mode or 'not given'}"
    for port, one in mapping(manifest, "spec", "portLevelMtls").items():
        # Prometheus may be outside of the mesh; it is told from others by the NetworkPolicy.
        scraped = subject.agent is not None and str(port) == str(subject.agent.metrics_port)
        if at(one, "mode") != "STRICT" and not (scraped and at(one, "mode") == "PERMISSIVE"):
            yield f"mtls.mode of port {port} is {at(one, 'mode') or 'not given'}"


RULE = Rule(
    id="mesh-mutual-tls",
    severity="error",
    why="Without it whoever is on the network reads along, and can claim to be any caller.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({"PeerAuthentication"}),
    judge=_judge,
    source="NSA/CISA 2022, Network separation and hardening, Encryption",
)

PASSING = (
    of_pool(manifest("security.istio.io/v1", "PeerAuthentication", spec={"mtls": {"mode": "STRICT"}})),
    of_agent(
        manifest(
            "security.istio.io/v1",
            "PeerAuthentication",
            spec={"mtls": {"mode": "STRICT"}, "portLevelMtls": {"8080": {"mode": "PERMISSIVE"}}},
        )
    ),
)
FAILING = (
    of_pool(manifest("security.istio.io/v1", "PeerAuthentication", spec={"mtls": {"mode": "PERMISSIVE"}})),
    of_agent(manifest("security.istio.io/v1", "PeerAuthentication", spec={})),
    of_agent(
        manifest(
            "security.istio.io/v1",
            "PeerAuthentication",
            spec={"mtls": {"mode": "STRICT"}, "portLevelMtls": {"8080": {"mode": "DISABLE"}}},
        )
    ),
    of_agent(
        manifest(
            "security.istio.io/v1",
            "PeerAuthentication",
            spec={"mtls": {"mode": "STRICT"}, "portLevelMtls": {"9999": {"mode": "PERMISSIVE"}}},
        )
    ),
)
