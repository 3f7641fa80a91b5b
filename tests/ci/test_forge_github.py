"""The client of GitHub's API, against a server on this machine: pages, retries, time limits, errors of one line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from forge_server import REPOSITORY, TOKEN, Forge, Refusal, serving

from ci.forge.github import ATTEMPTS, MOST_PAGES, ForgeError, GitHub, UnsureError, settings_from


@pytest.fixture
def forge() -> Iterator[Forge]:
    with serving() as one:
        yield one


@pytest.fixture
def slept() -> list[float]:
    """The seconds that the client would have slept."""
    return []


@pytest.fixture
def github(forge: Forge, slept: list[float]) -> Iterator[GitHub]:
    with GitHub(settings_from(variables(forge)), sleep=slept.append, now=lambda: 1000.0) as one:
        yield one


def variables(forge: Forge, **more: str) -> dict[str, str]:
    return {"GITHUB_API_URL": forge.api, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN, **more}


def said_by(github: GitHub, path: str = "pulls/7") -> str:
    with pytest.raises(ForgeError) as raised:
        github.get(path)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_all_pages_of_a_list_are_read(forge: Forge, github: GitHub) -> None:
    for number in range(5):
        forge.comment(7, f"number {number}")
    assert [one["body"] for one in github.pages("issues/7/comments")] == [f"number {number}" for number in range(5)]
    assert len(forge.asked) == 3


def test_a_list_without_end_is_given_up(forge: Forge, github: GitHub) -> None:
    link = {"Link": f'<{forge.api}/repos/{REPOSITORY}/issues/7/comments?page=2>; rel="next"'}
    forge.refusals += [Refusal(200, link, body=[])] * (MOST_PAGES + 1)
    with pytest.raises(ForgeError, match="issues/7/comments has over 10,000 items"):
        list(github.pages("issues/7/comments"))


def test_a_next_page_on_another_host_is_not_asked_for(forge: Forge, github: GitHub) -> None:
    forge.refusals.append(Refusal(200, {"Link": '<https://evil.example.com/x>; rel="next"'}, body=[]))
    with pytest.raises(ForgeError, match=r"lie elsewhere, at https://evil\.example\.com"):
        list(github.pages("issues/7/comments"))


@pytest.mark.parametrize(
    ("refusals", "expected"),
    [
        ([Refusal(502), Refusal(503)], [1, 2]),
        ([Refusal(429, {"Retry-After": "7"})], [7]),
        ([Refusal(403, {"Retry-After": "3"})], [3]),
        ([Refusal(403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1030"})], [31]),
        ([Refusal(403, body={"message": "You have exceeded a secondary rate limit."})] * 2, [60, 120]),
    ],
    ids=["5xx", "429", "secondary", "primary", "secondary-without-a-time"],
)
def test_what_passes_is_waited_for(
    forge: Forge, github: GitHub, slept: list[float], refusals: list[Refusal], expected: list[float]
) -> None:
    forge.pull(7, "a" * 40)
    forge.refusals += refusals
    assert github.get("pulls/7")["number"] == 7
    assert slept == expected


def test_a_server_that_stays_broken_is_given_up_with_its_own_words(
    forge: Forge, github: GitHub, slept: list[float]
) -> None:
    forge.refusals += [Refusal(502, body="<html>Bad\nGateway</html>")] * ATTEMPTS
    said = said_by(github)
    assert said == f"GitHub answers 502 to GET /repos/{REPOSITORY}/pulls/7: Bad Gateway; it was asked 5 times"
    assert slept == [1, 2, 4, 8]


def test_an_hour_is_not_waited_for(forge: Forge, github: GitHub, slept: list[float]) -> None:
    forge.refusals.append(Refusal(429, {"Retry-After": "3600"}))
    assert said_by(github) == "GitHub's rate limit is used up for 3,600 s more; run this again after that"
    assert slept == []


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (
            Refusal(401, body={"message": "Bad credentials"}),
            "does not take the token (Bad credentials): it is wrong or",
        ),
        (
            Refusal(
                403,
                {"X-Accepted-GitHub-Permissions": "pull_requests=write"},
                {"message": "Resource not accessible by integration"},
            ),
            "not accessible by integration); it needs pull_requests=write",
        ),
        (Refusal(404), "has nothing at GET /repos/example/agents/pulls/7, or the token may not see it"),
        (Refusal(301), "has moved; set GITHUB_REPOSITORY"),
        (Refusal(422, body={"message": "Validation Failed", "errors": [{"message": "too\nlong"}]}), "Failed; too long"),
        (Refusal(200, body="<html>"), "is no JSON"),
    ],
    ids=lambda one: str(one.status) if isinstance(one, Refusal) else "",
)
def test_what_does_not_pass_is_said_at_once(
    forge: Forge, github: GitHub, slept: list[float], refusal: Refusal, expected: str
) -> None:
    forge.refusals.append(refusal)
    assert expected in said_by(github)
    assert slept == []


def test_an_expired_token_is_named_as_the_cause(forge: Forge) -> None:
    with GitHub(settings_from(variables(forge, GITHUB_TOKEN="ghs_old"))) as github:
        assert "wrong or expired; set GITHUB_TOKEN" in said_by(github)


def test_a_server_that_does_not_answer_is_named(forge: Forge, slept: list[float]) -> None:
    with GitHub(settings_from(variables(forge, GITHUB_API_URL="http://127.0.0.1:1")), sleep=slept.append) as github:
        assert said_by(github).startswith("GitHub does not answer (GET /repos/example/agents/pulls/7)")
    assert len(slept) == ATTEMPTS - 1


def test_what_may_have_been_made_is_not_made_again(forge: Forge, github: GitHub) -> None:
    forge.refusals.append(Refusal(502, method="POST", after=True))
    with pytest.raises(UnsureError):
        github.post("issues/7/comments", {"body": "once"})
    assert forge.bodies(7) == ["once"]


def test_the_token_is_in_no_message_and_in_no_representation(forge: Forge, github: GitHub) -> None:
    forge.refusals.append(Refusal(422, body={"message": f"token {TOKEN} is odd"}))
    assert TOKEN not in said_by(github)
    assert TOKEN not in repr(github.settings)


def test_a_download_shows_the_token_to_the_api_and_not_to_the_storage(forge: Forge, github: GitHub) -> None:
    forge.zips[5] = b"data"
    assert github.download("actions/artifacts/5/zip", 100) == b"data"
    assert forge.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert [{name.lower() for name in one} & {"authorization"} for one in forge.stored] == [set()]


def test_a_download_that_is_too_large_is_stopped(forge: Forge, github: GitHub) -> None:
    forge.zips[5] = b"x" * 101
    with pytest.raises(ForgeError, match="larger than 100 bytes"):
        github.download("actions/artifacts/5/zip", 100)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY is ''"),
        ({"GITHUB_REPOSITORY": "a/b/../c"}, "GITHUB_REPOSITORY is 'a/b/../c'"),
        ({"GITHUB_TOKEN": ""}, "GITHUB_TOKEN is not set"),
        ({"GITHUB_TOKEN": "a\nb"}, "GITHUB_TOKEN is no token"),
        ({"GITHUB_API_URL": "http://github.example.com"}, "must begin with https://"),
    ],
)
def test_settings_that_are_missing_or_unsafe_are_refused(change: dict[str, Any], said: str) -> None:
    good = {"GITHUB_API_URL": "https://github.example.com/api/v3", "GITHUB_REPOSITORY": "a/b", "GITHUB_TOKEN": "t"}
    assert settings_from(good).graphql_url == "https://github.example.com/api/graphql"
    with pytest.raises(ForgeError) as raised:
        settings_from(good | change)
    assert said in str(raised.value)
