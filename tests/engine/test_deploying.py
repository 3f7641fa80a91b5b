"""`roster up` with a real engine: what goes when, what is left alone, what waits, and what is refused."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine import IDLE
from kubelet import Kubelet
from repository import LIVE, Ended, Repository, new_repository, saying, until

from ci.engine.command import open_pulumi
from ci.engine.locks import held_by

NAMES = ("one", "two", "three", "four", "five", "six", "seven")
FREEZE = {"reason": "the year is closed", "until": "2099-01-02T06:00Z"}


@pytest.fixture(scope="module")
def first(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Repository, Ended]]:
    """A repository with idle agents in two shards and a live one, and what its first `roster up` said."""
    made = new_repository(tmp_path_factory.mktemp("deploy"), {**dict.fromkeys(NAMES, IDLE), "live": LIVE}, shards=2)
    with Kubelet(made, made.in_prod()):
        try:
            yield made, made.roster("up")
        finally:
            made.remove()


@pytest.fixture
def repository(first: tuple[Repository, Ended]) -> Repository:
    return first[0]


def _shard(repository: Repository, agent: str) -> str:
    found = [
        stack for stack in ("dev.business.0", "dev.business.1") if agent in repository.outputs(stack).get("agents", {})
    ]
    assert len(found) == 1
    return found[0]


def _at(text: str, *lines: str) -> list[int]:
    """Where the lines begin; each must be there."""
    for line in lines:
        assert line in text, f"{line!r} is not in\n{text}"
    return [text.index(line) for line in lines]


def test_the_first_up_makes_the_environments_one_after_the_other(first: tuple[Repository, Ended]) -> None:
    repository, done = first
    assert done.code == 0, done.text
    order = ("dev: dev.platform", "dev: dev.business", "dev: wave 1 of 1, 8", "prod: prod.platform", "prod: wave 1")
    found = _at(done.text, *order)
    assert found == sorted(found)
    assert repository.agents() == set(repository.in_prod().objects("deployment")) == {*NAMES, "live"}
    assert (repository.state_of("prod", "one"), repository.state_of("prod", "live")) == ("stopped", "deployed")


def test_with_nothing_to_do_no_stack_is_run(repository: Repository) -> None:
    assert "no stack is touched" in repository.roster("stacks", "--since-applied").text
    before = repository.versions()
    done = repository.roster("up")
    assert (done.code, "nothing to do" in done.text, "started" in done.text) == (0, True, False), done.text
    repository.commit("nothing that decides")
    assert "started" not in repository.roster("preview").text
    assert repository.versions() == before


def test_a_changed_agent_runs_its_shard_alone_and_touches_nobody_else(repository: Repository) -> None:
    repository.write("one", saying("Answer in verse."))
    repository.commit()
    shard = _shard(repository, "one")
    said = repository.roster("stacks", "--since-applied", "--environment", "dev").text
    assert (shard in said, "1 changed" in said, said.count("dev.")) == (True, True, 1), said
    foreseen = repository.roster("preview", "--environment", "dev")
    assert (foreseen.code, f"| {shard} | 1 changed | 2 to update | one |" in foreseen.text) == (0, True), foreseen.text
    # The engine was told to look at `one` alone; nobody else was registered, and nobody goes.
    assert (repository.foreseen()[shard]["deleted"], repository.look(shard)) == ([], ["one"])
    before = repository.versions()
    assert "in verse" not in repository.prompt("one")
    done = repository.roster("up")
    assert done.code == 0, done.text
    after = repository.versions()
    touched = {name for name, version in after.items() if before[name] != version}
    assert touched == {"deployment/one", "configmap/one"}
    assert {before[name][0] for name in touched} == {after[name][0] for name in touched}
    ran = repository.report()
    assert list(ran["dev"]["stacks"]) == [shard]
    dev, prod = _at(done.text, "dev: wave 1 of 1", "prod: wave 1 of 1")
    assert dev < prod


def test_a_removed_agent_goes_everywhere_and_its_neighbours_stay(repository: Repository) -> None:
    repository.drop("two")
    repository.commit()
    before = repository.versions()
    assert repository.roster("preview", "--environment", "dev").code == 0
    ((shard, result),) = repository.foreseen().items()
    assert (result["deleted"], repository.look(shard)) == (["two"], ["two"])
    report = repository.apply()
    assert [one["agents"]["business/two"]["state"] for one in report.values()] == ["removed", "removed"]
    after = repository.versions()
    assert after == {name: version for name, version in before.items() if not name.endswith("/two")}
    assert "two" not in repository.in_prod().objects("configmap")


def test_a_new_agent_is_foreseen_without_a_look_at_its_neighbours_and_a_named_stack_whole(
    repository: Repository,
) -> None:
    repository.write("fresh", IDLE)
    repository.commit()
    foreseen = repository.roster("preview", "--environment", "dev", "--changed-since", "HEAD~1")
    ((shard, result),) = repository.foreseen().items()
    assert (foreseen.code, repository.look(shard), result["failed"]) == (0, ["fresh"], {}), foreseen.text
    assert result["components"]["fresh"]["create"] > 3
    alone = {name for name, counts in result["components"].items() if counts["create"] or counts["update"]}
    assert alone == {"fresh"}
    assert repository.roster("preview", shard).code == 0
    assert repository.look(shard) is None
    assert repository.foreseen()[shard]["components"]["fresh"] == result["components"]["fresh"]
    repository.drop("fresh")
    repository.commit()


def test_many_removals_touch_nothing_without_a_reviewers_permission(repository: Repository, tmp_path: Path) -> None:
    going = ("three", "four", "five", "six", "seven")
    for agent in going:
        repository.drop(agent)
    repository.write("one", saying("Answer in prose."))
    commit = repository.commit()
    before = repository.versions()
    foreseen = repository.roster("preview", "--environment", "dev")
    assert foreseen.code == 3, foreseen.text
    done = repository.roster("up")
    assert (done.code, "roster: allow deletions" in done.text) == (3, True), done.text
    assert repository.versions() == before
    assert all(agent in done.text for agent in going)
    permission = tmp_path / "permission.json"
    permission.write_text(
        json.dumps({"kind": "deletions", "by": "ann", "pull": 7, "head": commit, "at": "2026-11-21T12:00:00Z"}), "utf-8"
    )
    allowed = repository.roster("up", "--permission", str(permission))
    assert (allowed.code, "ann allows removals for #7" in allowed.text) == (0, True), allowed.text
    assert repository.agents() == {"one", "live"}
    for agent in ("two", *going):
        repository.write(agent, IDLE)
    repository.commit()
    repository.apply()
    assert repository.agents() == {*NAMES, "live"}


def test_a_file_that_is_no_permission_is_refused(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "permission.json").write_text("{}", "utf-8")
    done = repository.roster("up", "--permission", str(tmp_path / "permission.json"))
    assert (done.code, "is no permission" in done.text) == (2, True), done.text


def _freeze(repository: Repository, freeze: dict[str, str] | None) -> None:
    def change(content: dict[str, Any]) -> None:
        for one in content.values():
            one.pop("freeze", None)
            if freeze:
                one["freeze"] = freeze

    repository.catalog("environments", change)


def test_a_freeze_holds_all_but_kill_switches_and_rollbacks_and_ends(repository: Repository) -> None:
    # To start what was stopped is no rollback: the agent runs all the time.
    for words in ("Answer in prose.", "Answer in rhymes."):
        repository.write("one", saying(words, LIVE))
        repository.commit()
        repository.apply("--environment", "dev")
    _freeze(repository, FREEZE)
    repository.write("one", saying("Answer in prose.", LIVE))  # what ran before
    repository.write("two", saying("Answer in verse."))
    repository.write("live", LIVE + "suspended: true\n")
    repository.write("eight", IDLE)
    repository.drop("seven")
    repository.commit()
    done = repository.roster("up")
    assert done.code == 0, done.text
    prod, dev = _at(done.text, "prod: stops", "dev: stops")
    assert prod < dev
    assert FREEZE["reason"] in str(repository.report()["dev"]["reason"])
    assert "in prose" in repository.prompt("one")
    assert "in verse" not in repository.prompt("two")
    assert repository.agents() == {*NAMES, "live"}
    for place in (repository, repository.in_prod()):
        assert place.objects("deployment")["live"]["spec"]["replicas"] == 0
    assert repository.state_of("dev", "two") == "pending"
    _freeze(repository, FREEZE | {"until": "2020-01-02T06:00Z"})
    repository.commit()
    repository.apply()
    assert "in verse" in repository.prompt("two")
    assert repository.agents() == {*NAMES, "live", "eight"} - {"seven"}
    _freeze(repository, None)
    repository.commit()


def test_a_rollback_goes_first_and_an_unrelated_merge_does_not_bring_it_back(repository: Repository) -> None:
    repository.write("three", LIVE)
    good = repository.commit()
    repository.apply("--environment", "dev")
    repository.write("three", saying("Answer badly.", LIVE))
    repository.commit()
    repository.apply("--environment", "dev")
    assert "badly" in repository.prompt("three")
    done = repository.roster("rollback", "three", "--to", good)
    assert done.code == 0, done.text
    repository.write("four", saying("Answer in verse."))
    repository.commit()
    done = repository.roster("up", "--environment", "dev")
    assert done.code == 0, done.text
    first, wave = _at(
        done.text, "dev: back to what ran before: business/three", "dev: wave 1 of 1, 1 agents: business/four"
    )
    assert first < wave
    assert "badly" not in repository.prompt("three")
    repository.write("four", saying("Answer in prose."))
    repository.commit()
    repository.apply("--environment", "dev")
    assert "badly" not in repository.prompt("three")


def test_a_history_that_was_rewritten_loses_nothing(repository: Repository) -> None:
    repository.apply()
    repository.git("checkout", "--quiet", "--orphan", "other")
    repository.write("five", saying("Answer in verse."))
    commit = repository.commit("all of it")
    repository.git("branch", "--quiet", "-D", "main")
    repository.git("branch", "--quiet", "-m", "main")
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "--quiet", "--prune=now")
    said = repository.roster("stacks", "--since-applied", "--environment", "dev").text
    assert (said.count("dev."), "1 changed" in said) == (1, True), said
    before = repository.versions()
    repository.apply("--environment", "dev")
    after = repository.versions()
    assert {name for name in after if before[name] != after[name]} == {"deployment/five", "configmap/five"}
    assert repository.outputs(_shard(repository, "five"))["agents"]["five"]["commit"] == commit


def test_of_two_ups_at_once_one_waits_and_both_end_well(repository: Repository) -> None:
    repository.write("six", saying("Answer in verse."))
    repository.write("nine", IDLE)
    repository.commit()
    both = [
        repository.begin("up", "--environment", "dev", "--report", str(repository.top / f"out/{name}"))
        for name in ("a", "b")
    ]
    said = [one.communicate(timeout=300)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], "\n----\n".join(said)
    assert "in verse" in repository.prompt("six")
    assert "nine" in repository.agents()
    assert "no stack is touched" in repository.roster("stacks", "--since-applied", "--environment", "dev").text


def test_sigint_ends_an_up_with_130_and_the_next_one_does_the_rest(repository: Repository) -> None:
    new = {f"new-{number}" for number in range(6)}
    for agent in new:
        repository.write(agent, IDLE)
    repository.commit()
    with repository.begin("up", "--environment", "dev") as run:
        until(lambda: bool(new & repository.objects("configmap").keys()))
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=120)[0]
    assert run.returncode == 130, said
    assert "Traceback" not in said
    assert "interrupted" in said
    pulumi = open_pulumi(repository.top, repository.environment)
    for stack in ("dev.business.0", "dev.business.1"):
        assert held_by(pulumi, stack) == []
    repository.apply("--environment", "dev")
    assert new <= repository.agents()
    assert repository.roster("drift", "--environment", "dev").code == 0
