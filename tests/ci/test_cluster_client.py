"""A cluster that cannot be asked is told apart, in one message, in time. No API server is needed for that."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from ci.cluster import client
from ci.cluster.client import Listing, open_cluster
from ci.cluster.kubeconfig import ClusterError

CONFIG = """\
apiVersion: v1
kind: Config
clusters: [{name: it, cluster: {server: "%s"}}]
users: [{name: me, user: %s}]
contexts: [{name: prod-eu, context: {cluster: it, user: me}}]
"""
TOKEN = "{token: not-to-be-shown}"


@pytest.fixture
def listener() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


class _Forbidding(BaseHTTPRequestHandler):
    """Lets one in, and shows nothing."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        entered = "/namespaces/" not in self.path
        body = b"{}" if entered else b'{"message": "not for you"}'
        self.send_response(200 if entered else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def forbidding() -> Iterator[str]:
    """The address of an API server that forbids everything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Forbidding) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def refused(monkeypatch: pytest.MonkeyPatch, path: Path, context: str = "prod-eu") -> ClusterError:
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(ClusterError) as caught:
        open_cluster(context)
    assert "\n" not in str(caught.value)
    assert "not-to-be-shown" not in str(caught.value)
    return caught.value


def config(folder: Path, server: str, user: str = TOKEN) -> Path:
    path = folder / "config"
    path.write_text(CONFIG % (server, user), "utf-8")
    return path


def test_without_a_kubeconfig_the_message_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refused(monkeypatch, tmp_path / "none")
    assert error.kind == "no-kubeconfig"
    assert str(tmp_path / "none") in str(error)


@pytest.mark.parametrize("text", ["a: [", "- a", "\x00", "{token: not-to-be-shown"])
def test_a_kubeconfig_that_is_none_is_refused_without_showing_it(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(text, "utf-8")
    assert refused(monkeypatch, tmp_path / "config").kind == "no-kubeconfig"


def test_a_context_that_is_not_there_is_refused_with_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refused(monkeypatch, config(tmp_path, "https://127.0.0.1:1"), "prod-ue")
    assert error.kind == "no-context"
    assert "Did you mean 'prod-eu'?" in str(error)


def test_a_server_that_is_not_there_is_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refused(monkeypatch, config(tmp_path, "http://127.0.0.1:1"))
    assert (error.kind, "http://127.0.0.1:1" in str(error)) == ("unreachable", True)


def test_a_server_that_never_answers_is_given_up(
    listener: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_READ_SECONDS", 0.5)
    start = time.monotonic()
    assert refused(monkeypatch, config(tmp_path, listener)).kind == "timeout"
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("command", ["no-such-credential-plugin", '"false"'])
def test_a_credential_plugin_that_fails_is_named(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = f"{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: {command}}}}}"
    error = refused(monkeypatch, config(tmp_path, "http://127.0.0.1:1", user))
    assert error.kind == "credentials"
    assert command.strip('"') in str(error)


def test_a_credential_plugin_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_OPEN_SECONDS", 0.5)
    user = '{exec: {apiVersion: client.authentication.k8s.io/v1, command: sleep, args: ["4"]}}'
    start = time.monotonic()
    error = refused(monkeypatch, config(tmp_path, "http://127.0.0.1:1", user))
    assert (error.kind, "sleep" in str(error)) == ("timeout", True)
    assert time.monotonic() - start < 3.5


def test_many_refusals_at_once_leave_no_session_open(
    forbidding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[httpx.AsyncClient] = []
    begin = httpx.AsyncClient.__init__

    def counted(self: httpx.AsyncClient, *arguments: Any, **options: Any) -> None:
        made.append(self)
        begin(self, *arguments, **options)

    monkeypatch.setattr(httpx.AsyncClient, "__init__", counted)
    monkeypatch.setenv("KUBECONFIG", str(config(tmp_path, forbidding)))
    with open_cluster("prod-eu") as cluster, pytest.raises(ClusterError) as caught:
        cluster.lists(Listing("v1", "pods", f"team-{number}") for number in range(8))
    assert caught.value.kind == "credentials"
    assert len(made) > 2
    assert all(session.is_closed for session in made)
