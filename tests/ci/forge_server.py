"""A server that behaves as GitHub's REST API does for what Roster asks of it, with the documented shapes."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from forge_git import ROUTES as GIT_ROUTES
from forge_git import Objects

REPOSITORY = "example/agents"
BOT = "github-actions[bot]"
TOKEN = "ghs_0123456789abcdefghij"
Answer = tuple[int, Any]


@dataclass
class Asked:
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Refusal:
    """An answer in place of the real one, to a request of that method whose path ends so; to the next with neither.

    `after`: what was asked for is done all the same, behind a broken proxy.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    method: str = ""
    after: bool = False
    path: str = ""

    def meets(self, asked: Asked) -> bool:
        """Whether it is for that request."""
        return self.method in ("", asked.method) and asked.path.endswith(self.path)


@dataclass
class Forge:
    """The state of a repository; `api` and `storage` are addresses."""

    api: str = ""
    storage: str = ""
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    commit_pulls: dict[str, list[int]] = field(default_factory=dict)
    reviews: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    pull_commits: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    events: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    permissions: dict[str, str] = field(default_factory=dict)
    edited: dict[str, str] = field(default_factory=dict)
    statuses: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    zips: dict[int, bytes] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    stored: list[dict[str, str]] = field(default_factory=list)
    git: Objects = field(default_factory=Objects)
    token: str = TOKEN
    page: int = 2
    next_id: int = 100

    def number(self) -> int:
        self.next_id += 1
        return self.next_id

    def comment(self, issue: int, body: str, login: str = BOT) -> int:
        """A comment that is there already; its number."""
        number = self.number()
        url = f"https://github.example.com/{REPOSITORY}/issues/{issue}#issuecomment-{number}"
        self.comments[number] = {
            "id": number, "issue": issue, "body": body, "user": {"login": login, "type": "User"}, "html_url": url,
        }  # fmt: skip
        return number

    def issue(self, title: str, body: str, login: str = BOT, **more: Any) -> int:
        """An issue that is there already; its number."""
        number = self.number()
        url = f"https://github.example.com/{REPOSITORY}/issues/{number}"
        self.issues[number] = {
            "number": number, "title": title, "body": body, "user": {"login": login}, "state": "open",
            "labels": [{"name": "roster"}], "html_url": url, **more,
        }  # fmt: skip
        return number

    def pull(
        self, number: int, head: str, author: str = "ann", repository: str = REPOSITORY, base: str = "main", **more: Any
    ) -> None:
        """A pull request, merged."""
        self.pulls[number] = {
            "number": number, "state": "closed", "merged_at": "2026-06-01T10:00:00Z", "commits": 1,
            "user": {"login": author, "type": "User"},
            "head": {"sha": head, "ref": f"change-{number}", "repo": {"full_name": repository}},
            "base": {"ref": base, "repo": {"full_name": REPOSITORY, "default_branch": "main"}}, **more,
        }  # fmt: skip

    def review(self, pull: int, login: str, head: str, body: str = "", state: str = "APPROVED", **more: Any) -> None:
        """A review of a pull request."""
        number = self.number()
        self.reviews.setdefault(pull, []).append(
            {"id": number, "node_id": f"PRR_{number}", "user": {"login": login, "type": "User"}, "body": body,
             "state": state, "commit_id": head, "submitted_at": "2026-06-01T09:00:00Z", **more}
        )  # fmt: skip

    def run(self, head: str, event: str, files: dict[str, str] | bytes, /, **more: Any) -> int:
        """A successful run of the preview workflow with its artifact; the run's number."""
        number, artifact = self.number(), self.number()
        given = {
            "id": number, "head_sha": head, "event": event, "status": "completed", "conclusion": "success",
            "head_branch": "main", "head_repository": {"full_name": REPOSITORY}, "workflow": "preview.yaml", **more,
        }  # fmt: skip
        self.runs.insert(0, given)
        self.artifacts[number] = [{"id": artifact, "name": "roster-plan", "expired": False}]
        self.zips[artifact] = files if isinstance(files, bytes) else zipped(files)
        return number

    def bodies(self, issue: int) -> list[str]:
        """The texts of an issue's comments."""
        return [one["body"] for one in self.comments.values() if one["issue"] == issue]


def zipped(files: dict[str, str]) -> bytes:
    """A zip file with just these names, strange ones too."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@contextmanager
def serving() -> Iterator[Forge]:
    """A forge on this machine, and beside it the storage that its artifacts lie in."""
    forge = Forge()
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler(forge)) for handler in (_api, _storage)]
    threads = [threading.Thread(target=one.serve_forever, args=(0.01,)) for one in servers]
    forge.api, forge.storage = (f"http://127.0.0.1:{one.server_address[1]}" for one in servers)
    for thread in threads:
        thread.start()
    try:
        yield forge
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def send(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)


def _storage(forge: Forge) -> type[BaseHTTPRequestHandler]:
    class Storage(_Quiet):
        def do_GET(self) -> None:
            forge.stored.append(dict(self.headers))
            self.send(200, forge.zips[int(urlsplit(self.path).path.strip("/"))])

    return Storage


def _api(forge: Forge) -> type[BaseHTTPRequestHandler]:
    class Api(_Quiet):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            asked = Asked(self.command, parts.path, query, dict(self.headers), body)
            forge.asked.append(asked)
            refusal = next((one for one in forge.refusals if one.meets(asked)), None)
            if refusal:
                forge.refusals.remove(refusal)
                if refusal.after:
                    answered(forge, asked)
                said = {"message": "Refused"} if refusal.body is None else refusal.body
                data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
                self.send(refusal.status, data, **refusal.headers)
                return
            if asked.headers.get("Authorization") != f"Bearer {forge.token}":
                self.send(401, json.dumps({"message": "Bad credentials"}).encode())
                return
            status, content = answered(forge, asked)
            headers = {}
            if isinstance(content, _Items):
                content, headers = content.page(forge, asked)
            if status == 302:
                self.send(302, b"", Location=content)
            else:
                self.send(status, b"" if content is None else json.dumps(content).encode(), **headers)

    for method in ("GET", "POST", "PATCH", "DELETE"):
        setattr(Api, f"do_{method}", Api.answer)
    return Api


@dataclass
class _Items:
    """A list that is handed out in pages, below `key` when that is named."""

    items: list[Any]
    key: str = ""

    def page(self, forge: Forge, asked: Asked) -> tuple[Any, dict[str, str]]:
        number = int(asked.query.get("page", "1"))
        size = min(forge.page, int(asked.query.get("per_page", "30")))
        shown = self.items[(number - 1) * size : number * size]
        headers = {}
        if number * size < len(self.items):
            query = "&".join(f"{k}={v}" for k, v in {**asked.query, "page": str(number + 1)}.items())
            headers["Link"] = f'<{forge.api}{asked.path}?{query}>; rel="next", <{forge.api}{asked.path}>; rel="last"'
        return ({"total_count": len(self.items), self.key: shown} if self.key else shown), headers


def answered(forge: Forge, asked: Asked) -> Answer:
    """Does what is asked for."""
    if asked.path == "/graphql":
        edited = forge.edited.get(asked.body["variables"]["id"])
        return 200, {"data": {"node": {"lastEditedAt": edited}}}
    for method, pattern, act in ROUTES:
        match = re.fullmatch(f"/repos/{REPOSITORY}/{pattern}", asked.path)
        if match and method == asked.method:
            return act(forge, asked, *match.groups())
    return 404, {"message": "Not Found"}


def _list_comments(forge: Forge, asked: Asked, issue: str) -> Answer:
    return 200, _Items([one for one in forge.comments.values() if one["issue"] == int(issue)])


def _add_comment(forge: Forge, asked: Asked, issue: str) -> Answer:
    if len(asked.body["body"]) > 65536:
        return 422, {"message": "Validation Failed", "errors": [{"message": "body is too long"}]}
    return 201, forge.comments[forge.comment(int(issue), asked.body["body"])]


def _edit_comment(forge: Forge, asked: Asked, number: str) -> Answer:
    forge.comments[int(number)] |= asked.body
    return 200, forge.comments[int(number)]


def _delete_comment(forge: Forge, asked: Asked, number: str) -> Answer:
    del forge.comments[int(number)]
    return 204, None


def _list_issues(forge: Forge, asked: Asked) -> Answer:
    label = asked.query["labels"]
    found = [
        one
        for one in forge.issues.values()
        if one["state"] == asked.query["state"] and label in {each["name"] for each in one["labels"]}
    ]
    return 200, _Items(found)


def _add_issue(forge: Forge, asked: Asked) -> Answer:
    labels = [{"name": name} for name in asked.body["labels"]]
    number = forge.issue(asked.body["title"], asked.body["body"], labels=labels)
    return 201, forge.issues[number]


def _edit_issue(forge: Forge, asked: Asked, number: str) -> Answer:
    forge.issues[int(number)] |= asked.body
    return 200, forge.issues[int(number)]


def _pull(forge: Forge, asked: Asked, number: str) -> Answer:
    found = forge.pulls.get(int(number))
    return (200, found) if found else (404, {"message": "Not Found"})


def _list_pulls(forge: Forge, asked: Asked) -> Answer:
    owner, _, branch = asked.query["head"].partition(":")
    state, base = asked.query["state"], asked.query.get("base")
    found = [
        one
        for one in forge.pulls.values()
        if (one["head"]["ref"], one["head"]["repo"]["full_name"].partition("/")[0]) == (branch, owner)
        and state in ("all", one["state"])
        and base in (None, one["base"]["ref"])
    ]
    return 200, _Items(found)


def _add_status(forge: Forge, asked: Asked, commit: str) -> Answer:
    if len(asked.body["description"]) > 140:
        return 422, {"message": "Validation Failed", "errors": [{"code": "custom"}]}
    forge.statuses.append((commit, asked.body))
    return 201, asked.body


def _permission(forge: Forge, asked: Asked, login: str) -> Answer:
    known = forge.permissions.get(login)
    return (200, {"permission": known, "role_name": known}) if known else (404, {"message": "Not Found"})


def _runs(forge: Forge, asked: Asked, workflow: str) -> Answer:
    """A filter that the API ignores would go unnoticed if it was followed here: only the commit's is."""
    found = [one for one in forge.runs if one["workflow"] == workflow and one["head_sha"] == asked.query["head_sha"]]
    return 200, _Items(found, "workflow_runs")


def _list_of(key: str, of: Callable[[Forge, str], list[Any]]) -> Callable[..., Answer]:
    return lambda forge, asked, which: (200, _Items(of(forge, which), key))


ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    *GIT_ROUTES,
    ("GET", r"issues/(\d+)/comments", _list_comments),
    ("POST", r"issues/(\d+)/comments", _add_comment),
    ("PATCH", r"issues/comments/(\d+)", _edit_comment),
    ("DELETE", r"issues/comments/(\d+)", _delete_comment),
    ("GET", "issues", _list_issues),
    ("POST", "issues", _add_issue),
    ("PATCH", r"issues/(\d+)", _edit_issue),
    ("GET", "pulls", _list_pulls),
    ("GET", r"pulls/(\d+)", _pull),
    ("GET", r"issues/(\d+)/events", _list_of("", lambda forge, one: forge.events.get(int(one), []))),
    ("GET", r"pulls/(\d+)/reviews", _list_of("", lambda forge, one: forge.reviews.get(int(one), []))),
    ("GET", r"pulls/(\d+)/commits", _list_of("", lambda forge, one: forge.pull_commits.get(int(one), []))),
    ("GET", "commits/([0-9a-f]+)/pulls", _list_of("", lambda forge, one: [forge.pulls[n] for n in forge.commit_pulls.get(one, [])])),  # noqa: E501
    ("GET", r"collaborators/([^/]+)/permission", _permission),
    ("POST", "statuses/([0-9a-f]+)", _add_status),
    ("GET", r"actions/workflows/([^/]+)/runs", _runs),
    ("GET", r"actions/runs/(\d+)/artifacts", _list_of("artifacts", lambda forge, one: forge.artifacts[int(one)])),
    ("GET", r"actions/artifacts/(\d+)/zip", lambda forge, asked, one: (302, f"{forge.storage}/{one}?signature=secret")),
]  # fmt: skip
