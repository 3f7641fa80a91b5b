"""`ci/apply.sh` and `ci/preview.sh` in real clones of a bare remote: what runs that come late, twice or shallow do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from command_fleet import roster
from git_projects import Clone, Remote, remote_with_fleet
from small_fleet import CHARACTER, MINIMAL

ONE, TWO, THREE = (f"agents/business/{name}.yaml" for name in ("one", "two", "three"))


def prompt(text: str) -> str:
    """A definition with a prompt of its own."""
    return MINIMAL.replace("You answer questions.", text)


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    return remote_with_fleet(tmp_path_factory.mktemp("seed"))


@pytest.fixture
def remote(seed: Remote, tmp_path: Path) -> Remote:
    return seed.copy(tmp_path)


@pytest.fixture
def author(remote: Remote) -> Clone:
    return remote.clone("author")


def applied(remote: Remote) -> list[str]:
    """The commits that were applied, in order."""
    return remote.applied.read_text("utf-8").split()


def run_of(remote: Remote, commit: str, name: str) -> Clone:
    """The pipeline's clone for a commit, which is checked out as CI does: detached."""
    clone = remote.clone(name)
    clone.git("checkout", "--quiet", commit)
    return clone


def test_a_merge_while_another_is_being_applied_is_caught_up_and_the_run_dropped_between_may_come_late(
    remote: Remote, author: Clone
) -> None:
    first = author.merge({ONE: prompt("One.")})
    busy = remote.applied.with_suffix(".busy")
    busy.touch()
    with run_of(remote, first, "run-1").start("apply.sh", "prod") as running:
        calls, until = remote.applied.with_suffix(".calls"), time.monotonic() + 20
        while not calls.exists():
            assert time.monotonic() < until, "the first run never came to apply"
            time.sleep(0.02)
        second, third = author.merge({TWO: prompt("Two.")}), author.merge({THREE: prompt("Three.")})
        busy.unlink()
        assert running.wait(timeout=20) == 0, running.stdout and running.stdout.read()
        assert running.stdout
        running.stdout.read()
    assert run_of(remote, third, "run-3").run("apply.sh", "prod")[0] == 0
    code, said = run_of(remote, second, "run-2").run("apply.sh", "prod")
    assert (code, applied(remote)) == (0, [first, third])
    assert f"{third[:12]}, which is newer than {second[:12]}, was applied already" in said
    assert calls.read_text("utf-8").splitlines() == ["up up --environment prod --report out/up/prod"] * 2


def test_a_run_that_was_approved_late_is_applied_while_nothing_newer_was(remote: Remote, author: Clone) -> None:
    first, second = author.merge({ONE: prompt("One.")}), author.merge({TWO: prompt("Two.")})
    code, said = run_of(remote, first, "late").run("apply.sh", "prod")
    assert (code, applied(remote)) == (0, [first])
    assert f"{first[:12]} is older than {second[:12]}, but nothing newer was applied yet" in said


def test_a_repeated_old_run_brings_nothing_back_even_from_a_clone_of_one_commit(remote: Remote, author: Clone) -> None:
    old, new = author.merge({ONE: prompt("Bad.")}), author.merge({ONE: prompt("Good.")})
    remote.applied.write_text(f"{old}\n{new}\n", "utf-8")
    shallow = remote.clone("shallow", "--depth", "1")
    shallow.git("fetch", "--quiet", "--depth", "1", "origin", old)
    shallow.git("checkout", "--quiet", old)
    code, said = shallow.run("apply.sh", "prod")
    assert (code, applied(remote)) == (0, [old, new])
    assert "This clone is shallow: fetching the rest" in said
    assert "was applied already" in said


def test_a_commit_that_a_force_push_took_off_main_is_refused(remote: Remote, author: Clone) -> None:
    taken_off = author.merge({ONE: prompt("Secret.")})
    run = run_of(remote, taken_off, "run")
    author.git("reset", "--quiet", "--hard", "HEAD~1")
    author.commit({ONE: prompt("Fine.")})
    author.git("push", "--quiet", "--force", "origin", "HEAD:main")
    code, said = run.run("apply.sh", "prod")
    assert (code, applied(remote)) == (2, [])
    assert "is not on the branch: only what was merged is applied" in said


def test_after_a_force_push_the_new_main_is_applied_although_what_was_applied_is_gone(
    remote: Remote, author: Clone
) -> None:
    gone = author.merge({ONE: prompt("Gone.")})
    author.git("reset", "--quiet", "--hard", "HEAD~1")
    first, newest = author.commit({ONE: prompt("New.")}), author.commit({TWO: prompt("Newer.")})
    author.git("push", "--quiet", "--force", "origin", "HEAD:main")
    remote.applied.write_text(f"{gone}\n", "utf-8")
    git_collects(remote)
    assert run_of(remote, first, "late").run("apply.sh", "prod")[0] == 0
    assert run_of(remote, newest, "run").run("apply.sh", "prod")[0] == 0
    assert applied(remote) == [gone, first, newest]


def git_collects(remote: Remote) -> None:
    """The remote forgets what no branch holds, so that no clone can have it."""
    for arguments in (("reflog", "expire", "--expire=now", "--all"), ("gc", "--quiet", "--prune=now")):
        Clone(remote.bare, remote).git(*arguments)


def test_a_revert_and_a_merge_commit_are_the_newest_commit_like_any_other(remote: Remote, author: Clone) -> None:
    bad = author.merge({ONE: prompt("Bad.")})
    author.git("checkout", "--quiet", "-b", "side", "HEAD~1")
    author.commit({TWO: prompt("Two.")})
    author.git("checkout", "--quiet", "main")
    author.git("merge", "--quiet", "--no-ff", "--no-edit", "side")
    author.git("revert", "--no-edit", bad)
    author.git("push", "--quiet", "origin", "main")
    remote.applied.write_text(f"{bad}\n", "utf-8")
    reverted = author.git("rev-parse", "HEAD")
    assert run_of(remote, reverted, "run").run("apply.sh", "prod")[0] == 0
    assert applied(remote) == [bad, reverted]
    assert run_of(remote, author.git("rev-parse", "side"), "side").run("apply.sh", "prod")[0] == 0
    assert applied(remote) == [bad, reverted], "a commit of the merged branch is older than what was applied"


def test_a_branch_that_was_not_merged_is_refused(remote: Remote, author: Clone) -> None:
    author.git("checkout", "--quiet", "-b", "feature")
    mine = author.commit({ONE: prompt("Mine.")})
    code, said = author.run("apply.sh", "prod")
    assert (code, applied(remote)) == (2, [])
    assert f"{mine[:12]} is not on the branch" in said


def test_a_remote_that_does_not_answer_stops_the_run_before_anything_is_applied(remote: Remote, author: Clone) -> None:
    remote.bare.rename(remote.bare.with_suffix(".away"))
    code, said = author.run("apply.sh", "prod")
    assert code != 0
    assert "does not appear to be a git repository" in said
    assert applied(remote) == []


# -- what a pull request shows


def plan(clone: Clone, base: str = "origin/main") -> str:
    """The plan's report."""
    done = roster(clone.top, "plan", "--base", base)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    return done.stdout


def test_a_shallow_clone_of_a_branch_that_is_behind_shows_its_own_change_only(remote: Remote, author: Clone) -> None:
    author.git("checkout", "--quiet", "-b", "feature")
    author.commit({ONE: prompt("Mine.")})
    author.git("push", "--quiet", "origin", "feature")
    author.git("checkout", "--quiet", "main")
    author.merge({TWO: prompt("Somebody else's.")})
    shallow = remote.clone("shallow", "--depth", "1", "--branch", "feature")
    code, said = shallow.run("preview.sh", CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main")
    assert code == 0, said
    assert "1 agent changed" in said
    assert "business/one" in said
    assert "business/two" not in said


def test_the_commit_that_the_queue_makes_is_planned_against_the_one_before_it(remote: Remote, author: Clone) -> None:
    before = author.merge({ONE: prompt("Queued before.")})
    author.commit({TWO: prompt("Mine.")})
    author.git("push", "--quiet", "origin", "HEAD:gh-readonly-queue/main/pr-2")
    queued = remote.clone("queued", "--branch", "gh-readonly-queue/main/pr-2")
    code, said = queued.run("preview.sh", before, GITHUB_ACTIONS="true", GITHUB_EVENT_NAME="merge_group")
    assert code == 0, said
    assert "business/two" in said
    assert "business/one" not in said


@pytest.mark.parametrize(("event", "expected"), [("pull_request", 0), ("merge_group", 3)])
def test_many_removals_warn_a_pull_request_and_stop_the_queue(
    remote: Remote, author: Clone, event: str, expected: int
) -> None:
    many: dict[str, str | None] = {f"agents/business/more-{number}.yaml": MINIMAL for number in range(6)}
    author.merge(many)
    author.git("checkout", "--quiet", "-b", "feature")
    author.commit(dict.fromkeys(many))
    code, said = author.run("preview.sh", "origin/main", GITHUB_EVENT_NAME=event)
    assert code == expected, said
    assert ("::warning title=many removals" in said) is (event == "pull_request")


def test_main_merged_into_the_branch_is_not_the_branchs_change(author: Clone) -> None:
    author.git("checkout", "--quiet", "-b", "feature")
    author.commit({ONE: prompt("Mine.")})
    author.git("checkout", "--quiet", "main")
    author.merge({TWO: prompt("Theirs.")})
    author.git("checkout", "--quiet", "feature")
    author.git("merge", "--quiet", "--no-edit", "main")
    said = plan(author)
    assert "business/one" in said
    assert "business/two" not in said


def test_a_branch_that_was_rebased_and_force_pushed_shows_what_it_has_now(remote: Remote, author: Clone) -> None:
    author.git("checkout", "--quiet", "-b", "feature")
    author.commit({ONE: prompt("First try.")})
    author.git("push", "--quiet", "origin", "feature")
    reader = remote.clone("reader", "--branch", "feature")
    author.git("reset", "--quiet", "--hard", "main")
    author.commit({TWO: prompt("Second try.")})
    author.git("push", "--quiet", "--force", "origin", "feature")
    reader.git("fetch", "--quiet", "origin")
    reader.git("checkout", "--quiet", "--detach", "origin/feature")
    said = plan(reader)
    assert "business/two" in said
    assert "business/one" not in said


def test_a_renamed_agent_goes_under_its_old_name_and_comes_under_its_new_one(author: Clone) -> None:
    author.git("checkout", "--quiet", "-b", "feature")
    author.git("mv", ONE, THREE)
    author.commit({})
    said = plan(author)
    assert "1 agent added" in said
    assert "1 removed" in said or "1 agent removed" in said
    assert "business/three" in said
    assert "business/one" in said


def test_a_renamed_pool_takes_every_agent_of_it_away_and_says_so(author: Clone) -> None:
    for name in ("three", "four"):
        author.commit({f"agents/business/{name}.yaml": MINIMAL})
    author.git("push", "--quiet", "origin", "main")
    author.git("checkout", "--quiet", "-b", "feature")
    pools = author.top / "agents/catalog/pools.yaml"
    pools.write_text(pools.read_text("utf-8").replace("business:", "wares:"), "utf-8")
    author.git("mv", "agents/business", "agents/wares")
    author.commit({})
    done = roster(author.top, "plan", "--base", "origin/main")
    assert done.returncode == 3, "all agents of a pool go"
    assert "4 agents added" in done.stdout
    assert "wares/one" in done.stdout


def test_a_revert_shows_the_way_back(author: Clone) -> None:
    bad = author.merge({ONE: prompt("Bad.")})
    author.git("checkout", "--quiet", "-b", "undo")
    author.git("revert", "--no-edit", bad)
    said = plan(author)
    assert "1 agent changed" in said
    assert "business/one" in said


def test_agents_that_two_branches_add_merge_in_any_order(author: Clone) -> None:
    for branch, path, text in (("a", "agents/community/a.yaml", CHARACTER), ("b", THREE, MINIMAL)):
        author.git("checkout", "--quiet", "-b", branch, "main")
        author.commit({path: text})
    author.git("checkout", "--quiet", "main")
    author.git("merge", "--quiet", "--no-edit", "b")
    author.git("merge", "--quiet", "--no-edit", "a")
    assert "2 agents added" in plan(author)
