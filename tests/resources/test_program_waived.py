"""What the program does with an agent that relies on a waiver that has ended: a change of it waits, others go on."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from projects import Run, own_project, run_program

STACK = "dev.business.0"
SOUND = '"readOnlyRootFilesystem": True'


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return own_project(tmp_path)


def _run(top: Path, memory: dict[str, Any]) -> tuple[Any, Run]:
    file = top / "memory.json"
    file.write_text(json.dumps(memory), "utf-8")
    done, runs = run_program(top, STACK, options=("--last", str(file)))
    assert done.returncode == 0, done.stderr
    return done, runs[STACK]


def _waiver(top: Path, days: int) -> None:
    ends = (datetime.now(UTC) + timedelta(days=days)).date()
    folder = top / "agents/catalog/waivers"
    folder.mkdir(exist_ok=True)
    text = (
        'rule: container-read-only-root\nscope: ["business/plain"]\nreason: Writes beside its code.\nowner: security\n'
    )
    (folder / "plain.yaml").write_text(f'{text}expires: "{ends}"\n', "utf-8")


def _read_only(run: Run) -> dict[str, bool]:
    """Agent → whether its root is read-only in what was registered."""
    return {
        one["object"]["metadata"]["name"]: one["object"]["spec"]["template"]["spec"]["containers"][0][
            "securityContext"
        ]["readOnlyRootFilesystem"]
        for one in run.of("Deployment")
    }


def test_a_change_of_what_relies_on_an_ended_waiver_waits_and_others_go_on(top: Path) -> None:
    _, before = _run(top, {})
    kinds = {one["urn"]: one["type"] for one in before.resources}
    memory = {STACK: {urn: {"type": kinds[urn], "outputs": outputs} for urn, outputs in before.outputs.items()}}
    assert set(_read_only(before).values()) == {True}
    file = top / "components/specs/pod.py"
    text = file.read_text("utf-8")
    assert SOUND in text
    file.write_text(text.replace(SOUND, SOUND.replace("True", "False")), "utf-8")
    _waiver(top, 1)
    _, holding = _run(top, memory)
    assert set(_read_only(holding).values()) == {False}, "it holds to the end of its last day"
    _waiver(top, 0)
    done, ended = _run(top, memory)
    assert {name for name, kept in _read_only(ended).items() if kept} == {"plain"}
    assert "plain: waits (it relies on the waiver agents/catalog/waivers/plain.yaml of the rule" in done.stderr
    _, new = _run(top, {})
    assert "plain" not in _read_only(new), "what never ran is not begun"
    (top / "agents/business/plain.yaml").write_text(
        (top / "agents/business/plain.yaml").read_text("utf-8") + "suspended: true\n", "utf-8"
    )
    _, stopped = _run(top, memory)
    (plain,) = [one["object"] for one in stopped.of("Deployment") if one["object"]["metadata"]["name"] == "plain"]
    assert plain["spec"]["replicas"] == 0, "a stop waits for no waiver"
