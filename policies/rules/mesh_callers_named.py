"""In a mesh callers are let in by identity, those that the definition names, and at the agent's port."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.network import Network
from components.resolve.resolved import Exposure, ResolvedAgent
from policies.example import manifest, of_agent, of_pool
from policies.manifest_reading import at, mapping, mappings, sequence, words
from policies.rule import Manifest, Rule, Subject

_ANYBODY = ("*", "*/*", "")
_DOMAIN = "cluster.local"


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    action = at(manifest, "spec", "action")
    if action not in (None, "ALLOW"):
        # One that denies, and names nobody, denies nothing; any other leaves the decision to somebody else.
        yield f"its action is {action}"
    agent = subject.agent
    known = _known(agent) if agent else None
    for rule in mappings(manifest, "spec", "rules"):
        sources = [mapping(one, "source") for one in mappings(rule, "from")]
        if not sources and not _of_scraper(rule, agent):
            yield "a rule names no caller"
        if sources and agent and set(_ports(rule)) != {str(agent.port)}:
            yield "a rule lets callers in at other ports than the agent's"
        for source in sources:
            named = [*words(source, "principals"), *words(source, "namespaces")]
            if not named or any(one in _ANYBODY or one.startswith("*") for one in named):
                yield f"a rule lets in {', '.join(named) or 'callers without an identity'}"
            elif known is not None and (strangers := sorted(set(named) - known)):
                yield f"a rule lets in {', '.join(strangers)}, which the definition does not name"


def _known(agent: ResolvedAgent) -> set[str]:
    """Principals and namespaces of the gateway and of the agent's callers."""
    mesh = agent.network.mesh
    accounts = [mesh.gateway_account.partition("/")[::2]] if mesh and agent.exposure.gateway else []
    accounts += [caller for caller in agent.exposure.agents if caller[1]]
    pools = {space for space, name in agent.exposure.agents if not name}
    return {f"{_DOMAIN}/ns/{space}/sa/{name}" for space, name in accounts} | pools


def _ports(rule: Manifest) -> list[str]:
    """The ports of a rule's operations; `all` for one that names none."""
    found = [str(port) for one in mappings(rule, "to") for port in sequence(one, "operation", "ports") or ("all",)]
    return found or ["all"]


def _of_scraper(rule: Manifest, agent: ResolvedAgent | None) -> bool:
    """Prometheus may be outside of the mesh; it is told from others by the NetworkPolicy, at the port of metrics."""
    if agent is None or set(_ports(rule)) != {str(agent.metrics_port)}:
        return False
    if not agent.serves or agent.metrics_port != agent.port:
        return True
    # The agent answers its callers there too.
    return all(
        words(one, "operation", "paths") == [agent.metrics_path] and words(one, "operation", "methods") == ["GET"]
        for one in mappings(rule, "to")
    )


RULE = Rule(
    id="mesh-callers-named",
    severity="error",
    why="A rule that names no caller lets in everybody who has an address.",
    fix="Name callers in exposure.callers.",
    kinds=frozenset({"AuthorizationPolicy"}),
    judge=_judge,
    field=("exposure",),
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

_MESH = Network.model_validate(
    {
        "mesh": {
            "kind": "istio",
            "gateway_account": "gateway/public-istio",
            "control_plane": {"namespace": "istio-system", "labels": {"app": "istiod"}},
        }
    }
)
_AT = [{"operation": {"ports": ["8080"]}}]
_GATEWAY = {"principals": ["cluster.local/ns/gateway/sa/public-istio"]}
_METRICS = {"ports": ["8080"], "paths": ["/metrics"], "methods": ["GET"]}


def _policy(*rules: Manifest, action: str = "ALLOW") -> Manifest:
    return manifest("security.istio.io/v1", "AuthorizationPolicy", spec={"action": action, "rules": list(rules)})


def _from(source: object, to: object = _AT) -> Manifest:
    return _policy({"from": [{"source": source}], "to": to})


PASSING = (
    of_agent(_from(_GATEWAY), network=_MESH),
    of_agent(_from({"namespaces": ["support"]}), network=_MESH, exposure=Exposure("", "", False, (("support", ""),))),
    of_pool(_policy()),
    of_agent(_policy({"to": [{"operation": _METRICS}]})),
    of_agent(_policy({"to": [{"operation": {"ports": ["9090"]}}]}), metrics_port=9090),
)
FAILING = (
    of_agent(_policy({})),
    of_agent(_policy(action="DENY")),
    of_agent(_policy(action="CUSTOM")),
    of_agent(_policy({"to": [{"operation": {"ports": ["9999"]}}]})),
    of_agent(_policy({"to": [{"operation": {"methods": ["GET"]}}]})),
    of_agent(_policy({"to": [{"operation": {"ports": ["8080"]}}]})),
    of_agent(_policy({"to": [{"operation": {**_METRICS, "paths": ["/*"]}}]})),
    of_agent(_from({"principals": ["*"]})),
    of_agent(_from({"ipBlocks": ["0.0.0.0/0"]})),
    of_agent(_from(_GATEWAY, None), network=_MESH),
    of_agent(_from({"principals": ["cluster.local/ns/evil/sa/x"]}), network=_MESH),
    of_agent(_from(_GATEWAY), network=_MESH, exposure=Exposure("", "", False, ())),
)
