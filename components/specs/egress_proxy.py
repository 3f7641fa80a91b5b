"""What an environment's HTTP proxy reads: the hosts of each agent, in a ConfigMap of the agent's own."""

from __future__ import annotations

from components.resolve.resolved import ResolvedAgent
from components.specs.names import PREFIX, Manifest, metadata

# What the proxy's collector selects.
HOSTS_LABEL = (f"{PREFIX}/egress", "hosts")


def egress_hosts(agent: ResolvedAgent) -> Manifest | None:
    """The hosts that the proxy lets the agent reach, one a line; None without a proxy, without hosts, or suspended.

    The key, `<namespace>.<agent>.<port of the pool>`, is a file's name when all are gathered in one folder. The
    object's name has a dot, which no agent's name has.
    """
    proxy = agent.proxy
    if proxy is None or agent.suspended:
        return None
    meta = metadata(agent)
    key, value = HOSTS_LABEL
    meta = {**meta, "name": f"{agent.name}.egress", "labels": {**meta["labels"], key: value}}
    file = f"{agent.namespace}.{agent.name}.{proxy.ports[agent.pool]}"
    text = "".join(f"{reached.host}\n" for reached in agent.hosts)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {file: text}}
