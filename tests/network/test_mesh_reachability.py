"""What Istio's policies let through by identity, as network-config-analyzer reads them, is what definitions say."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from reach_engines import Analyzer
from reach_fleets import MESH, drawn_fleet
from reach_intention import identified, intended, into_pools
from reach_world import Cell, Placed, World, without, world_of

from components.fleet import Fleet

SEEDS = range(100, 106)


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Fleet, World, list[Placed]]]:
    """Fleets whose environments all have the mesh."""
    fleets = [drawn_fleet(seed, ({"mesh": MESH},)) for seed in SEEDS]
    return [(one.fleet, *world_of(one.fleet, one.context)) for one in fleets]


Drawn = list[tuple[Fleet, World, list[Placed]]]


def differences(
    answers: list[frozenset[Cell]], expected: list[frozenset[Cell]], asked: list[frozenset[Cell]]
) -> list[str]:
    found = zip(answers, expected, asked, strict=True)
    return [str(cell) for answer, wanted, cells in found for cell in sorted((answer ^ wanted) & cells)]


def test_addresses_and_identities_together_let_through_what_definitions_say(drawn: Drawn, tmp_path: Path) -> None:
    engine = Analyzer("NetworkPolicy", "AuthorizationPolicy")
    answers = engine.open_cells([world for _, world, _ in drawn], tmp_path / "asked")
    wanted = [intended(*one) for one in drawn]
    assert differences(answers, wanted, [frozenset(world.cells) for _, world, _ in drawn]) == []


def test_identities_alone_hold_who_calls_an_agent(drawn: Drawn, tmp_path: Path) -> None:
    """A pod that took over an address, or a label, is still nobody: only a ServiceAccount's certificate counts."""
    answers = Analyzer("AuthorizationPolicy").open_cells([world for _, world, _ in drawn], tmp_path / "asked")
    asked = [frozenset(into_pools(world, placed)) for _, world, placed in drawn]
    wanted = [identified(*one) for one in drawn]
    assert differences(answers, wanted, asked) == []
    callers = {cell.source.split("/")[-1].split("-")[0] for cells in wanted for cell in cells}
    assert {"gateway", "scraper", "agent"} <= callers


def _anyone(policies: list[dict[str, Any]]) -> None:
    for one in policies:
        for rule in one["spec"].get("rules", []):
            rule.pop("from", None)


def _any_port(policies: list[dict[str, Any]]) -> None:
    for one in policies:
        for rule in one["spec"].get("rules", []):
            for to in rule["to"]:
                to["operation"] = {"methods": ["*"]}


def _no_policy_of_the_pool(policies: list[dict[str, Any]]) -> None:
    policies[:] = [one for one in policies if one["metadata"]["name"] != "default-deny"]


@pytest.mark.parametrize("breakage", [_anyone, _any_port, _no_policy_of_the_pool])
def test_each_hole_in_the_mesh_is_seen(drawn: Drawn, breakage: Any, tmp_path: Path) -> None:
    fleet, world, placed = next(one for one in drawn if len(one[2]) > 4)
    policies = deepcopy([one for one in world.policies if one["kind"] == "AuthorizationPolicy"])
    breakage(policies)
    answers = Analyzer("AuthorizationPolicy").open_cells([without(world, policies=policies)], tmp_path / "asked")
    wanted = identified(fleet, world, placed)
    assert differences(answers, [wanted], [frozenset(into_pools(world, placed))])
