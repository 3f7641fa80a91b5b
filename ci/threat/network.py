"""What an agent can reach, and who can reach it."""

from __future__ import annotations

from collections.abc import Iterator

from ci.threat.statement import REACHED, REACHES, Statement
from components.definition.addresses import Endpoint
from components.definition.catalog import Pool
from components.definition.load_catalog import Catalog
from components.definition.places import CONTEXTS
from components.definition.runtime import Runtime
from components.resolve.resolved import ResolvedAgent

OPEN = "nothing"
# Keys of statements whose change a plan tells with the agent or with its pool.
SUSPENDED = "suspended"
PEOPLE = "people"
_ELIZA_TOKEN = "ELIZA_SERVER_AUTH_TOKEN"


def reaches(agent: ResolvedAgent) -> Iterator[Statement]:
    """Hosts, endpoints, agents and DNS, and what holds the agent to them."""
    if agent.suspended:
        # What it could do besides stays said, so that no change of it goes unseen until somebody resumes it.
        yield Statement(REACHES, SUSPENDED, f"**nothing while it is suspended** by {agent.suspended}; otherwise:")
    yield _held_by(agent)
    for host in agent.hosts:
        text = f"`{host.host}` ({host.why})"
        lost = f"no longer reaches `{host.host}`"
        yield Statement(REACHES, f"host {host.host}", text, gained=f"can now reach {text}", lost=lost)
    for reached in agent.endpoints:
        where = _where(reached.endpoint)
        text = f"{where} ({reached.why})"
        lost = f"no longer reaches {where}"
        yield Statement(REACHES, f"endpoint {where}", text, gained=f"can now reach {text}", lost=lost)
    for namespace, name in agent.calls:
        text = f"the agent {namespace}/{name}" if name else f"every agent of {namespace}"
        yield Statement(REACHES, f"agent {text}", text, gained=f"can now call {text}", lost=f"no longer calls {text}")
    told = (
        "which answers its own hosts alone" if agent.network.egress.kind == "cilium" else "questions can carry data out"
    )
    yield Statement(REACHES, "dns", f"the cluster's DNS ({told})")


def _held_by(agent: ResolvedAgent) -> Statement:
    egress = agent.network.egress
    if not agent.hosts:
        text, value = "no public host", "no public host"
    elif egress.kind == "cilium":
        text, value = "over HTTPS only the hosts below: Cilium holds it to their names", "its hosts alone, by Cilium"
    elif egress.kind == "proxy":
        text = f"the internet only by the proxy {egress.host}: the hosts below, and those of its pool's other agents"
        value = "its pool's hosts alone, by the proxy"
    else:
        text = (
            "**every public address over HTTPS**: NetworkPolicies know no names, so the hosts below are what reviewers "
            "approve, not what the cluster enforces"
        )
        value = "every public address over HTTPS"
    return Statement(REACHES, "egress", text, value, changed="what the cluster lets it reach outside: {}")


def _where(endpoint: Endpoint) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in sorted((endpoint.labels or {}).items()))
    of = f"`{endpoint.cidr}`" if endpoint.cidr else f"pods of {endpoint.namespace} ({labels})"
    return f"{of} port {endpoint.port}"


def reached(agent: ResolvedAgent, catalog: Catalog) -> Iterator[Statement]:
    """What the API asks callers for, encryption on the way; the gateway and a public host, agents, scraper, people."""
    way_in = [*_callers(agent)] if agent.serves else []
    # First, so that many callers do not push it off the page.
    if way_in:
        yield _asks(agent, catalog.entries["runtimes"][agent.runtime])
        mesh = agent.network.mesh
        text = (
            "mutual TLS by Istio, which knows callers by their ServiceAccounts"
            if mesh
            else "no encryption inside the cluster"
        )
        value = "mutual TLS" if mesh else "plain"
        yield Statement(REACHED, "encryption", f"on the way: {text}", value, changed="traffic in the cluster: {}")
    else:
        yield Statement(REACHED, "nobody", "nobody calls it")
    yield from way_in
    if agent.metrics_path:
        text = f"Prometheus (pods of {agent.settings.scraper.namespace}), for its metrics"
        yield Statement(REACHED, "scraper", text)
    people = _people(catalog.pools[agent.pool], catalog)
    if people:
        # A change of it is the pool's own, which the plan tells once and not with each agent.
        yield Statement(REACHED, PEOPLE, f"people with a kubeconfig: {people}")


def _people(pool: Pool, catalog: Catalog) -> str:
    """Which teams may look at its objects and logs, and which may restart its pods too."""
    given = pool.access if pool.access is not None else {pool.owner: "view"}
    teams = [(name, level) for name, level in sorted(given.items()) if catalog.entries["teams"][name].groups]
    words = {"view": "looks at its objects and logs", "operate": "looks at its objects and logs and restarts its pods"}
    return "; ".join(f"{name} {words[level]}" for name, level in teams)


def _callers(agent: ResolvedAgent) -> Iterator[Statement]:
    exposure = agent.exposure
    if exposure.host:
        address = f"`https://{exposure.host}{exposure.path}`"
        gained, lost = f"is reached from outside at {address}", f"is no longer reached at {address}"
        yield Statement(REACHED, f"host {address}", f"whoever reaches {address}", gained=gained, lost=lost)
    elif exposure.gateway:
        text = "the gateway's pods, which have no route to it"
        gained, lost = "is reached by the gateway's pods", "is no longer reached by the gateway's pods"
        yield Statement(REACHED, "gateway", text, gained=gained, lost=lost)
    for namespace, name in exposure.agents:
        who = f"the agent {namespace}/{name}" if name else f"every agent of {namespace}"
        gained, lost = f"is reached from {who}", f"is no longer reached from {who}"
        yield Statement(REACHED, who, who, gained=gained, lost=lost)


def _asks(agent: ResolvedAgent, runtime: Runtime) -> Statement:
    value = authentication(agent, runtime)
    text = f"its API asks callers for {value}"
    if value == OPEN:
        text = "**its API is open**: whoever the network lets in may use it"
    gained = "its API is open: whoever the network lets in may use it" if value == OPEN else ""
    return Statement(REACHED, "authentication", text, value, gained, changed="its API asks callers for: {}")


def authentication(agent: ResolvedAgent, runtime: Runtime) -> str:
    """What the agent's API asks of its callers, in words; OPEN when it asks for nothing."""
    if not rosters_image(agent):
        return "what its image decides; Roster does not know it"
    if runtime.service:
        auth = agent.service.get("auth") or {}
        if auth.get("required") is False:
            return OPEN
        keys = (auth.get("api_keys") or "API_KEYS") in {secret.env for secret in agent.secrets}
        ways = (["an API key"] if keys else []) + (["a JWT"] if auth.get("jwt") else [])
        return " or ".join(ways) or "what nobody has: it holds no keys and knows no issuer"
    if runtime.eliza:
        held = any(one.env == _ELIZA_TOKEN for one in agent.secrets)
        # components/images/eliza/start.mjs: elizaOS alone would be open.
        return "a token" if held else "a token that nobody has: it is drawn anew at each start"
    return f"what its image decides; Roster does not know the runtime {agent.runtime}"


def rosters_image(agent: ResolvedAgent) -> bool:
    """Whether it runs an image that is built from components/images, and not a ready one or its own."""
    return agent.image.source is not None and agent.image.source.folder.startswith(f"{CONTEXTS}/")
