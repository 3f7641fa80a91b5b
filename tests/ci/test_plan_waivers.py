"""A waiver that has ended, in a plan: a day that goes by stops nobody, a change of what relied on it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_fleet import git, write_fleet

from ci.plan.make import Plan, broken, make_plan
from ci.plan.markdown import as_markdown
from ci.plan.waivers import refused_shared
from components.definition.tree import WorkTree
from components.fleet import Fleet

WAIVER = """\
rule: image-pinned
scope: ["sales/*"]
reason: Asked for, and tracked.
owner: red
expires: "2026-06-01"
"""
ENDED = "2026-06-01"
PINNED = "docker.io/example/ready@sha256:" + "ab" * 32
BOUGHT = "version: 1\ndescription: Bought.\nowner: red\nruntime: ready\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """An agent by a tag, under a waiver that has ended, and another agent; committed."""
    write_fleet(tmp_path, {"agents/sales/bought.yaml": BOUGHT})
    runtimes = tmp_path / "agents/catalog/runtimes.yaml"
    runtimes.write_text(runtimes.read_text("utf-8").replace(PINNED, "docker.io/example/ready:1"), "utf-8")
    folder = tmp_path / "agents/catalog/waivers"
    folder.mkdir()
    (folder / "ready.yaml").write_text(WAIVER, "utf-8")
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "x")
    return tmp_path


def plan(folder: Path, today: str = ENDED) -> Plan:
    """The plan of what is not committed."""
    return make_plan(folder, "HEAD", today)


def refused(made: Plan) -> list[tuple[str, str]]:
    """Agents whose change is refused for a waiver, with the file."""
    return [(one.agent, one.file) for one in broken(made) if one.rule == "waiver-expired"]


def edit(file: Path, old: str, new: str) -> None:
    """Replaces what must be there."""
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def test_a_plan_goes_on_though_a_waiver_has_ended_when_others_change(repository: Path) -> None:
    edit(repository / "agents/sales/asker.yaml", "version: 1", "version: 1\nenv: {MODE: fast}")
    made = plan(repository)
    assert {change.key for change in made.changes} == {"sales/asker"}
    assert broken(made) == []
    text = as_markdown(made)
    assert "## Waivers\n\n- `agents/catalog/waivers/ready.yaml` the waiver of image-pinned for sales/* ended on" in text


def test_a_plan_refuses_a_change_of_what_relies_on_an_ended_waiver(repository: Path) -> None:
    edit(repository / "agents/sales/bought.yaml", "version: 1", "version: 1\nenv: {MODE: fast}")
    made = plan(repository)
    assert refused(made) == [("sales/bought", "agents/sales/bought.yaml")]
    (error,) = broken(made)
    for word in ("agents/catalog/waivers/ready.yaml", ENDED, "image-pinned", "ask red to renew the waiver"):
        assert word in error.message, word
    assert error.message in as_markdown(made)
    assert refused(plan(repository, "2026-05-31")) == [], "on the day before it holds"


def test_a_plan_refuses_a_new_agent_that_would_rely_on_an_ended_waiver(repository: Path) -> None:
    (repository / "agents/sales/another.yaml").write_text(BOUGHT, "utf-8")
    made = plan(repository)
    assert refused(made) == [("sales/another", "agents/sales/another.yaml")]
    assert "sales/another is not added" in broken(made)[0].message


def test_a_plan_takes_a_stop_a_removal_and_the_mending_of_what_relied_on_an_ended_waiver(repository: Path) -> None:
    file = repository / "agents/sales/bought.yaml"
    edit(file, "version: 1", "version: 1\nsuspended: true")
    assert [change.key for change in plan(repository).changes][:1] == ["sales/bought"]
    assert broken(plan(repository)) == []
    file.unlink()
    assert broken(plan(repository)) == []
    file.write_text(BOUGHT + "image: " + PINNED + "\n", "utf-8")
    assert broken(plan(repository)) == []


def test_a_plan_refuses_a_change_of_a_pools_own_objects_that_rely_on_an_ended_waiver(repository: Path) -> None:
    file = repository / "agents/catalog/waivers/ready.yaml"
    edit(file, "rule: image-pinned", "rule: namespace-pod-security")
    git(repository, "commit", "--quiet", "--all", "--message", "x")
    before = {("dev", "sales"): [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "sales-dev"}}]}
    catalog = Fleet.open(WorkTree(repository)).catalog
    (found,) = refused_shared({}, before, catalog, ENDED)
    assert found.file == "agents/catalog/pools.yaml"
    assert "the pool sales is not changed in dev: it relies on the waiver agents/catalog/waivers/ready.yaml" in (
        found.message
    )
    assert refused_shared(before, before, catalog, ENDED) == [], "what stays goes on"
    assert refused_shared({}, before, catalog, "2026-05-31") == []
