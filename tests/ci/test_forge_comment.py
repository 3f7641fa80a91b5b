"""Comments and issues: one of each, edited and not repeated, and harmless whoever wrote the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from forge_server import BOT, REPOSITORY, TOKEN, Forge, Refusal, serving
from markdown_it import MarkdownIt

from ci.forge.comment import put_comment
from ci.forge.github import ForgeError, GitHub, settings_from
from ci.forge.issue import close_issue, put_issue
from ci.forge.markdown import MOST_CHARACTERS, body_of, cell, harmless, marker

MARK = marker("plan")


@pytest.fixture
def forge() -> Iterator[Forge]:
    with serving() as one:
        yield one


@pytest.fixture
def github(forge: Forge) -> Iterator[GitHub]:
    settings = {"GITHUB_API_URL": forge.api, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_TOKEN": TOKEN}
    with GitHub(settings_from(settings), sleep=lambda _: None) as one:
        yield one


def test_a_comment_is_made_once_and_then_edited(forge: Forge, github: GitHub) -> None:
    forge.comment(7, "A person's words.", "ann")
    first = put_comment(github, 7, "plan", "One agent.")
    second = put_comment(github, 7, "plan", "Two agents.")
    assert first == second
    assert first.startswith("https://")
    assert forge.bodies(7) == ["A person's words.", f"{MARK}\nTwo agents.\n"]


def test_comments_of_other_names_and_other_pull_requests_stay(forge: Forge, github: GitHub) -> None:
    for number, name in ((7, "plan"), (7, "outcome-prod"), (8, "plan")):
        put_comment(github, number, name, f"{number} {name}")
    put_comment(github, 7, "plan", "new")
    assert [len(forge.bodies(7)), len(forge.bodies(8))] == [2, 1]
    assert "8 plan" in forge.bodies(8)[0]


def test_a_comment_on_a_later_page_is_found(forge: Forge, github: GitHub) -> None:
    for _ in range(5):
        forge.comment(7, "words", "ann")
    put_comment(github, 7, "plan", "One.")
    put_comment(github, 7, "plan", "Two.")
    assert len(forge.bodies(7)) == 6


def test_a_marker_in_somebody_elses_comment_is_not_ours(forge: Forge, github: GitHub) -> None:
    forge.comment(7, f"{MARK}\nNothing changes, promise.", "mallory")
    put_comment(github, 7, "plan", "Everything goes.")
    assert forge.bodies(7)[0] == f"{MARK}\nNothing changes, promise."
    assert "Everything goes." in forge.bodies(7)[1]


def test_a_comment_that_was_made_behind_a_broken_answer_is_found_and_not_made_twice(
    forge: Forge, github: GitHub
) -> None:
    forge.refusals.append(Refusal(502, method="POST", after=True))
    put_comment(github, 7, "plan", "One.")
    assert forge.bodies(7) == [f"{MARK}\nOne.\n"]


def test_a_comment_that_was_not_made_is_tried_again(forge: Forge, github: GitHub) -> None:
    forge.refusals.append(Refusal(502, method="POST"))
    put_comment(github, 7, "plan", "One.")
    assert len(forge.bodies(7)) == 1


def test_a_forge_that_makes_nothing_is_given_up(forge: Forge, github: GitHub) -> None:
    forge.refusals += [Refusal(502, method="POST")] * 5
    with pytest.raises(ForgeError, match="GitHub answers 502 to POST"):
        put_comment(github, 7, "plan", "One.")


def test_two_comments_of_one_name_become_one(forge: Forge, github: GitHub) -> None:
    for _ in range(2):
        forge.comment(7, f"{MARK}\nOld.")
    put_comment(github, 7, "plan", "New.")
    assert forge.bodies(7) == [f"{MARK}\nNew.\n"]


def test_an_unchanged_comment_is_left_alone(forge: Forge, github: GitHub) -> None:
    put_comment(github, 7, "plan", "Same.")
    put_comment(github, 7, "plan", "Same.")
    assert "PATCH" not in {one.method for one in forge.asked}


@pytest.mark.parametrize(
    "text",
    [
        "@example/everyone look",
        "ask @ann",
        "(@ann)",
        "\\@ann",
        "`@ann`",
        "a\n@ann",
        "*@ann*",
        "&#64;ann",
        "&#x40;ann",
        "&#0064;ann",
        "&commat;ann",
        "@<!-- -->ann",
        "x<b></b>@ann",
        "[@ann](http://x.example.com)",
    ],
)
def test_nobody_is_mentioned_by_what_others_wrote(text: str) -> None:
    assert mentions(text), "the test sees mentions where there are some"
    assert mentions(harmless(text)) == []


def mentions(markdown: str) -> list[str]:
    """Who is mentioned in each text of what the Markdown is rendered to, where GitHub looks for them."""
    html = MarkdownIt("commonmark", {"html": True}).render(markdown)
    shown = re.sub(r"<[^>]+>", "\0", re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL))
    return re.findall(r"(?<![A-Za-z0-9])@[A-Za-z0-9]", shown)


def test_what_holds_an_at_sign_and_mentions_nobody_stays_as_it_is() -> None:
    text = "docker.io/library/python@sha256:abc ann@example.com `a @ b` 1 @ 2"
    assert harmless(text) == text


def test_a_marker_in_the_text_is_shown_as_text(forge: Forge, github: GitHub) -> None:
    put_comment(github, 7, "plan", f"{marker('outcome-prod')}\nAll well. {marker('outcome-prod')}")
    (body,) = forge.bodies(7)
    assert body.count("<!--") == 1
    put_comment(github, 7, "outcome-prod", "Truth.")
    assert len(forge.bodies(7)) == 2


def test_signs_that_turn_a_line_around_are_shown() -> None:
    assert harmless("a\u202eb\x00c\td\r\n") == "a\ufffdb\ufffdc\td\n"
    assert harmless("👩‍👧 größer") == "👩‍👧 größer"


def test_defusing_twice_is_defusing_once() -> None:
    text = "@ann <!-- x --> &#64;bob"
    assert harmless(harmless(text)) == harmless(text)


@pytest.mark.parametrize("sign", ["a", "é", "🙂"])
def test_a_text_that_is_too_long_is_cut_between_paragraphs_and_says_so(sign: str) -> None:
    paragraph = sign * 500 + "\n\n"
    body = body_of("plan", paragraph * 200, "See [the run](https://x.example.com).")
    assert len(body.encode("utf-16-le")) // 2 <= MOST_CHARACTERS
    assert len(body.encode("utf-16-le")) // 2 > MOST_CHARACTERS - 2500
    assert "characters do not fit here.** See [the run](https://x.example.com)." in body
    kept = body.splitlines()[1:-2]
    assert {line for line in kept if line} == {sign * 500}


def test_a_cut_inside_of_code_and_folded_parts_closes_them() -> None:
    text = "<details><summary>x</summary>\n\n````diff\n" + "```\n+ line\n" * 9000 + "````\n\n</details>\n"
    body = body_of("plan", text, "P.")
    assert body.rstrip().endswith("P.")
    rest = body[body.rindex("+ line") :]
    assert rest.index("\n````\n") < rest.index("</details>") < rest.index("do not fit")


def test_one_line_without_end_is_cut_too() -> None:
    assert len(body_of("plan", "x" * 100_000)) <= MOST_CHARACTERS


def test_a_comment_of_any_length_is_taken(forge: Forge, github: GitHub) -> None:
    put_comment(github, 7, "plan", "@ann 🙂\n" * 20_000)
    assert len(forge.bodies(7)) == 1


def test_a_cell_keeps_to_its_cell() -> None:
    assert cell("a | b\n c <b>") == "a \\| b c &lt;b>"
    assert cell("x" * 400).endswith("…")


def test_an_issue_is_opened_once_brought_up_to_date_and_closed(forge: Forge, github: GitHub) -> None:
    put_issue(github, "drift", "Drift", "Two fields differ.")
    put_issue(github, "drift", "Drift: now", "Three fields differ.")
    (issue,) = forge.issues.values()
    assert (issue["title"], issue["state"]) == ("Drift: now", "open")
    assert "Three fields differ." in issue["body"]
    assert issue["labels"] == [{"name": "roster"}]
    assert close_issue(github, "drift") == [issue["number"]]
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert close_issue(github, "drift") == []


def test_drift_that_comes_back_opens_a_new_issue(forge: Forge, github: GitHub) -> None:
    put_issue(github, "drift", "Drift", "One.")
    close_issue(github, "drift")
    put_issue(github, "drift", "Drift", "Two.")
    assert [one["state"] for one in forge.issues.values()] == ["closed", "open"]


def test_only_our_issue_of_that_name_is_touched(forge: Forge, github: GitHub) -> None:
    body = f"{marker('drift')}\nx"
    theirs = forge.issue("Drift", body, "mallory")
    pull = forge.issue("Drift", body, BOT, pull_request={})
    other = forge.issue("Finding", f"{marker('finding')}\nx")
    put_issue(github, "drift", "Drift", "One.")
    assert close_issue(github, "drift") == [max(forge.issues)]
    assert {forge.issues[one]["state"] for one in (theirs, pull, other)} == {"open"}


def test_an_issue_that_was_opened_behind_a_broken_answer_is_not_opened_twice(forge: Forge, github: GitHub) -> None:
    forge.refusals.append(Refusal(503, method="POST", after=True))
    put_issue(github, "drift", "Drift", "One.")
    assert len(forge.issues) == 1
