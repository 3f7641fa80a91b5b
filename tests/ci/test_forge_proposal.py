"""The pull request that a job keeps: one commit on top of main, never two of it, and nobody else's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_fleet import Done, git, roster
from forge_server import REPOSITORY, TOKEN, Forge, Refusal, serving

from ci.forge.github import ForgeError, GitHub, settings_from
from ci.forge.proposal import propose

BRANCH = "roster/images"
MAIN = {"README.md": "Read me.\n", "images/old.yaml": "old\n"}


@pytest.fixture
def forge() -> Iterator[Forge]:
    with serving() as one:
        one.git.push("main", MAIN)
        yield one


@pytest.fixture
def github(forge: Forge) -> Iterator[GitHub]:
    settings = {"GITHUB_API_URL": forge.api, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}
    with GitHub(settings_from(settings), sleep=lambda _: None) as one:
        yield one


def proposed(github: GitHub, files: dict[str, str | None], title: str = "Record images") -> str:
    return propose(github, BRANCH, "main", title, "Look at it.", files)


def written(forge: Forge) -> list[str]:
    """What was told to the forge, not asked of it."""
    return [f"{one.method} {one.path.partition(REPOSITORY)[2]}" for one in forge.asked if one.method != "GET"]


def test_the_first_proposal_opens_a_pull_request_of_one_commit(forge: Forge, github: GitHub) -> None:
    address = proposed(github, {"images/new.yaml": "new\n", "images/old.yaml": None})
    (pull,) = forge.pulls.values()
    assert address == pull["html_url"]
    assert (pull["title"], pull["body"], pull["base"]["ref"], pull["head"]["ref"]) == (
        "Record images", "Look at it.", "main", BRANCH,
    )  # fmt: skip
    assert forge.git.files(BRANCH) == {"README.md": "Read me.\n", "images/new.yaml": "new\n"}
    assert forge.git.history(BRANCH) == ["Record images", "somebody's"]
    assert forge.git.files("main") == MAIN, "nothing is pushed to main"


def test_the_next_one_is_the_same_pull_request_with_other_files_and_still_one_commit(
    forge: Forge, github: GitHub
) -> None:
    first = proposed(github, {"images/new.yaml": "new\n"})
    second = proposed(github, {"images/other.yaml": "other\n"}, "Record other images")
    assert first == second
    (pull,) = forge.pulls.values()
    assert (pull["title"], pull["head"]["sha"]) == ("Record other images", forge.git.branches[BRANCH])
    assert forge.git.files(BRANCH) == {**MAIN, "images/other.yaml": "other\n"}
    assert forge.git.history(BRANCH) == ["Record other images", "somebody's"]


def test_the_same_files_leave_the_commit_that_was_approved_alone(forge: Forge, github: GitHub) -> None:
    proposed(github, {"images/new.yaml": "new\n"})
    before = forge.git.branches[BRANCH]
    proposed(github, {"images/new.yaml": "new\n"})
    assert forge.git.branches[BRANCH] == before


def test_when_main_has_moved_on_the_commit_is_on_top_of_it(forge: Forge, github: GitHub) -> None:
    proposed(github, {"images/new.yaml": "new\n"})
    forge.git.push("main", {**MAIN, "agents/one.yaml": "one\n"})
    proposed(github, {"images/new.yaml": "new\n"})
    assert forge.git.files(BRANCH) == {**MAIN, "agents/one.yaml": "one\n", "images/new.yaml": "new\n"}
    assert forge.git.history(BRANCH) == ["Record images", "somebody's", "somebody's"]
    assert len(forge.pulls) == 1


@pytest.mark.parametrize("files", [{}, {"images/old.yaml": "old\n"}, {"images/gone.yaml": None}])
def test_when_nothing_differs_any_more_the_pull_request_is_closed(
    forge: Forge, github: GitHub, files: dict[str, str | None]
) -> None:
    proposed(github, {"images/new.yaml": "new\n"})
    assert proposed(github, files) == ""
    assert [one["state"] for one in forge.pulls.values()] == ["closed"]
    again = proposed(github, {"images/new.yaml": "newer\n"})
    assert [one["html_url"] for one in forge.pulls.values() if one["state"] == "open"] == [again]


def test_where_nothing_differs_and_nothing_is_open_nothing_is_told(forge: Forge, github: GitHub) -> None:
    assert proposed(github, {}) == ""
    assert (written(forge), [*forge.git.branches]) == ([], ["main"])


@pytest.mark.parametrize("repository", ["mallory/agents", "example/agents-of-mallory"])
def test_a_forks_branch_of_the_same_name_is_not_ours(forge: Forge, github: GitHub, repository: str) -> None:
    forge.pull(7, "0" * 40, "mallory", repository, state="open", title="Mine", html_url="x")
    forge.pulls[7]["head"]["ref"] = BRANCH
    address = proposed(github, {"images/new.yaml": "new\n"})
    assert address != "x"
    assert proposed(github, {}) == ""
    assert (forge.pulls[7]["title"], forge.pulls[7]["state"]) == ("Mine", "open")


def test_a_pull_request_of_the_branch_into_another_one_is_not_ours(forge: Forge, github: GitHub) -> None:
    forge.pull(7, "0" * 40, base="release", state="open", title="Mine", html_url="x")
    forge.pulls[7]["head"]["ref"] = BRANCH
    # GitHub has one open pull request for a branch and a base.
    assert propose(github, BRANCH, "main", "T", "B", {}) == ""
    assert forge.pulls[7]["state"] == "open"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("skipped", range(4))
def test_a_forge_that_fails_in_between_gets_no_second_pull_request(
    forge: Forge, github: GitHub, after: bool, skipped: int
) -> None:
    """`after`: it does what it is told, and its answer is lost."""
    for method in ["PUT"] * skipped:
        forge.refusals.append(Refusal(502, method=method))
    waits = iter(range(skipped))

    class Late(Refusal):
        """Comes with the POST after so many others: trees, commits, refs, pulls."""

        @property
        def method(self) -> str:
            return "POST" if next(waits, None) is None else "never"

        @method.setter
        def method(self, _: str) -> None: ...

    forge.refusals[:] = []
    posted = [one for one in ("git/trees", "git/commits", "git/refs", "pulls")][skipped]
    _fail_once(forge, posted, after)
    address = proposed(github, {"images/new.yaml": "new\n"})
    assert [one["html_url"] for one in forge.pulls.values()] == [address]
    assert forge.git.history(BRANCH) == ["Record images", "somebody's"]


def _fail_once(forge: Forge, path: str, after: bool) -> None:
    raise NotImplementedError
