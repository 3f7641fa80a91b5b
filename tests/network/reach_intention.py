"""What may reach what, worked out from the YAML of definitions and catalog alone, by other code than the product's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import yaml
from reach_world import Cell, Placed, World

from components.fleet import Fleet

Raw = dict[str, Any]
PUBLIC = frozenset({"provider", "provider over IPv6", "arbitrary host"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one agent's YAML asks for in one environment, in names of peers."""

    stopped: bool
    outside: bool
    names: bool
    hosts: frozenset[str]
    services: frozenset[tuple[str, int]]
    calls: frozenset[str]
    served: int
    measured: int
    callers: frozenset[str]


def intended(fleet: Fleet, world: World, placed: list[Placed], *, by_cilium: bool = False) -> frozenset[Cell]:
    """The cells of the world that should be open: by NetworkPolicies alone, or with those of Cilium."""
    wanted = _all_wanted(fleet, placed, by_cilium)
    return frozenset(cell for cell in world.cells if _open(cell, wanted))


def identified(fleet: Fleet, world: World, placed: list[Placed]) -> frozenset[Cell]:
    """The cells to pods in pools that a mesh should leave open by itself, as if there were no network policy."""
    wanted = _all_wanted(fleet, placed)
    return frozenset(
        cell for cell in into_pools(world, placed) if cell.target in wanted and _known(cell, wanted[cell.target], world)
    )


def into_pools(world: World, placed: list[Placed]) -> list[Cell]:
    """The questions that a mesh answers: who calls pods in pools' namespaces."""
    spaces = {one.peer.namespace for one in placed}
    return [cell for cell in world.cells if world.peers[cell.target].namespace in spaces]


def _known(cell: Cell, agent: Wanted, world: World) -> bool:
    source = world.peers[cell.source]
    if agent.stopped:
        return False
    if cell.port == agent.measured and (cell.source == "scraper" or agent.measured != agent.served):
        return True
    by_account = f"{source.namespace}/{source.account}" in agent.callers or source.namespace in agent.callers - {
        "gateway"
    }
    return cell.port == agent.served and (cell.source in agent.callers or by_account)


def hosts_by_agent(fleet: Fleet, placed: list[Placed]) -> dict[str, frozenset[str]]:
    """The hosts that each agent may reach by name where the environment has Cilium, by the name of its peer."""
    return {name: one.hosts for name, one in _all_wanted(fleet, placed, by_cilium=True).items()}


def _all_wanted(fleet: Fleet, placed: list[Placed], by_cilium: bool = False) -> dict[str, Wanted]:
    files = {path: yaml.safe_load(fleet.tree.read(path)) for path in fleet.listing.files if path.endswith(".yaml")}
    catalog = {
        PurePosixPath(path).stem: text
        for path, text in files.items()
        if path.startswith("agents/catalog/") and path.count("/") == 2
    }
    return {
        one.peer.name: _wanted(catalog, files[f"agents/{one.pool}/{one.name}.yaml"], one, by_cilium) for one in placed
    }


def _open(cell: Cell, wanted: dict[str, Wanted]) -> bool:
    source, target = wanted.get(cell.source), wanted.get(cell.target)
    # What is in a pool's namespace and is no agent is walled in on both sides.
    if cell.source.startswith("no agent in") or cell.target.startswith("no agent in"):
        return False
    if source and not _lets_out(source, cell):
        return False
    return not target or _lets_in(target, cell)


def _lets_out(agent: Wanted, cell: Cell) -> bool:
    if cell.target == "DNS":
        return cell.port == 53 and agent.names
    if cell.target in PUBLIC:
        return agent.outside and (cell.protocol, cell.port) == ("TCP", 443)
    if cell.target.startswith("host "):
        return cell.target.removeprefix("host ") in agent.hosts and (cell.protocol, cell.port) == ("TCP", 443)
    if cell.protocol != "TCP" or (agent.stopped and not cell.target.startswith("istiod")):
        return False
    if any(cell.target == one or cell.target.startswith(f"{one}/") for one in agent.calls):
        return True
    return (cell.target, cell.port) in agent.services


def _lets_in(agent: Wanted, cell: Cell) -> bool:
    if agent.stopped:
        return False
    if cell.source == "scraper":
        return cell.port == agent.measured
    known = any(cell.source == one or cell.source.startswith(f"{one}/") for one in agent.callers)
    return known and cell.port == agent.served


def _wanted(catalog: Raw, definition: Raw, agent: Placed, by_cilium: bool) -> Wanted:
    runtime = catalog["runtimes"][definition["runtime"]]
    environment, pool = catalog["environments"][agent.environment], catalog["pools"][agent.pool]
    said = _merged(catalog, definition, agent)
    suffix = environment.get("namespace_suffix", "")
    namespaces = {name: entry.get("namespace", name) + suffix for name, entry in catalog["pools"].items()}

    def peers(references: list[str]) -> frozenset[str]:
        split = [one.partition("/") for one in references if one != "gateway"]
        return frozenset(namespaces[pool] + (f"/{name}" if name != "*" else "") for pool, _, name in split)

    provider = _provider(catalog, said) if runtime.get("needs_model", True) else {}
    channels = [catalog["channels"][name] for name in said.get("channels") or {}]
    offers = [runtime, provider, *channels, *(catalog["plugins"][name] for name in said.get("plugins") or [])]
    stopped = any(one.get("suspended") for one in (said, pool, environment, provider, *channels))
    hosts = {host for one in (said, *offers) for host in one.get("hosts") or []}
    hosts |= {*_key_hosts(said), *(said.get("identity") or {})}
    network = environment.get("network") or {}
    kind = (network.get("egress") or {"kind": "minimum"})["kind"]
    callers = (said.get("exposure") or {}).get("callers", ["gateway"])
    serves = runtime.get("serves", True)
    port = said.get("port", runtime.get("port"))
    metrics = {
        **({"path": runtime["metrics_path"]} if "metrics_path" in runtime else {}),
        **(said.get("metrics") or {}),
    }
    return Wanted(
        stopped=stopped,
        outside=bool(hosts) and kind == "minimum" and not stopped,
        # Cilium's own policy opens DNS, for the names that the agent may ask for.
        names=(kind != "cilium" or by_cilium) and not stopped,
        hosts=frozenset(hosts) if by_cilium and kind == "cilium" and not stopped else frozenset(),
        services=frozenset(_services(catalog, said, network, agent, bool(hosts))),
        calls=peers(said.get("calls") or []),
        served=port if serves else -1,
        measured=metrics.get("port", port) if "path" in metrics else -1,
        callers=peers(callers) | ({"gateway"} if "gateway" in callers else set()),
    )


def _services(catalog: Raw, said: Raw, network: Raw, agent: Placed, hosts: bool) -> Iterator[tuple[str, int]]:
    for name in (said.get("storage") or {}).get("databases") or []:
        yield from _same_place(catalog, catalog["databases"][name]["endpoint"])
    queue = (said.get("scaling") or {}).get("queue")
    if queue:
        yield from _same_place(catalog, catalog["queues"][queue["source"]]["endpoint"])
    if network.get("mesh"):
        for name, other in catalog["environments"].items():
            mesh = (other.get("network") or {}).get("mesh") or {}
            if mesh.get("control_plane") == network["mesh"]["control_plane"]:
                yield f"istiod of {name}", 15012
    egress = network.get("egress") or {}
    if egress.get("kind") == "proxy" and hosts:
        for name, other in catalog["environments"].items():
            if ((other.get("network") or {}).get("egress") or {}).get("pods") == egress["pods"]:
                yield f"proxy of {name}", egress["ports"][agent.pool]


def _same_place(catalog: Raw, endpoint: Raw) -> Iterator[tuple[str, int]]:
    """Databases and queues of one address are one peer under several names."""
    for kind in ("databases", "queues"):
        for name, entry in (catalog.get(kind) or {}).items():
            if {**entry["endpoint"], "port": 0} == {**endpoint, "port": 0}:
                yield f"{kind} {name}", endpoint["port"]


def _merged(catalog: Raw, definition: Raw, agent: Placed) -> Raw:
    """The settings of all layers; what reaching depends on is merged mapping by mapping."""
    layers = [
        catalog["runtimes"][definition["runtime"]].get("defaults") or {},
        catalog["pools"][agent.pool].get("defaults") or {},
        catalog["environments"][agent.environment].get("defaults") or {},
        definition,
        (definition.get("overrides") or {}).get(agent.environment) or {},
    ]
    tier = next((one["tier"] for one in reversed(layers) if "tier" in one), "small")
    layers.insert(1, catalog["tiers"][tier]["defaults"])
    said: Raw = {}
    for layer in layers:
        said = _over(said, layer)
    return said


def _over(low: Raw, high: Raw) -> Raw:
    both = {key: _over(low[key], high[key]) for key in low.keys() & high.keys() if isinstance(low[key], dict)}
    return {**low, **high, **both}


def _provider(catalog: Raw, said: Raw) -> Raw:
    model = said["model"]
    named = [model["provider"]] if "provider" in model else list(catalog["providers"])
    found: Raw = next(
        catalog["providers"][one] for one in named if model["name"] in catalog["providers"][one]["models"]
    )
    return found


def _key_hosts(said: Raw) -> Iterator[str]:
    jwt = ((said.get("service") or {}).get("auth") or {}).get("jwt")
    if jwt:
        yield urlsplit(jwt["jwks_url"]).hostname or ""
