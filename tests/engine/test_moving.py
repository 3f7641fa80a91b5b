"""Agents that come to lie elsewhere: raised shard counts, moves that are killed, renamed pools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine import IDLE
from repository import Repository, new_repository

from ci.engine.command import open_pulumi
from ci.engine.processes import kill_all
from ci.engine.records import read_records

# Of two shards, the first two lie in the one and the others in the other.
NAMES = ("ada", "ben", "fay", "gus")
KINDS = ("deployment", "configmap", "service", "serviceaccount", "networkpolicy", "externalsecret")
MANY = 80


@pytest.fixture(scope="module")
def repository(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """Four idle agents in one shard, applied in dev."""
    made = new_repository(tmp_path_factory.mktemp("moving"), dict.fromkeys(NAMES, IDLE))
    try:
        made.apply("--environment", "dev")
        yield made
    finally:
        made.remove()


def _shards(repository: Repository, count: int) -> None:
    def change(content: dict[str, Any]) -> None:
        content["business"]["shards"] = {"dev": count}

    repository.catalog("pools", change)
    repository.commit(f"{count} shards")


def _homes(repository: Repository, count: int) -> dict[str, set[str]]:
    """Shard → the agents in its state."""
    names = [f"dev.business.{number}" for number in range(count)]
    records = read_records(open_pulumi(repository.top, repository.environment), names, 2)
    return {name: set(one.agents) for name, one in records.items()}


def _uids(repository: Repository) -> dict[str, tuple[str, str]]:
    return repository.versions(*KINDS)


def test_a_raised_shard_count_moves_agents_and_touches_no_object(repository: Repository) -> None:
    before = _uids(repository)
    _shards(repository, 2)
    said = repository.roster("stacks", "--since-applied", "--environment", "dev").text
    assert "moved" in said, said
    # Named alone, though agents of it go to another one.
    repository.apply("dev.business.0")
    homes = _homes(repository, 2)
    assert homes == {"dev.business.0": set(NAMES[:2]), "dev.business.1": set(NAMES[2:])}
    assert _uids(repository) == before
    for stack in homes:
        assert repository.steps(stack) == {}
    assert "no stack is touched" in repository.roster("stacks", "--since-applied", "--environment", "dev").text


def test_a_lowered_shard_count_moves_agents_back_even_those_that_change(repository: Repository) -> None:
    before = _uids(repository)
    _shards(repository, 1)
    for agent in NAMES:
        repository.write(agent, IDLE.replace("You answer questions.", "You answer in verse."))
    repository.commit()
    repository.apply("--environment", "dev")
    assert {name: uid for name, (uid, _) in _uids(repository).items()} == {
        name: uid for name, (uid, _) in before.items()
    }
    assert all("in verse" in repository.prompt(agent) for agent in NAMES)
    assert _homes(repository, 2) == {"dev.business.0": set(NAMES), "dev.business.1": set()}
    assert "no stack is touched" in repository.roster("stacks", "--since-applied", "--environment", "dev").text


def _writes(folder: Path) -> frozenset[tuple[str, int, int]]:
    found = set()
    for path in folder.rglob("*"):
        try:
            stat = path.stat()
        except OSError:
            continue
        found.add((str(path), stat.st_mtime_ns, stat.st_size))
    return frozenset(found)


def _up_killed_at(repository: Repository, write: int) -> int:
    """Kills `roster up` when the state's folder has changed that often; returns its exit code."""
    folder = repository.top / "state/.pulumi"
    stacks = [folder / name for name in ("stacks", "locks")]
    known = [_writes(one) for one in stacks]
    changes = 0
    with repository.begin("up", "--environment", "dev") as run:
        while run.poll() is None:
            seen = [_writes(one) for one in stacks]
            if seen != known:
                changes, known = changes + 1, seen
                if changes == write:
                    kill_all(run.pid)
        assert run.stdout is not None
        said = run.stdout.read()
    assert run.returncode in (0, -9), said
    return run.returncode


def test_a_move_that_is_killed_at_any_write_of_a_state_is_finished_by_the_next_up(repository: Repository) -> None:
    before = _uids(repository)
    count = 1
    for write in range(1, MANY):
        count = 3 - count
        _shards(repository, count)
        code = _up_killed_at(repository, write)
        if code == 0:
            break
        done = repository.roster("up", "--environment", "dev")
        assert done.code == 0, f"killed at write {write}\n{done.text}"
        homes = _homes(repository, 2)
        assert sorted(name for names in homes.values() for name in names) == sorted(NAMES), f"killed at write {write}"
        assert _uids(repository) == before
    assert code == 0
    assert write > 4
    for number in range(count):
        assert repository.steps(f"dev.business.{number}") == {}


def test_a_renamed_pool_deletes_nothing_before_somebody_says_so(repository: Repository) -> None:
    """The new pool is a new namespace with agents of its own; the old one stays, and is named."""
    before = _uids(repository)

    def rename(content: dict[str, Any]) -> None:
        content["growth"] = content.pop("business")

    repository.catalog("pools", rename)
    (repository.top / "agents/business").rename(repository.top / "agents/growth")
    repository.commit("the pool is called growth")
    done = repository.roster("up", "--environment", "dev")
    assert _uids(repository) == before
    assert (done.code, "left alone: dev.business" in done.text) == (0, True), done.text
