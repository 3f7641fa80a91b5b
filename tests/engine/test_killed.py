"""`roster up` is killed, with all that it started, at each of its writes; the very next `roster up` alone mends it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from engine import IDLE
from repository import Repository, new_repository, saying
from writes import Between, between

from ci.engine.command import open_pulumi
from ci.engine.records import read_records

STACKS = ("dev.platform", "dev.business", "dev.business.0")
MANY = 60


@pytest.fixture(scope="module")
def repository(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A repository that is not applied yet; tests apply it in dev only, in one wave."""
    made = new_repository(tmp_path_factory.mktemp("killed"), {"one": IDLE, "gone-0": IDLE}, waves=[100])
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def proxy(repository: Repository) -> Iterator[Between]:
    with between(repository) as made:
        yield made


def _is_whole(repository: Repository, *agents: str) -> None:
    """Nothing is left over, nothing doubled, nothing pending."""
    for kind in ("deployment", "configmap", "service", "serviceaccount", "networkpolicy", "externalsecret"):
        found = repository.objects(kind).keys() - {"kube-root-ca.crt", "default", "default-deny"}
        assert found >= set(agents), kind
    assert repository.agents() == set(agents)
    records = read_records(open_pulumi(repository.top, repository.environment), STACKS, 2)
    assert {name: one.pending_operations for name, one in records.items()} == dict.fromkeys(STACKS, ())
    assert records["dev.business.0"].agents.keys() == set(agents)


def _nothing_to_do(repository: Repository) -> None:
    assert "no stack is touched" in repository.roster("stacks", "--since-applied", "--environment", "dev").text
    drift = repository.roster("drift", "--environment", "dev")
    assert drift.code == 0, drift.text
    for stack in STACKS:
        assert repository.steps(stack) == {}, stack


def test_a_first_creation_that_is_killed_again_and_again_comes_to_its_end(
    repository: Repository, proxy: Between
) -> None:
    """Each run repairs what the one before left, and is killed one write later than that, until one survives."""
    for write in range(1, MANY):
        code, said = proxy.up_killed_at(write, repository, "--environment", "dev")
        if code != -9:
            break
    assert code == 0, said
    assert write > 6
    _is_whole(repository, "one", "gone-0")
    _nothing_to_do(repository)


def test_after_a_kill_at_any_write_of_an_up_the_next_up_converges(repository: Repository, proxy: Between) -> None:
    """Each run creates an agent, changes one and removes one."""
    given = {"kind": "deletions", "by": "ann", "pull": 7, "head": "0", "at": "2026-11-21T12:00:00Z"}
    (repository.top / "permission.json").write_text(json.dumps(given), "utf-8")
    uid = repository.objects("deployment")["one"]["metadata"]["uid"]
    for write in range(1, MANY):
        repository.write("one", saying(f"Answer in {write} words."))
        repository.write(f"gone-{write}", IDLE)
        repository.drop(f"gone-{write - 1}")
        repository.commit()
        # With leave to remove, which spares the previews that ask what would go.
        code, said = proxy.up_killed_at(write, repository, "--environment", "dev", "--permission", "permission.json")
        if code != -9:
            break
        done = repository.roster("up", "--environment", "dev", "--permission", "permission.json")
        assert done.code == 0, f"killed after {proxy.writes}\n{done.text}"
        assert f"in {write} words" in repository.prompt("one")
        _is_whole(repository, "one", f"gone-{write}")
    assert code == 0, said
    assert write > 10, proxy.writes
    assert repository.objects("deployment")["one"]["metadata"]["uid"] == uid
    _nothing_to_do(repository)
