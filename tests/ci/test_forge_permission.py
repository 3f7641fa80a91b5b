"""The permission to delete many agents: explicit, of a reviewer, of just the commits that are merged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from forge_server import REPOSITORY, TOKEN, Forge, serving

from ci.forge.github import GitHub, settings_from
from ci.forge.permission import LINE, Answer, Permission, deletions_permitted

HEAD, EARLIER = "a" * 40, "b" * 40


@pytest.fixture
def forge() -> Iterator[Forge]:
    """Pull request 7 of ann, with two commits of hers; ben and cat may write."""
    with serving() as one:
        one.pull(7, HEAD, "ann")
        one.pull_commits[7] = [commit("ann"), commit("ann")]
        one.permissions |= {"ann": "admin", "ben": "write", "cat": "admin", "dan": "read"}
        yield one


@pytest.fixture
def github(forge: Forge) -> Iterator[GitHub]:
    settings = {"GITHUB_API_URL": forge.api, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}
    with GitHub(settings_from(settings), sleep=lambda _: None) as one:
        yield one


def commit(author: str, committer: str = "web-flow") -> dict[str, Any]:
    """A commit as the API lists it; nobody known with an empty name."""
    return {"author": {"login": author} if author else None, "committer": {"login": committer} if committer else None}


def asked(github: GitHub) -> Answer:
    return deletions_permitted(github, 7, HEAD)


def refused(github: GitHub) -> str:
    """Why nobody's permission counts."""
    answer = asked(github)
    assert answer.permission is None
    return "; ".join(answer.reasons)


@pytest.mark.parametrize("body", [LINE, "Seen.\r\n\r\nroster: allow removals\r\nGo.", "  Roster: allow deletions  "])
@pytest.mark.parametrize("state", ["APPROVED", "COMMENTED"])
def test_a_reviewers_line_permits(forge: Forge, github: GitHub, body: str, state: str) -> None:
    forge.review(7, "ben", HEAD, body, state)
    permission = Permission("deletions", 7, HEAD, "ben", "2026-06-01T09:00:00Z")
    assert asked(github) == Answer(permission)
    assert json.loads(permission.as_json()) == {
        "kind": "deletions", "pull": 7, "head": HEAD, "by": "ben", "at": "2026-06-01T09:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize("body", ["", "LGTM", f"> {LINE}", f"never write {LINE}", f"`{LINE}`", f"{LINE} of the others"])
def test_an_approval_without_the_line_permits_nothing(forge: Forge, github: GitHub, body: str) -> None:
    forge.review(7, "ben", HEAD, body)
    assert refused(github) == f"no reviewer of pull request 7 wrote the line `{LINE}` in a review of {HEAD[:10]}"


def test_without_any_review_nothing_is_permitted(forge: Forge, github: GitHub) -> None:
    assert "no reviewer" in refused(github)


def test_a_review_of_an_earlier_commit_permits_nothing(forge: Forge, github: GitHub) -> None:
    forge.review(7, "ben", EARLIER, LINE)
    assert refused(github) == f"ben allowed the deletions of {EARLIER[:10]}; {HEAD[:10]} needs a review of its own"


def test_a_head_that_moved_on_permits_nothing(forge: Forge, github: GitHub) -> None:
    forge.review(7, "ben", EARLIER, LINE)
    answer = deletions_permitted(github, 7, EARLIER)
    assert answer.permission is None
    assert answer.reasons == (f"pull request 7 is at {HEAD[:10]} now, not at {EARLIER[:10]}",)


@pytest.mark.parametrize("login", ["ann", "Ann"])
def test_the_author_cannot_permit(forge: Forge, github: GitHub, login: str) -> None:
    forge.permissions["Ann"] = "admin"
    forge.review(7, login, HEAD, LINE, "COMMENTED")
    assert "wrote the change" in refused(github)


@pytest.mark.parametrize("made", [commit("ben"), commit("ann", "ben")], ids=["author", "committer"])
def test_whoever_made_one_of_its_commits_cannot_permit(forge: Forge, github: GitHub, made: dict[str, Any]) -> None:
    forge.pull_commits[7] += [made, commit("ann")]
    forge.review(7, "ben", HEAD, LINE)
    assert "ben wrote the change" in refused(github)


def test_a_commit_of_nobody_known_leaves_nobody_to_permit(forge: Forge, github: GitHub) -> None:
    forge.pull_commits[7].append(commit("", ""))
    forge.review(7, "ben", HEAD, LINE)
    assert "has no account on GitHub" in refused(github)


def test_more_commits_than_are_listed_leave_nobody_to_permit(forge: Forge, github: GitHub) -> None:
    forge.pulls[7]["commits"] = 251
    forge.review(7, "ben", HEAD, LINE)
    assert "over 250 commits" in refused(github)


@pytest.mark.parametrize("login", ["dan", "eve"])
def test_who_may_not_write_cannot_permit(forge: Forge, github: GitHub, login: str) -> None:
    forge.review(7, login, HEAD, LINE)
    assert refused(github) == f"{login} may not write to the repository, and so cannot allow deletions"


def test_a_program_cannot_permit(forge: Forge, github: GitHub) -> None:
    forge.permissions["helper[bot]"] = "write"
    forge.review(7, "helper[bot]", HEAD, LINE, user={"login": "helper[bot]", "type": "Bot"})
    assert "helper[bot] is a program" in refused(github)


@pytest.mark.parametrize("state", ["DISMISSED", "CHANGES_REQUESTED"])
def test_a_review_that_is_dismissed_or_asks_for_changes_permits_nothing(
    forge: Forge, github: GitHub, state: str
) -> None:
    forge.review(7, "ben", HEAD, LINE, state)
    assert "no reviewer" in refused(github)


def test_a_later_request_for_changes_takes_it_back(forge: Forge, github: GitHub) -> None:
    forge.review(7, "ben", HEAD, LINE)
    forge.review(7, "ben", HEAD, "No, wait.", "CHANGES_REQUESTED")
    assert "no reviewer" in refused(github)


def test_a_later_answer_or_approval_does_not_take_it_back(forge: Forge, github: GitHub) -> None:
    forge.review(7, "ben", HEAD, LINE)
    forge.review(7, "ben", HEAD, "", "COMMENTED")
    forge.review(7, "ben", HEAD, "And the rest is fine.", "APPROVED")
    permission = asked(github).permission
    assert permission
    assert permission.by == "ben"


def test_a_review_that_somebody_edited_permits_nothing(forge: Forge, github: GitHub) -> None:
    """The author of the change, with the right to write, can change the words of a reviewer."""
    forge.review(7, "ben", HEAD, LINE)
    forge.edited[forge.reviews[7][0]["node_id"]] = "2026-06-01T09:30:00Z"
    assert "ben's review was edited afterwards" in refused(github)


def test_one_good_reviewer_among_others_is_enough(forge: Forge, github: GitHub) -> None:
    forge.review(7, "ann", HEAD, LINE, "COMMENTED")
    forge.review(7, "dan", HEAD, LINE)
    forge.review(7, "cat", HEAD, LINE)
    permission = asked(github).permission
    assert permission
    assert permission.by == "cat"
