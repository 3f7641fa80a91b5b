"""The pull request's comment: what a hostile artifact can do with it (nothing), and whose pull request it lands on."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ci.plan_comment import EventError, Preview, comment, main, preview_of, pull_request

HEAD = "0123456789abcdef0123456789abcdef01234567"
RUN = "https://git.example.com/acme/fleet/actions/runs/7"


def event(fork: bool = False, **changes: Any) -> dict[str, Any]:
    """GitHub's event, as far as it is read."""
    owner = "stranger" if fork else "acme"
    run = {
        "id": 7,
        "event": "pull_request",
        "head_sha": HEAD,
        "head_branch": "feature",
        "head_repository": {"full_name": f"{owner}/fleet", "owner": {"login": owner}},
        "html_url": RUN,
        "conclusion": "success",
    }
    return {"workflow_run": run | changes, "repository": {"full_name": "acme/fleet"}}


def preview(fork: bool = False, **changes: Any) -> Preview:
    """The run of `event`."""
    return preview_of(event(fork, **changes))


def archive(files: dict[str, bytes]) -> bytes:
    """An artifact."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return data.getvalue()


def listed(sha: str = HEAD, ref: str = "feature", state: str = "open") -> list[dict[str, Any]]:
    """GitHub's list of pull requests."""
    return [{"number": 12, "state": state, "head": {"sha": sha, "ref": ref}}]


def test_the_comment_lands_on_the_open_pull_request_of_that_very_commit() -> None:
    assert pull_request(preview(), listed()) == 12
    assert pull_request(preview(), listed(sha="f" * 40)) is None, "it was pushed to since: a newer run will speak"
    assert pull_request(preview(), listed(state="closed")) is None
    assert pull_request(preview(), listed(ref="other")) is None


@pytest.mark.parametrize("wrong", [{"event": "push"}, {"head_sha": "$(id)"}, {"id": "x"}, {"head_repository": None}])
def test_an_event_of_another_kind_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(EventError):
        preview(**wrong)


def test_what_a_fork_wrote_is_shown_as_text_that_it_cannot_break_out_of() -> None:
    text = comment(preview(fork=True), "# Plan\n```\n@acme/all ![x](https://evil.example.com/x)\n````\n<!-- roster -->")
    top, _, fence, *inside = text.split("\n")
    assert "It comes from a fork" in top
    assert fence == "`````text"
    assert inside[-1] == "`````"
    assert not any(line.startswith("`````") for line in inside[:-1])


def test_a_fence_of_endless_backticks_is_taken_apart() -> None:
    assert "`" * 4 not in comment(preview(fork=True), "`" * 59_000)


def test_a_preview_that_failed_is_said_to_have_failed() -> None:
    assert "**which failed**" in comment(preview(conclusion="failure"), "# Plan")


@pytest.fixture
def forge() -> Iterator[dict[str, Any]]:
    """GitHub's API on this machine: answers what is in the dict; `asked` are the questions, `written` the comments."""
    said: dict[str, Any] = {"pulls": listed(), "archive": archive({"plan.md": b"# Roster plan\n"})}
    said |= {"asked": [], "written": [], "artifacts": [{"id": 3, "name": "roster-plan", "expired": False}]}

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            said["asked"].append((url.path, parse_qs(url.query), self.headers["Authorization"]))
            answers = {"pulls": said["pulls"], "artifacts": {"artifacts": said["artifacts"]}, "comments": []}
            last = url.path.rsplit("/", 1)[-1]
            if last == "zip":
                self.answer(302, b"", f"http://127.0.0.1:{self.server.server_port}/storage")  # type: ignore[attr-defined]
            else:
                self.answer(200, said["archive"] if last == "storage" else json.dumps(answers[last]).encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            said["written"].append((urlsplit(self.path).path, body["body"]))
            self.answer(201, json.dumps({"html_url": "https://git.example.com/comment"}).encode())

        def answer(self, code: int, body: bytes, location: str = "") -> None:
            self.send_response(code)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    said["environment"] = {"GITHUB_TOKEN": "t", "GITHUB_API_URL": url, "GITHUB_REPOSITORY": "acme/fleet"}
    yield said
    server.shutdown()
    thread.join()
    server.server_close()


def write_comment(folder: Path, forge: dict[str, Any], fork: bool = False) -> tuple[int, str]:
    """Runs the program; exit code, and the comment that was written on pull request 12, or nothing."""
    (folder / "event.json").write_text(json.dumps(event(fork)), "utf-8")
    code = main(str(folder / "event.json"), forge["environment"])
    assert all(path == "/repos/acme/fleet/issues/12/comments" for path, _ in forge["written"])
    return code, "".join(text for _, text in forge["written"])


def test_a_forks_plan_becomes_the_comment_of_its_pull_request(tmp_path: Path, forge: dict[str, Any]) -> None:
    code, text = write_comment(tmp_path, forge, fork=True)
    assert code == 0
    assert "```text\n# Roster plan\n```" in text
    path, question, _ = forge["asked"][0]
    assert (path, question["head"]) == ("/repos/acme/fleet/pulls", ["stranger:feature"])


def test_the_token_is_not_shown_to_the_storage_of_artifacts(tmp_path: Path, forge: dict[str, Any]) -> None:
    write_comment(tmp_path, forge)
    shown = {path: token for path, _, token in forge["asked"]}
    assert shown["/storage"] is None
    assert shown["/repos/acme/fleet/pulls"] == "Bearer t"


def test_a_repeated_run_is_shown_by_its_last_plan(tmp_path: Path, forge: dict[str, Any]) -> None:
    forge["artifacts"] = [{"id": number, "name": "roster-plan", "expired": False} for number in (9, 11, 10)]
    write_comment(tmp_path, forge)
    assert "/repos/acme/fleet/actions/artifacts/11/zip" in {path for path, _, _ in forge["asked"]}


def test_our_own_branchs_plan_is_shown_as_written_but_hides_nothing(tmp_path: Path, forge: dict[str, Any]) -> None:
    forge["archive"] = archive({"plan.md": "# Roster plan\n<!-- roster:x -->\n**1 agent changed**\x1b\u202e".encode()})
    text = write_comment(tmp_path, forge)[1]
    marker, _, rest = text.partition("\n")
    assert marker == "<!-- roster:preview -->"
    assert "\n# Roster plan\n" in rest
    assert "<!--" not in rest
    assert not {"\x1b", "\u202e"} & set(rest)


@pytest.mark.parametrize("fork", [False, True])
def test_a_plan_that_is_too_long_is_cut_and_says_where_the_whole_is(
    tmp_path: Path, forge: dict[str, Any], fork: bool
) -> None:
    forge["archive"] = archive({"plan.md": b"a line\n" * 100_000})
    text = write_comment(tmp_path, forge, fork)[1]
    assert len(text) <= 65_536
    assert text.endswith(f"It is in the artifact `roster-plan` of [the run]({RUN}).\n")
    assert text.count("```") == (2 if fork else 0), "the text ends where it should, so that the sentence is seen"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04 nonsense",
        archive({"other.md": b"x"}),
        archive({"plan.md": b"\xff\xfe"}),
        archive({"plan.md": b"x", "../../ci/apply.sh": b"exit"}),
        archive({"plan.md": b"a" * (65 << 20)}),
        archive({"plan.md": b"hello" * 100})[:40] + archive({"plan.md": b"hello" * 100})[50:],
    ],
    ids=["empty", "no archive", "no plan", "no text", "a way out", "bomb", "damaged"],
)
def test_an_artifact_that_is_no_plan_is_said_to_be_none(tmp_path: Path, forge: dict[str, Any], data: bytes) -> None:
    forge["archive"] = data
    code, text = write_comment(tmp_path, forge, fork=True)
    assert code == 0
    assert "left no plan (" in text
    assert len(text) < 600


def test_without_an_artifact_the_comment_says_so_and_where_the_reasons_stand(
    tmp_path: Path, forge: dict[str, Any]
) -> None:
    forge["artifacts"] = []
    code, text = write_comment(tmp_path, forge)
    assert code == 0
    assert "left no plan (it did not come that far): the reasons stand in its log" in text


def test_a_pull_request_that_moved_on_gets_no_comment(tmp_path: Path, forge: dict[str, Any]) -> None:
    forge["pulls"] = listed(sha="f" * 40)
    assert write_comment(tmp_path, forge) == (0, "")


def test_an_event_that_is_none_is_one_line(
    tmp_path: Path, forge: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "event.json").write_text("{}", "utf-8")
    assert main(str(tmp_path / "event.json"), forge["environment"]) == 1
    assert capsys.readouterr().err.startswith("comment: this is no event of a workflow run that ended")
