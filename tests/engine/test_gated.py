"""Holding and releasing with live agents: a bad change is returned, held, and let go when it is another one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kubelet import Kubelet
from repository import LIVE, Repository, new_repository, saying

BROKEN = LIVE + 'env: {BROKEN: "1"}\n'


@pytest.fixture(scope="module")
def repository(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """A repository with two live agents, applied in both environments."""
    made = new_repository(tmp_path_factory.mktemp("gated"), {"one": LIVE, "two": LIVE})
    with Kubelet(made, made.in_prod()):
        try:
            made.apply()
            yield made
        finally:
            made.remove()


def _broken(repository: Repository) -> bool:
    pod = repository.objects("deployment")["one"]["spec"]["template"]["spec"]
    return "BROKEN" in str(pod)


def test_a_crashing_agent_is_returned_and_held_until_it_is_changed(repository: Repository) -> None:
    prod = repository.in_prod()
    before = {name: one["metadata"]["resourceVersion"] for name, one in prod.objects("configmap").items()}
    repository.write("one", BROKEN)
    repository.commit()
    done = repository.roster("up")
    assert done.code == 4, done.text
    report = repository.report()
    one = report["dev"]["agents"]["business/one"]
    assert (report["dev"]["state"], one["state"]) == ("held", "failed")
    assert "crash" in one["reason"].lower()
    assert "roster up --release business/one" in one["advice"]
    assert report["prod"]["state"] == "waiting"
    assert not _broken(repository)
    assert {name: one["metadata"]["resourceVersion"] for name, one in prod.objects("configmap").items()} == before

    # Somebody else's merge does not bring the bad change back, and reaches both environments.
    repository.write("two", saying("Answer in verse.", LIVE))
    repository.commit()
    done = repository.roster("up")
    assert done.code == 0, done.text
    assert not _broken(repository)
    assert repository.state_of("dev", "one") == "held"
    assert "in verse" in repository.prompt("two")
    assert "in verse" in str(prod.objects("configmap")["two"]["data"])
    assert "BROKEN" not in str(prod.objects("deployment")["one"])

    # Tried again because somebody asks for it, it fails again.
    again = repository.roster("up", "--release", "business/one", "--environment", "dev")
    assert again.code == 4, again.text
    assert not _broken(repository)

    repository.write("one", saying("Answer in prose.", LIVE))
    repository.commit()
    repository.apply()
    assert "in prose" in repository.prompt("one")
    assert "in prose" in str(prod.objects("configmap")["one"]["data"])


def test_a_new_agent_that_crashes_leaves_nothing_but_its_hold(repository: Repository) -> None:
    repository.write("three", BROKEN)
    repository.commit()
    done = repository.roster("up")
    assert done.code == 4, done.text
    assert "three" not in repository.agents()
    assert repository.state_of("dev", "three") == "failed"
    assert "three" not in repository.in_prod().objects("configmap")
    repository.drop("three")
    repository.commit()
    repository.apply()
    assert "no stack is touched" in repository.roster("stacks", "--since-applied").text
