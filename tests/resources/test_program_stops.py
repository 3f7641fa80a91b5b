"""The Pulumi program beside a definition that cannot be applied: who must stop stops, and all others keep what runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from projects import AGENTS, Run, own_project, run_program
from small_fleet import MINIMAL

STACK = "dev.business.0"
BROKEN = AGENTS["business/plain.yaml"] + "scalling: {min: 1}\n"


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return own_project(tmp_path)


def run(top: Path, memory: dict[str, Any]) -> tuple[Any, Run]:
    """A run of the program after the engine was given `memory`: stack → URN → {type, outputs}."""
    file = top / "memory.json"
    file.write_text(json.dumps(memory), "utf-8")
    done, runs = run_program(top, STACK, options=("--last", str(file)))
    return done, runs[STACK]


def remembered(one: Run) -> dict[str, Any]:
    """What the engine remembers of a run that ended well."""
    kinds = {each["urn"]: each["type"] for each in one.resources}
    return {STACK: {urn: {"type": kinds[urn], "outputs": outputs} for urn, outputs in one.outputs.items()}}


def objects(one: Run) -> dict[tuple[str, str], dict[str, Any]]:
    """Kind and name → object, of what was registered."""
    return {(each["object"]["kind"], each["object"]["metadata"]["name"]): each["object"] for each in one.objects}


def write(top: Path, agent: str, text: str) -> None:
    (top / f"agents/business/{agent}.yaml").write_text(text, "utf-8")


def test_an_agent_stops_though_its_neighbours_definition_is_broken(top: Path) -> None:
    done, first = run(top, {})
    assert done.returncode == 0, done.stderr
    write(top, "plain", BROKEN)
    write(top, "keeper", AGENTS["business/keeper.yaml"].replace("answer questions", "answer in verse"))
    write(top, "fresh", MINIMAL)
    write(top, "exposed", AGENTS["business/exposed.yaml"] + "suspended: true\n")
    done, second = run(top, remembered(first))
    assert done.returncode == 0, done.stderr
    before, after = objects(first), objects(second)
    assert after["Deployment", "exposed"]["spec"]["replicas"] == 0
    assert not {"ingress", "egress"} & after["NetworkPolicy", "exposed"]["spec"].keys()
    others = {key: one for key, one in before.items() if key[1] != "exposed"}
    assert {key: one for key, one in after.items() if key[1] != "exposed"} == others
    assert "agents/business/plain.yaml:7:1" in done.stderr
    assert "keeper, plain" in done.stderr


def test_with_the_definition_mended_the_next_run_brings_what_waited(top: Path) -> None:
    _, first = run(top, {})
    write(top, "plain", BROKEN)
    write(top, "keeper", AGENTS["business/keeper.yaml"].replace("answer questions", "answer in verse"))
    write(top, "exposed", AGENTS["business/exposed.yaml"] + "suspended: true\n")
    _, second = run(top, remembered(first))
    write(top, "plain", AGENTS["business/plain.yaml"])
    done, third = run(top, remembered(second))
    assert done.returncode == 0, done.stderr
    after = objects(third)
    assert "in verse" in str(after["ConfigMap", "keeper"]["data"])
    assert after["Deployment", "plain"] == objects(first)["Deployment", "plain"]
    assert after["Deployment", "exposed"]["spec"]["replicas"] == 0


def test_nobody_stops_so_nothing_at_all_is_registered(top: Path) -> None:
    _, first = run(top, {})
    write(top, "plain", BROKEN)
    write(top, "keeper", AGENTS["business/keeper.yaml"].replace("answer questions", "answer in verse"))
    done, second = run(top, remembered(first))
    assert done.returncode == 32
    assert second.objects == []
    assert "agents/business/plain.yaml:7:1" in done.stderr
