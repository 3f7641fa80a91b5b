"""What a registry says, and each way in which it can fail to, against real sockets and Debian's docker-registry."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from local_registry import LocalRegistry

from ci.images.bills import make_bills
from ci.images.references import Reference, parse
from ci.images.registry import (
    DeniedError,
    FailedError,
    GoneError,
    MovedError,
    RefusedError,
    Registry,
    RegistryError,
    SlowError,
)
from ci.images.registry_login import LoginError, login_for
from ci.images.sbom import SbomError

MANIFEST = b'{"schemaVersion": 2, "config": {"size": 10}, "layers": [{"size": 90}]}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
OTHER = f"sha256:{'0' * 64}"
real_registry = pytest.mark.skipif(
    shutil.which("docker-registry") is None, reason="needs docker-registry; see ci/test_tools.sh"
)

Answer = Callable[[BaseHTTPRequestHandler], tuple[int, dict[str, str], bytes]]


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A little registry's address, and the requests that it has had."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            status, headers, body = answer(self)
            self.send_response(status)
            for name, value in {"content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_POST = do_GET  # noqa: N815

        def log_message(self, *words: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def waits() -> list[float]:
    """The seconds that were waited, instead of waiting."""
    return []


@pytest.fixture
def registry(waits: list[float]) -> Iterator[Registry]:
    with Registry(timeout_seconds=0.3, sleep=waits.append) as client:
        yield client


def sound(_: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
    return 200, {"docker-content-digest": DIGEST}, MANIFEST


def test_a_digest_is_asked_for_with_one_head_request(registry: Registry) -> None:
    with serving(sound) as (host, asked):
        assert registry.digest(f"{host}/team/agent:1.0") == DIGEST
    assert asked == ["HEAD /v2/team/agent/manifests/1.0"]


def test_a_registry_that_names_no_digest_has_it_computed(registry: Registry) -> None:
    with serving(lambda _: (200, {}, MANIFEST)) as (host, asked):
        assert registry.digest(f"{host}/team/agent") == DIGEST
    assert [line.split()[0] for line in asked] == ["HEAD", "GET"]


def test_a_registry_that_refuses_says_so_after_growing_waits(registry: Registry, waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(RefusedError, match=rf"{host}/team/agent:1: no connection to {host}.*refused.*is it up"):
        registry.digest(f"{host}/team/agent:1")
    assert waits == [0.5, 1.0, 2.0]


def test_a_slow_registry_is_given_up(registry: Registry, waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(SlowError, match=r"gave no answer in 0\.3 s, 4 times"):
            registry.digest(f"{host}/team/agent:1")
    assert 1 < time.monotonic() - started < 60
    assert len(waits) == 3


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_registry_that_fails_is_asked_again_and_then_named(registry: Registry, status: int) -> None:
    with serving(lambda _: (status, {}, b"<html>")) as (host, asked):
        with pytest.raises(FailedError, match=f"{host} answers {status}, 4 times; try later"):
            registry.digest(f"{host}/team/agent:1")
        assert len(asked) == 4


def test_one_failure_is_not_the_last_word_and_the_wait_is_the_registrys(registry: Registry, waits: list[float]) -> None:
    answers = [(503, {"retry-after": "7"}, b""), (200, {"docker-content-digest": DIGEST}, MANIFEST)]
    with serving(lambda _: answers.pop(0)) as (host, _):
        assert registry.digest(f"{host}/team/agent:1") == DIGEST
    assert waits == [7.0]


@real_registry
def test_a_registry_that_goes_away_while_bills_are_made_is_not_blamed_on_the_program(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = LocalRegistry(tmp_path)
    try:
        repository, _, digest = local.push("team/agent", "one").partition("@")
        syft, broken = tmp_path / "bin/syft", "exit 1"
        syft.parent.mkdir()
        syft.write_text(f"#!/bin/sh\n{broken}\n", "utf-8")
        syft.chmod(0o755)
        monkeypatch.setenv("PATH", f"{syft.parent}:/usr/bin:/bin")
        with pytest.raises(SbomError):
            make_bills(registry, repository, digest, tmp_path)
        guard = local._service._guard
        assert guard is not None
        (pid,) = Path(f"/proc/{guard.pid}/task/{guard.pid}/children").read_text("utf-8").split()[:1]
        syft.write_text(f"#!/bin/sh\nkill -9 {pid}\nsleep 0.2\n{broken}\n", "utf-8")
        with pytest.raises(RefusedError, match="no connection to"):
            make_bills(registry, repository, digest, tmp_path)
    finally:
        local.stop()


def test_a_blob_is_what_its_digest_says(registry: Registry) -> None:
    with serving(lambda _: (200, {}, MANIFEST)) as (host, asked):
        assert registry.blob(f"{host}/team/agent@{OTHER}", DIGEST) == MANIFEST
        assert asked == [f"GET /v2/team/agent/blobs/{DIGEST}"]
        with pytest.raises(FailedError, match="has another digest"):
            registry.blob(f"{host}/team/agent@{OTHER}", OTHER)


@real_registry
def test_a_tag_that_moved_names_both_digests_and_a_digest_that_is_gone_the_way_out(
    registry: Registry, tmp_path: Path
) -> None:
    local = LocalRegistry(tmp_path)
    try:
        first = local.push("team/agent", "one").partition("@")[2]
        name = f"{local.host}/team/agent:1@{first}"
        registry.confirm(name)
        second = local.push("team/agent", "two").partition("@")[2]
        with pytest.raises(MovedError, match=f":1 has moved: it was {first}, it is {second}; .*record the new digest"):
            registry.confirm(name)
        # The digest alone is still there: whoever pinned it is not touched by the move.
        registry.confirm(f"{local.host}/team/agent@{first}")
        httpx.delete(f"http://{local.host}/v2/team/agent/manifests/{first}", trust_env=False).raise_for_status()
        with pytest.raises(GoneError, match=rf"{first} is not in the registry any more; build or push it again"):
            registry.confirm(name)
        with pytest.raises(GoneError, match="no such tag"):
            registry.digest(f"{local.host}/team/agent:9")
        assert registry.manifest(f"{local.host}/team/agent@{second}")["schemaVersion"] == 2
    finally:
        local.stop()


def test_a_registry_that_answers_with_another_image_is_not_believed(registry: Registry) -> None:
    with serving(sound) as (host, _):
        with pytest.raises(FailedError, match=f"answers with another image, {DIGEST}"):
            registry.digest(f"{host}/team/agent@{OTHER}")
        with pytest.raises(FailedError, match="another digest"):
            registry.manifest(f"{host}/team/agent@{OTHER}")


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"<html>", "something else than a manifest"), (b"[]", "something else"), (b"x" * (5 << 20), "more than 4 MiB")],
    ids=["html", "list", "endless"],
)
def test_what_is_no_manifest_is_said(registry: Registry, body: bytes, reason: str) -> None:
    with serving(lambda _: (200, {}, body)) as (host, _), pytest.raises(FailedError, match=reason):
        registry.manifest(f"{host}/team/agent:1")


def protected(users: dict[str, str], realm: str = "http://{host}/token") -> Answer:
    """A registry that wants a token, which its token service gives to `users` for their repository."""

    def answer(request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(request.path)
        host = request.headers["host"]
        if url.path == "/token":
            if request.command == "POST":
                form = parse_qs(request.rfile.read(int(request.headers["content-length"])).decode())
                known = form.get("refresh_token", [""])[0] in users.values()
            else:
                form = parse_qs(url.query)
                basic = request.headers.get("authorization", "").removeprefix("Basic ")
                known = tuple(base64.b64decode(basic).decode().partition(":")[::2]) in users.items()
            good = known and form["scope"] == ["repository:team/agent:pull"] and form["service"] == ["here"]
            return (200, {}, b'{"token": "opens"}') if good else (401, {}, b"{}")
        if request.headers.get("authorization") == "Bearer opens":
            return sound(request)
        challenge = f'Bearer realm="{realm.format(host=host)}",service="here",scope="repository:team/agent:pull"'
        return 401, {"www-authenticate": challenge}, b""

    return answer


def config(tmp_path: Path, settings: dict[str, object]) -> Path:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(settings))
    return file


@pytest.mark.parametrize("kind", ["auth", "identitytoken", "helper", "helper with a token"])
def test_a_login_of_dockers_settings_opens_a_protected_registry_with_one_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    with serving(protected({"ci": "s3cret"})) as (host, asked):
        said = {"Username": "<token>" if "token" in kind else "ci", "Secret": "s3cret"}
        helper = tmp_path / "docker-credential-vault"
        helper.write_text(f"#!/bin/sh\nread host; [ \"$host\" = {host} ] && echo '{json.dumps(said)}'\n")
        helper.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        entry = (
            {"identitytoken": "s3cret"}
            if kind == "identitytoken"
            else {"auth": base64.b64encode(b"ci:s3cret").decode()}
        )
        settings = {"credHelpers": {host: "vault"}} if "helper" in kind else {"auths": {host: entry}}
        with Registry(config(tmp_path, settings)) as registry:
            assert registry.digest(f"{host}/team/agent:1") == DIGEST
            assert registry.manifest(f"{host}/team/agent:1")["layers"]
        assert sum("/token" in line for line in asked) == 1


def test_without_or_with_a_wrong_login_the_way_out_is_said_and_no_secret(tmp_path: Path) -> None:
    with serving(protected({"ci": "s3cret"})) as (host, _):
        wrong = {"auths": {host: {"auth": base64.b64encode(b"ci:wr0ng").decode()}}}
        for settings in (None, config(tmp_path, wrong)):
            with Registry(settings) as registry, pytest.raises(DeniedError, match=f"docker login {host}") as denied:
                registry.digest(f"{host}/team/agent:1")
            assert "wr0ng" not in str(denied.value)


def test_a_login_is_not_sent_to_a_token_service_without_tls(tmp_path: Path) -> None:
    with serving(protected({}, "http://tokens.example.com/token")) as (host, asked):
        login = config(tmp_path, {"auths": {host: {"auth": base64.b64encode(b"ci:s3cret").decode()}}})
        with Registry(login) as registry, pytest.raises(DeniedError, match="not https"):
            registry.digest(f"{host}/team/agent:1")
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"auths": {"r.example.com": {"auth": "%%%"}}}, "docker login r.example.com"),
        ({"credHelpers": {"r.example.com": "nowhere"}}, "docker-credential-nowhere .* not on PATH"),
        ({"credHelpers": {"r.example.com": "../../bin/sh"}}, "not the name of a credential helper"),
        (["auths"], "cannot be read as docker's settings"),
    ],
    ids=["damaged", "helper missing", "helper is a path", "another form"],
)
def test_damaged_settings_of_docker_are_said(tmp_path: Path, settings: dict[str, object], reason: str) -> None:
    with pytest.raises(LoginError, match=reason):
        login_for("r.example.com", config(tmp_path, settings))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("python:3.11-slim", Reference("docker.io", "library/python", "3.11-slim", "")),
        ("team/agent", Reference("docker.io", "team/agent", "latest", "")),
        ("localhost:5000/a/b/c:x", Reference("localhost:5000", "a/b/c", "x", "")),
        (f"r.example.com/agent:1@{DIGEST}", Reference("r.example.com", "agent", "1", DIGEST)),
        (f"r.example.com/agent@{DIGEST}", Reference("r.example.com", "agent", "", DIGEST)),
    ],
)
def test_names_are_taken_apart_as_docker_does(name: str, expected: Reference) -> None:
    assert parse(name) == expected


@pytest.mark.parametrize(
    "name", ["", "r.example.com/", "r.example.com/Agent", "r.example.com/a@sha256:12", "a b", "r.example.com/a:"]
)
def test_what_is_no_name_of_an_image_is_said_before_anybody_is_asked(registry: Registry, name: str) -> None:
    with pytest.raises(RegistryError, match="is not the name of an image"):
        registry.digest(name)


def test_only_this_machines_registries_are_asked_without_tls() -> None:
    assert parse("127.0.0.1:5000/a").api == "http://127.0.0.1:5000/v2"
    assert parse("localhost:5000/a").api == "http://localhost:5000/v2"
    assert parse("127.example.com/a").api == "https://127.example.com/v2"
    assert parse("python").api == "https://registry-1.docker.io/v2"
