"""What agents reach where Cilium holds them to names, as Cilium's own policy code judges all policies together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from reach_engines import Cilium
from reach_fleets import MESH, drawn_fleet
from reach_intention import hosts_by_agent, intended
from reach_world import Cell, Peer, World, contexts, without, world_of

from components.definition.tree import WorkTree
from components.fleet import Fleet

pytestmark = pytest.mark.skipif(
    shutil.which("go") is None, reason="`go` is not on PATH: Cilium's policy code cannot be built"
)
SEEDS = range(200, 204)
NETWORKS = ({"egress": {"kind": "cilium"}}, {"egress": {"kind": "cilium"}, "mesh": MESH}, {})
NOBODYS = "nobody.example.org"
Judged = tuple[World, frozenset[Cell]]


@pytest.fixture(scope="module")
def drawn() -> list[Judged]:
    """Drawn fleets with every host that anybody reaches, at a public address and, as an attacker's DNS says, inside."""
    found = []
    for seed in SEEDS:
        one = drawn_fleet(seed, NETWORKS)
        world, placed = world_of(one.fleet, one.context)
        hosts = sorted({NOBODYS}.union(*hosts_by_agent(one.fleet, placed).values()))
        peers = dict(world.peers)
        cells = list(world.cells)
        for index, host in enumerate(hosts):
            peers[f"host {host}"] = Peer(f"host {host}", f"203.0.113.{index + 1}", hosts=(host,))
            for inside in ("10.0.0.10", "169.254.169.254", "fd00:ec2::254"):
                name = f"{host} at {inside}"
                peers[name] = Peer(name, inside, hosts=(host,))
            for agent in placed:
                cells += [Cell(agent.peer.name, f"host {host}", "TCP", port) for port in (443, 80)]
                cells += [Cell(agent.peer.name, name, "TCP", 443) for name in peers if name.startswith(f"{host} at ")]
        whole = without(world, name=f"seed {seed}", peers=peers, cells=tuple(sorted(set(cells))))
        # Where there are NetworkPolicies alone, the last of them know addresses only: hosts have one each.
        wanted = intended(one.fleet, whole, placed, by_cilium=True)
        plain = {agent.peer.name for agent in placed if not _by_names(one.fleet, agent.environment)}
        found.append((_without_hosts(whole, plain), wanted))
    return found


def _by_names(fleet: Any, environment: str) -> bool:
    return bool(fleet.catalog.environments[environment].network.egress.kind == "cilium")


def _without_hosts(world: World, sources: set[str]) -> World:
    named = {name for name, peer in world.peers.items() if peer.hosts}
    cells = tuple(cell for cell in world.cells if not (cell.source in sources and cell.target in named))
    return without(world, cells=cells)


def test_agents_reach_the_hosts_that_their_definitions_name_and_nothing_else(
    drawn: list[Judged], tmp_path: Path
) -> None:
    answers = Cilium().open_cells([world for world, _ in drawn], tmp_path)
    deviations = [
        f"{world.name}: {cell}"
        for (world, wanted), answer in zip(drawn, answers, strict=True)
        for cell in sorted(answer ^ wanted)
    ]
    assert deviations == []
    reached = {cell.target for answer in answers for cell in answer}
    assert {"host api.anthropic.com", "host api.openai.com", "host a.example.com", "DNS"} <= reached
    assert f"host {NOBODYS}" not in reached


def test_the_repositorys_agents_reach_and_are_reached_as_their_definitions_say(tmp_path: Path) -> None:
    fleet = Fleet.open(WorkTree(Path(__file__).parents[2]))
    drawn = [world_of(fleet, context) for context in contexts(fleet)]
    answers = Cilium().open_cells([world for world, _ in drawn], tmp_path)
    wanted = [intended(fleet, *one, by_cilium=True) for one in drawn]
    found = zip(answers, wanted, strict=True)
    assert [str(cell) for answer, should in found for cell in sorted(answer ^ should)] == []


def _no_denial(spec: dict[str, Any]) -> None:
    spec.pop("egressDeny", None)


def _every_host(spec: dict[str, Any]) -> None:
    for rule in spec["egress"]:
        if "toFQDNs" in rule:
            del rule["toFQDNs"]
            rule["toEntities"] = ["world"]


def _every_port(spec: dict[str, Any]) -> None:
    for rule in spec["egress"]:
        if "toFQDNs" in rule:
            del rule["toPorts"]


@pytest.mark.parametrize(
    ("breakage", "seen"),
    [(_no_denial, "at 169.254.169.254 TCP 443"), (_every_host, NOBODYS), (_every_port, "example.com TCP 80")],
)
def test_each_hole_in_ciliums_policies_is_seen(
    drawn: list[Judged], breakage: Callable[[dict[str, Any]], None], seen: str, tmp_path: Path
) -> None:
    broken = []
    for world, wanted in drawn[:3]:
        policies = deepcopy(world.policies)
        for one in policies:
            if one["kind"] == "CiliumNetworkPolicy":
                breakage(one["spec"])
        broken.append((without(world, policies=policies), wanted))
    answers = Cilium().open_cells([world for world, _ in broken], tmp_path)
    found = [str(cell) for (_, wanted), answer in zip(broken, answers, strict=True) for cell in answer - wanted]
    assert [one for one in found if seen in one]
