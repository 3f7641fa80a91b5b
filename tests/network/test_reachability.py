"""Who reaches whom, by the rendered policies as engines that are not Roster's read them, is who should.

`ROSTER_FLEETS=200 pytest tests/network/test_reachability.py` draws so many fleets instead of 21.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from reach_engines import Analyzer, Cyclonus
from reach_fleets import MESH, PROXY, drawn_fleet
from reach_intention import intended
from reach_world import Cell, World, contexts, of_kind, without, world_of
from small_fleet import MINIMAL, fleet

from components.definition.tree import WorkTree
from components.fleet import Fleet

ROOT = Path(__file__).parents[2]
FLEETS = int(os.environ.get("ROSTER_FLEETS", "21"))
NETWORKS: dict[str, tuple[dict[str, Any], ...]] = {
    "by addresses": ({}, {"mesh": MESH}),
    "by names": (
        {"egress": {"kind": "cilium"}},
        {"egress": PROXY},
        {"egress": PROXY, "mesh": MESH},
        {"egress": {"kind": "cilium"}, "mesh": MESH},
    ),
}
Judged = tuple[World, frozenset[Cell]]

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="`go` is not on PATH: cyclonus cannot be built")
engines = pytest.mark.parametrize(
    "engine", [pytest.param(Cyclonus(), marks=needs_go, id="cyclonus"), pytest.param(Analyzer(), id="analyzer")]
)


def judged(of: Fleet, context: str, name: str) -> Judged:
    """A cluster of a fleet and the cells that should be open."""
    world, placed = world_of(of, context)
    return without(world, name=f"{name}, cluster {context}"), intended(of, world, placed)


def drawn(kind: str, count: int) -> list[Judged]:
    """So many drawn fleets."""
    found = []
    for seed in range(count):
        one = drawn_fleet(seed, NETWORKS[kind])
        found.append(judged(one.fleet, one.context, f"seed {seed} {kind}"))
    return found


def deviations(engine: Any, worlds: list[Judged], folder: Path) -> list[str]:
    """Every cell that is not as intended, one line each."""
    answers = engine.open_cells([world for world, _ in worlds], folder / "asked")
    return [
        f"{world.name}: {cell} is {'open' if cell in answer else 'closed'} and should not be, says {engine.name}"
        for (world, wanted), answer in zip(worlds, answers, strict=True)
        for cell in sorted(answer ^ wanted)
    ]


@engines
def test_the_repositorys_agents_reach_and_are_reached_as_their_definitions_say(engine: Any, tmp_path: Path) -> None:
    own = Fleet.open(WorkTree(ROOT))
    worlds = [judged(own, context, "the repository's fleet") for context in contexts(own)]
    assert deviations(engine, worlds, tmp_path) == []


@engines
@pytest.mark.parametrize("kind", NETWORKS)
def test_agents_of_drawn_fleets_reach_and_are_reached_as_their_definitions_say(
    engine: Any, kind: str, tmp_path: Path
) -> None:
    assert deviations(engine, drawn(kind, FLEETS if kind == "by addresses" else FLEETS // 2), tmp_path) == []


def test_drawn_fleets_have_every_sort_of_reaching_and_of_silence() -> None:
    """Otherwise the tests above would agree about nothing."""
    seen: Counter[str] = Counter()
    for world, wanted in [*drawn("by addresses", FLEETS), *drawn("by names", FLEETS // 2)]:
        agents = {name for name, peer in world.peers.items() if peer.labels.get("roster/pool")}
        for cell in wanted:
            seen[f"{_sort(cell.source, agents)} → {_sort(cell.target, agents)}"] += 1
        seen["agents that reach nothing"] += len(agents - {cell.source for cell in wanted})
        seen["agents that nobody reaches"] += len(agents - {cell.target for cell in wanted})
    others = ("provider", "arbitrary", "DNS", "databases", "queues", "istiod", "proxy")
    expected = {f"agent → {one}" for one in ("agent", *others)}
    expected |= {"gateway → agent", "scraper → agent", "agents that reach nothing", "agents that nobody reaches"}
    assert [one for one in sorted(expected) if seen[one] < 3] == []
    assert set(seen) - {"agents that reach nothing", "agents that nobody reaches"} <= expected


def _sort(name: str, agents: set[str]) -> str:
    return "agent" if name in agents else name.split()[0]


def _no_default_deny(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in policies if one["metadata"]["name"] != "default-deny"]


def _own_policies(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in policies if one["kind"] == "NetworkPolicy" and one["spec"]["podSelector"]]


def _every_port(policies: list[dict[str, Any]]) -> None:
    for one in _own_policies(policies):
        for rule in one["spec"].get("ingress", []):
            del rule["ports"]


def _every_namespace(policies: list[dict[str, Any]]) -> None:
    for one in _own_policies(policies):
        for rule in one["spec"].get("ingress", []):
            for peer in rule["from"]:
                peer["namespaceSelector"] = {}


def _metadata_open(policies: list[dict[str, Any]]) -> None:
    for block in _blocks(policies):
        block["except"] = [one for one in block["except"] if one != "169.254.0.0/16"]


def _all_ipv6(policies: list[dict[str, Any]]) -> None:
    for block in _blocks(policies):
        if ":" in block["cidr"]:
            block |= {"cidr": "::/0", "except": ["fe80::/10"]}


def _plain_http(policies: list[dict[str, Any]]) -> None:
    for one in _own_policies(policies):
        for rule in one["spec"].get("egress", []):
            if any("ipBlock" in peer and "except" in peer["ipBlock"] for peer in rule["to"]):
                rule["ports"].append({"protocol": "TCP", "port": 80})


def _any_dns(policies: list[dict[str, Any]]) -> None:
    for one in _own_policies(policies):
        for rule in one["spec"].get("egress", []):
            if any(port["port"] == 53 for port in rule.get("ports", [])):
                del rule["to"]


def _ingress_only(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for one in policies:
        if one["kind"] == "NetworkPolicy":
            one["spec"]["policyTypes"] = ["Ingress"]
            one["spec"].pop("egress", None)
    return policies


def _blocks(policies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    peers = [peer for one in _own_policies(policies) for rule in one["spec"].get("egress", []) for peer in rule["to"]]
    return [peer["ipBlock"] for peer in peers if "except" in peer.get("ipBlock", {})]


BREAKAGES: dict[str, tuple[Callable[[list[dict[str, Any]]], Any], str]] = {
    "no default deny": (_no_default_deny, "no agent in"),
    "every port of an agent": (_every_port, "TCP 22"),
    "every namespace": (_every_namespace, "twin elsewhere"),
    "the metadata address": (_metadata_open, "metadata address"),
    "all of IPv6": (_all_ipv6, "metadata address over IPv6"),
    "plain HTTP": (_plain_http, "arbitrary host TCP 80"),
    "name servers anywhere": (_any_dns, "arbitrary host UDP 53"),
    "no policy for egress": (_ingress_only, "node TCP 10250"),
}


NEIGHBOURS = {
    "business/asked.yaml": f"{MINIMAL}exposure: {{callers: [gateway, community/asker]}}\n",
    "community/asker.yaml": f"{MINIMAL}calls: [business/asked]\nexposure: {{callers: []}}\n",
}


@engines
def test_each_hole_that_somebody_could_make_is_seen(engine: Any, tmp_path: Path) -> None:
    world, wanted = judged(fleet(NEIGHBOURS), "prod-eu", "neighbours")
    broken = []
    for name, (breakage, _) in BREAKAGES.items():
        policies = deepcopy(of_kind(world, "NetworkPolicy"))
        broken.append((without(world, name=name, policies=breakage(policies) or policies), wanted))
    found = deviations(engine, broken, tmp_path)
    for name, (_, seen) in BREAKAGES.items():
        assert [one for one in found if one.startswith(f"{name}: ") and seen in one and "is open" in one], name
