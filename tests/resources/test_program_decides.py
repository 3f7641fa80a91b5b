"""What the program does with what the engine remembers: a freeze, instructions, removals, moves, damaged records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from projects import Run, own_project, run_program
from small_fleet import MINIMAL

from bench.recorded_images import record_images

STACK = "dev.business.0"
VERSE = MINIMAL.replace("You answer questions.", "You answer questions in verse.")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return own_project(tmp_path)


def _run(
    top: Path, memory: dict[str, Any] | None = None, options: tuple[str, ...] = (), **settings: str
) -> tuple[Any, Run]:
    """A run of the program after the engine was given `memory`: stack → URN → {type, outputs}."""
    file = top / "memory.json"
    file.write_text(json.dumps(memory or {}), "utf-8")
    done, runs = run_program(top, STACK, options=("--last", str(file), *options), **settings)
    return done, runs[STACK]


def _memory(run: Run) -> dict[str, Any]:
    """What the engine remembers after a run that ended well."""
    kinds = {one["urn"]: one["type"] for one in run.resources}
    return {STACK: {urn: {"type": kinds[urn], "outputs": outputs} for urn, outputs in run.outputs.items()}}


def _applied(top: Path) -> dict[str, Any]:
    done, run = _run(top)
    assert done.returncode == 0, done.stderr
    return _memory(run)


def _prompt(run: Run, agent: str) -> str:
    (found,) = [one["object"] for one in run.of("ConfigMap") if one["object"]["metadata"]["name"] == agent]
    return str(found["data"])


def _write(top: Path, agent: str, text: str) -> None:
    (top / f"agents/business/{agent}.yaml").write_text(text, "utf-8")


def _environment(top: Path, **entries: Any) -> None:
    path = top / "agents/catalog/environments.yaml"
    content = yaml.safe_load(path.read_text("utf-8"))
    content["dev"] |= entries
    # JSON is YAML in which every text is quoted.
    path.write_text(json.dumps(content, indent=1), "utf-8")


def _refused(done: Any, run: Run, *words: str) -> None:
    assert done.returncode == 32, done.stderr
    assert [word for word in words if word not in done.stderr] == [], done.stderr
    assert run.objects == []
    assert run.outputs == {}


def test_in_a_freeze_only_what_stops_an_agent_is_applied(top: Path) -> None:
    memory = _applied(top)
    _environment(top, freeze={"reason": "Holidays.", "until": "2099-01-01T00:00Z"})
    _write(top, "plain", VERSE)
    _write(top, "fresh", MINIMAL)
    _write(top, "exposed", MINIMAL + "suspended: true\n")
    done, run = _run(top, memory)
    assert done.returncode == 0, done.stderr
    assert "in verse" not in _prompt(run, "plain")
    replicas = {
        one["object"]["metadata"]["name"]: one["object"]["spec"].get("replicas") for one in run.of("Deployment")
    }
    assert "fresh" not in replicas
    assert replicas["exposed"] == 0
    assert "dev is frozen until 2099-01-01T00:00Z: Holidays." in done.stderr


def test_a_freeze_that_has_ended_holds_nothing(top: Path) -> None:
    memory = _applied(top)
    _environment(top, freeze={"reason": "Holidays.", "until": "2020-01-01T00:00Z"})
    _write(top, "plain", VERSE)
    assert "in verse" in _prompt(_run(top, memory)[1], "plain")


def test_whose_turn_has_not_come_keeps_its_objects(top: Path) -> None:
    memory = _applied(top)
    _write(top, "plain", VERSE)
    _write(top, "keeper", VERSE)
    instructions = top / "run.json"
    instructions.write_text('{"apply": ["plain"]}', "utf-8")
    done, run = _run(top, memory, ROSTER_RUN=str(instructions))
    assert done.returncode == 0, done.stderr
    assert "in verse" in _prompt(run, "plain")
    assert "in verse" not in _prompt(run, "keeper")


def test_a_preview_of_some_agents_registers_no_others_and_an_up_of_some_is_refused(top: Path) -> None:
    memory = _applied(top)
    _write(top, "plain", VERSE)
    _write(top, "keeper", VERSE)
    (top / "agents/business/exposed.yaml").unlink()
    instructions = top / "run.json"
    instructions.write_text('{"look": ["plain", "exposed"]}', "utf-8")
    done, run = _run(top, memory, ("--preview",), ROSTER_RUN=str(instructions))
    assert done.returncode == 0, done.stderr
    assert "in verse" in _prompt(run, "plain")
    assert {one["object"]["metadata"]["name"] for one in run.of("Deployment")} == {"plain"}
    _refused(*_run(top, memory, ROSTER_RUN=str(instructions)), "`look` is for previews")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "EOF"),
        ("[]", "the file"),
        ('{"apply": "plain"}', "apply"),
        ('{"apply": [1]}', "apply.0"),
        ('{"hold": {"plain": {"digest": "x"}}}', "hold.plain.commit"),
        ('{"hold": {"plain": {"digest": "", "commit": "", "why": "odd", "reason": ""}}}', "hold.plain.why"),
        ('{"aply": []}', "aply"),
        ('{"allow_removals": "yes"}', "allow_removals"),
        ('{"look": "plain"}', "look"),
    ],
)
def test_instructions_of_another_form_apply_nothing(top: Path, text: str, said: str) -> None:
    instructions = top / "run.json"
    instructions.write_text(text, "utf-8")
    done, run = _run(top, ROSTER_RUN=str(instructions))
    _refused(done, run, "ROSTER_RUN", said)


def test_many_removals_are_refused_unless_the_stack_is_named(top: Path) -> None:
    for number in range(6):
        _write(top, f"more-{number}", MINIMAL)
    memory = _applied(top)
    for number in range(6):
        (top / f"agents/business/more-{number}.yaml").unlink()
    done, run = _run(top, memory)
    _refused(done, run, "6 of ", "more-0", "permission")
    assert _run(top, memory, ROSTER_ALLOW_REMOVALS="dev.community.0")[0].returncode == 32
    allowed, run = _run(top, memory, ROSTER_ALLOW_REMOVALS=STACK)
    assert allowed.returncode == 0, allowed.stderr
    assert not [one for one in run.resources if one["name"].startswith("more-")]


def test_an_agent_that_another_stack_holds_is_not_made_twice(top: Path) -> None:
    pools = top / "agents/catalog/pools.yaml"
    pools.write_text(pools.read_text("utf-8").replace("shards: {prod: 2}", "shards: {prod: 2, dev: 2}"), "utf-8")
    whole = _applied(top)[STACK]
    own = {urn for urn in whole if urn.endswith("::plain")}
    if not own:
        pytest.fail("plain lies in the other shard; choose another agent")
    memory = {"dev.business.1": {urn: whole[urn] for urn in own}}
    done, run = _run(top, memory)
    _refused(done, run, "plain", "dev.business.1", "pulumi state move")


def test_an_agent_that_belongs_to_another_shard_now_is_not_removed(top: Path) -> None:
    memory = _applied(top)
    pools = top / "agents/catalog/pools.yaml"
    pools.write_text(pools.read_text("utf-8").replace("shards: {prod: 2}", "shards: {prod: 2, dev: 3}"), "utf-8")
    done, run = _run(top, memory)
    _refused(done, run, "another shard", "pulumi state move")


def test_a_record_that_cannot_be_read_goes_forward_and_is_never_held(top: Path) -> None:
    memory = _applied(top)
    (urn,) = [one for one in memory[STACK] if one.endswith("::plain")]
    memory[STACK][urn]["outputs"]["digest"] = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    _write(top, "plain", VERSE)
    done, run = _run(top, memory)
    assert done.returncode == 0, done.stderr
    assert "in verse" in _prompt(run, "plain")
    instructions = top / "run.json"
    instructions.write_text('{"apply": []}', "utf-8")
    done, run = _run(top, memory, ROSTER_RUN=str(instructions))
    _refused(done, run, "plain", "cannot be read")


def test_an_image_without_a_record_is_not_run_and_who_runs_the_old_one_keeps_it(top: Path) -> None:
    memory = _applied(top)
    runtimes = top / "agents/catalog/runtimes.yaml"
    runtimes.write_text(
        runtimes.read_text("utf-8").replace("build: fastapi", "build: fastapi\n  build_args: {A: b}"), "utf-8"
    )
    _write(top, "plain", VERSE)
    _write(top, "fresh", MINIMAL)
    _write(top, "exposed", MINIMAL + "suspended: true\n")
    done, run = _run(top, memory)
    assert done.returncode == 0, done.stderr
    assert "in verse" not in _prompt(run, "plain")
    names = {one["object"]["metadata"]["name"]: one["object"]["spec"].get("replicas") for one in run.of("Deployment")}
    assert "fresh" not in names
    assert names["exposed"] == 0
    assert "has no record of having passed the gate" in done.stderr
    record_images(top)
    assert "in verse" in _prompt(_run(top, memory)[1], "plain")


def test_a_finding_in_a_recorded_image_keeps_newcomers_out_and_changes_nothing_else(top: Path) -> None:
    memory = _applied(top)
    (record,) = (top / "agents/catalog/images").glob("fastapi-*.yaml")
    record.write_text(record.read_text("utf-8") + "blocked: [CVE-2026-1]\n", "utf-8")
    _write(top, "plain", VERSE)
    _write(top, "fresh", MINIMAL)
    done, run = _run(top, memory)
    assert done.returncode == 0, done.stderr
    assert "in verse" in _prompt(run, "plain")
    assert "fresh" not in {one["object"]["metadata"]["name"] for one in run.of("Deployment")}
    assert "blocked by CVE-2026-1" in done.stderr


def test_a_stop_and_a_start_let_no_image_in_that_has_no_record(top: Path) -> None:
    memory = _applied(top)
    (before,) = [one["object"] for one in _run(top)[1].of("Deployment") if one["object"]["metadata"]["name"] == "plain"]
    runtimes = top / "agents/catalog/runtimes.yaml"
    text = runtimes.read_text("utf-8")
    runtimes.write_text(text.replace("build: fastapi", "build: fastapi\n  build_args: {A: b}"), "utf-8")
    for line in ("suspended: true\n", ""):
        _write(top, "plain", MINIMAL + line)
        done, run = _run(top, memory)
        assert done.returncode == 0, done.stderr
        memory = _memory(run)
        (now,) = [one["object"] for one in run.of("Deployment") if one["object"]["metadata"]["name"] == "plain"]
        assert now["spec"]["replicas"] == 0
        assert _image(now) == _image(before)
    record_images(top)
    (now,) = [
        one["object"] for one in _run(top, memory)[1].of("Deployment") if one["object"]["metadata"]["name"] == "plain"
    ]
    assert now["spec"].get("replicas") != 0
    assert _image(now) != _image(before)


def test_a_stopped_agent_does_not_start_with_an_image_that_was_blocked_meanwhile(top: Path) -> None:
    memory = _applied(top)
    (record,) = (top / "agents/catalog/images").glob("fastapi-*.yaml")
    record.write_text(record.read_text("utf-8") + "blocked: [CVE-2026-1]\n", "utf-8")
    _write(top, "stopped", MINIMAL)
    done, run = _run(top, memory)
    assert done.returncode == 0, done.stderr
    (now,) = [one["object"] for one in run.of("Deployment") if one["object"]["metadata"]["name"] == "stopped"]
    assert now["spec"]["replicas"] == 0


def test_what_a_run_left_half_made_is_not_finished_with_an_image_that_has_no_record(top: Path) -> None:
    memory = _applied(top)
    (urn,) = [one for one in memory[STACK] if one.endswith("::plain")]
    memory[STACK][urn]["outputs"] = {}
    for record in (top / "agents/catalog/images").glob("fastapi-*.yaml"):
        record.unlink()
    done, run = _run(top, memory)
    _refused(done, run, "plain was begun by a run that did not end", "no record")


def test_an_agent_that_moved_to_another_pool_is_not_removed_while_its_image_there_has_no_record(top: Path) -> None:
    own = MINIMAL + "build: {context: own}\n"
    (top / "agents/business/own").mkdir()
    (top / "agents/business/own/Dockerfile").write_text("FROM scratch\n", "utf-8")
    _write(top, "plain", own)
    record_images(top)
    memory = _applied(top)
    (top / "agents/business/own").rename(top / "agents/community/own")
    (top / "agents/business/plain.yaml").rename(top / "agents/community/plain.yaml")
    done, run = _run(top, memory)
    assert done.returncode == 0, done.stderr
    assert any(one["name"] == "plain" for one in run.resources)
    assert "it moves to the pool community" in done.stderr
    record_images(top)
    assert not any(one["name"] == "plain" for one in _run(top, memory)[1].resources)


def test_a_newcomer_whose_image_has_no_record_holds_nobody_elses_removal(top: Path) -> None:
    memory = _applied(top)
    (top / "agents/business/own").mkdir()
    (top / "agents/business/own/Dockerfile").write_text("FROM scratch\n", "utf-8")
    _write(top, "fresh", MINIMAL + "build: {context: own}\n")
    (top / "agents/business/plain.yaml").unlink()
    done, run = _run(top, memory)
    assert done.returncode == 0, done.stderr
    assert "fresh: waits" in done.stderr
    names = {one["name"] for one in run.resources}
    assert "fresh" not in names
    assert "plain" not in names
    assert "keeper" in names


def _image(deployment: dict[str, Any]) -> str:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return str(container["image"])
