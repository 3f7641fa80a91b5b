"""What the proxy lets an agent reach is what its definition names."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.network import Network
from policies.example import manifest, of_agent
from policies.manifest_reading import at, mapping
from policies.rule import Manifest, Rule, Subject

_LABEL = "roster/egress"


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    if at(manifest, "metadata", "labels", _LABEL) is None:
        return
    agent = subject.agent
    proxy = agent.proxy if agent else None
    hosts = {one.host for one in agent.hosts} if agent and proxy and not agent.suspended else set()
    # The proxy's collector tells whose hosts they are by the key alone.
    own = f"{agent.namespace}.{agent.name}.{proxy.ports.get(agent.pool)}" if agent and proxy else ""
    for key, lines in mapping(manifest, "data").items():
        if key != own:
            yield f"it gives hosts to {key}, which is not the agent"
        for host in sorted(set(str(lines).split()) - hosts):
            yield f"it opens {host}, which the definition does not name"


RULE = Rule(
    id="egress-proxy-hosts-known",
    severity="error",
    why="A way out that no definition explains is one that no reviewer saw.",
    fix="Name each host in `hosts`.",
    kinds=frozenset({"ConfigMap"}),
    judge=_judge,
    field=("hosts",),
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

_PROXY = Network.model_validate(
    {"egress": {"kind": "proxy", "host": "proxy.egress", "ports": {"business": 3128}, "cidr": "10.30.0.8/32"}}
)


def _hosts(*names: str, key: str = "business.planner.3128") -> Manifest:
    made = manifest("v1", "ConfigMap", "planner.egress", data={key: "".join(f"{name}\n" for name in names)})
    made["metadata"]["labels"][_LABEL] = "hosts"
    return made


PASSING = (
    of_agent(_hosts("api.anthropic.com"), network=_PROXY),
    of_agent(manifest("v1", "ConfigMap", data={"a.txt": "evil.example.net"})),
)
FAILING = (
    of_agent(_hosts("api.anthropic.com", "evil.example.net"), network=_PROXY),
    of_agent(_hosts("api.anthropic.com", key="business.other.3128"), network=_PROXY),
    of_agent(_hosts("api.anthropic.com"), network=_PROXY, suspended="the agent"),
    of_agent(_hosts("api.anthropic.com")),
)
