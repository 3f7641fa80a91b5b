"""`reviewed.json`, which `roster plan` leaves, on real git repositories: it explains what is merged, and no more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_fleet import ASKER, CATALOG, git, roster, write_fleet

from components.definition.places import agent_of
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.reviewed import Reviewed, merged, read_reviewed
from components.specs import Manifest, agent_manifests, platform_manifests, pool_manifests
from components.stacks import all_stacks

TODAY = "2026-06-01"
Everything = dict[tuple[str, str, str], list[Manifest]]


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """The small fleet, committed on main."""
    write_fleet(tmp_path, {".gitignore": "out/\n"})
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    return tmp_path


def commit(folder: Path) -> str:
    """Commits all files; the commit's name."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


def write(folder: Path, path: str, text: str) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(text, "utf-8")


def edit(folder: Path, path: str, old: str, new: str) -> None:
    """Replaces `old`, which must be there, in a file."""
    text = (folder / path).read_text("utf-8")
    assert old in text
    write(folder, path, text.replace(old, new))


def plan(folder: Path, base: str = "main", *options: str) -> Reviewed:
    """The record of a plan against `base`."""
    done = roster(folder, "plan", "--base", base, "--today", TODAY, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return read_reviewed(folder / "out/plan/reviewed.json")


def branch(folder: Path, name: str, *changes: tuple[str, str, str]) -> Reviewed:
    """A pull request from main: edits of files (all of the text with an empty `old`), committed and planned."""
    git(folder, "checkout", "--quiet", "-b", name, "main")
    for path, old, new in changes:
        if old:
            edit(folder, path, old, new)
        else:
            write(folder, path, new)
    commit(folder)
    record = plan(folder)
    git(folder, "checkout", "--quiet", "main")
    return record


def merge(folder: Path, name: str, *, squash: bool = False) -> str:
    """Merges a branch into main; the commit."""
    if squash:
        git(folder, "merge", "--quiet", "--squash", name)
        git(folder, "commit", "--quiet", "--message", f"{name}, squashed")
        return git(folder, "rev-parse", "HEAD")
    git(folder, "merge", "--quiet", "--no-ff", "--message", name, name)
    return git(folder, "rev-parse", "HEAD")


def everything(folder: Path) -> Everything:
    """Every object by environment, cluster and what it is of, as the Pulumi program would offer it."""
    found: Everything = {}
    read = Fleet.open(WorkTree(folder))
    catalog = read.catalog
    for stack in all_stacks(catalog):
        if stack.kind == "platform":
            found[stack.environment, stack.cluster, ""] = platform_manifests(stack.environment, catalog)
        elif stack.kind == "pool":
            where = stack.environment, stack.cluster
            found[*where, stack.pool] = pool_manifests(stack.pool, stack.environment, catalog)
            for path in (one for one in read.definitions if agent_of(one)[0] == stack.pool):
                agent = read.examine(path).resolved.get(stack.environment)
                if agent:
                    found[*where, "/".join(agent_of(path))] = agent_manifests(agent)
    return found


def unexplained(record: Reviewed, last: Everything, now: Everything) -> list[str]:
    """What the record does not explain of the step from what was applied last to what is offered now."""
    return list(_unexplained(record, last, now))


def _unexplained(record: Reviewed, last: Everything, now: Everything) -> Iterator[str]:
    for environment, cluster, name in sorted({*last, *now}):
        where = environment, cluster
        found = record.unexplained(*where, now.get((*where, name), []), last.get((*where, name), []))
        yield from (f"{environment}: {one}" for one in found)


QUIETER = ("agents/sales/writer.prompt.md", "You write offers.", "You write short offers.")
KINDER = ("agents/sales/asker.yaml", "Asks the writer.", "Asks the writer kindly.")
GREETING = ("agents/catalog/pools.yaml", "GREETING: hello", "GREETING: good day")
SECOND = ("agents/chat/second.yaml", "", ASKER.replace("calls: [sales/writer]\n", ""))


def test_a_record_holds_what_changes_and_nothing_else(fleet: Path) -> None:
    before = everything(fleet)
    record = branch(fleet, "a", QUIETER)
    assert {key.split("/")[5] for key in record.objects} == {"writer"}
    assert {key.split("/")[3] for key in record.objects} == {"ConfigMap", "Deployment"}
    assert record.removed == frozenset()
    merge(fleet, "a")
    assert unexplained(record, before, everything(fleet)) == []
    (said,) = record.plans
    assert said.environments == ("dev", "prod")


def test_nothing_changed_leaves_an_empty_record(fleet: Path) -> None:
    edit(fleet, "agents/sales/asker.yaml", "version: 1", "version: 1  # a comment")
    record = plan(fleet)
    assert (record.objects, record.removed) == ({}, frozenset())


def test_a_record_names_the_commit_and_tree_that_it_was_made_of(fleet: Path) -> None:
    base = git(fleet, "rev-parse", "main")
    record = branch(fleet, "a", QUIETER)
    (said,) = record.plans
    assert said.commit == git(fleet, "rev-parse", "a")
    assert said.tree == git(fleet, "rev-parse", "a^{tree}")
    assert (said.base, said.clean) == (base, True)


@pytest.mark.parametrize("how", ["edited", "untracked", "ignored", "elsewhere"])
def test_a_record_says_whether_its_files_are_those_of_the_commit(fleet: Path, how: str) -> None:
    if how == "edited":
        edit(fleet, *KINDER)
    elif how == "elsewhere":
        write(fleet, "notes.txt", "not read by any render")
    else:
        write(fleet, SECOND[0], SECOND[2])
    if how == "ignored":
        write(fleet, ".git/info/exclude", "second.yaml\n")
    (said,) = plan(fleet).plans
    assert said.clean is (how == "elsewhere")


def test_a_plan_with_errors_leaves_no_record(fleet: Path) -> None:
    plan(fleet)
    edit(fleet, "agents/sales/asker.yaml", "lab-two", "lab-three")
    assert roster(fleet, "plan", "--base", "main", "--today", TODAY).returncode == 1
    assert not (fleet / "out/plan/reviewed.json").exists()
    assert (fleet / "out/plan/plan.md").exists()


def test_two_pull_requests_from_one_base_both_apply(fleet: Path) -> None:
    before = everything(fleet)
    first, second = branch(fleet, "a", QUIETER), branch(fleet, "b", KINDER)
    merge(fleet, "a")
    after_first = everything(fleet)
    assert unexplained(first, before, after_first) == []
    merge(fleet, "b")
    after_both = everything(fleet)
    assert unexplained(second, after_first, after_both) == []
    assert unexplained(merged([first, second]), before, after_both) == [], "both at once, when a run caught up"
    assert unexplained(first, before, after_both), "one record alone does not explain the other's objects"


def test_two_that_meet_in_the_final_tree_need_the_merge_queues_plan(fleet: Path) -> None:
    """One changes a pool's default, the other adds an agent to that pool: no pull request showed the two together."""
    before = everything(fleet)
    records = [branch(fleet, "a", GREETING), branch(fleet, "b", SECOND)]
    base = git(fleet, "rev-parse", "main")
    merge(fleet, "a")
    merge(fleet, "b")
    now = everything(fleet)
    # The variable lies in the pods' template, so the Deployment is all that the two make of each other.
    assert unexplained(merged(records), before, now) == ["prod: Deployment chat/second"]
    queue = plan(fleet, base)
    assert unexplained(queue, before, now) == []
    assert unexplained(merged([*records, queue]), before, now) == []


def test_a_squash_is_explained_by_the_pull_requests_plan(fleet: Path) -> None:
    before = everything(fleet)
    record = branch(fleet, "a", QUIETER, SECOND)
    merge(fleet, "a", squash=True)
    assert git(fleet, "rev-parse", "main") != record.plans[0].commit
    assert git(fleet, "rev-parse", "main^{tree}") == record.plans[0].tree
    assert unexplained(record, before, everything(fleet)) == []


def test_a_retry_after_half_of_it_was_applied_is_explained(fleet: Path) -> None:
    before = everything(fleet)
    record = branch(fleet, "a", QUIETER, KINDER, SECOND)
    merge(fleet, "a")
    now = everything(fleet)
    half = before | {place: now[place] for place in now if place[2] == "sales/writer"}
    assert unexplained(record, half, now) == []
    assert unexplained(record, now, now) == []


def test_a_revert_is_explained_by_its_own_plan_and_not_by_the_first(fleet: Path) -> None:
    before = everything(fleet)
    first = branch(fleet, "a", QUIETER, SECOND)
    merge(fleet, "a", squash=True)
    between = everything(fleet)
    git(fleet, "checkout", "--quiet", "-b", "b")
    git(fleet, "revert", "--no-edit", "HEAD")
    second = plan(fleet)
    git(fleet, "checkout", "--quiet", "main")
    merge(fleet, "b")
    assert everything(fleet) == before
    assert unexplained(second, between, before) == []
    refused = unexplained(first, between, before)
    assert "prod: Deployment chat/second (removed)" in refused
    assert "prod: Deployment sales/writer" in refused


def test_an_agent_that_goes_is_listed_as_removed_object_by_object(fleet: Path) -> None:
    before = everything(fleet)
    git(fleet, "checkout", "--quiet", "-b", "a")
    shutil.rmtree(fleet / "agents/chat")
    commit(fleet)
    record = plan(fleet)
    assert record.objects == {}
    assert {key.split("/")[5] for key in record.removed} == {"herald"}
    assert unexplained(record, before, everything(fleet)) == []
    assert unexplained(Reviewed(), before, everything(fleet)) != []


def test_an_agent_that_moves_to_another_pool_goes_here_and_comes_there(fleet: Path) -> None:
    before = everything(fleet)
    git(fleet, "checkout", "--quiet", "-b", "a")
    edit(fleet, "agents/sales/writer.yaml", "sales/asker", "chat/asker")
    (fleet / "agents/sales/asker.yaml").rename(fleet / "agents/chat/asker.yaml")
    commit(fleet)
    record = plan(fleet)
    assert "prod/main/apps/Deployment/sales/asker" in record.removed
    assert "prod/main/apps/Deployment/chat/asker" in record.objects
    assert unexplained(record, before, everything(fleet)) == []


def test_a_cluster_that_is_added_gets_a_record_of_every_object_there(fleet: Path) -> None:
    """Not one manifest differs; yet in the new cluster all of them are new."""
    before = everything(fleet)
    two = CATALOG["environments"].replace("{main: {context: prod}}", "{main: {context: prod}, us: {context: us}}")
    pools = CATALOG["pools"].replace("owner: red\n", "owner: red\n  clusters: {prod: [main, us]}\n")
    record = branch(fleet, "a", ("agents/catalog/environments.yaml", "", two), ("agents/catalog/pools.yaml", "", pools))
    merge(fleet, "a")
    now = everything(fleet)
    assert {key.split("/")[1] for key in record.objects if key.startswith("prod/")} == {"us"}
    assert unexplained(record, before, now) == []
    for kind in ("PriorityClass", "Namespace", "Deployment"):
        assert any(f"/{kind}/" in key for key in record.objects), f"no {kind}"


def test_a_catalog_change_is_recorded_for_pools_and_platform_too(fleet: Path) -> None:
    before = everything(fleet)
    record = branch(
        fleet,
        "a",
        ("agents/catalog/pools.yaml", "pods: 100", "pods: 200"),
        ("agents/catalog/tiers.yaml", "priority: 1000", "priority: 1001"),
    )
    merge(fleet, "a")
    assert {key.split("/")[3] for key in record.objects} >= {"ResourceQuota", "PriorityClass"}
    assert unexplained(record, before, everything(fleet)) == []


def test_a_plan_of_one_environment_explains_that_one_only(fleet: Path) -> None:
    git(fleet, "checkout", "--quiet", "-b", "a")
    edit(fleet, *QUIETER)
    commit(fleet)
    record = plan(fleet, "main", "--environment", "prod")
    assert {key.split("/")[0] for key in record.objects} == {"prod"}
    assert record.plans[0].environments == ("prod",)
