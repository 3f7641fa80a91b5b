"""`roster status` and `roster logs` where there is no cluster to be had: one line says why, and the exit code tells."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import yaml
from command_fleet import Done, roster, write_fleet

COMMANDS = (
    ("status",),
    ("status", "writer"),
    ("status", "--watch"),
    ("logs", "herald"),
    ("logs", "writer", "-f"),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fleet, with a kubeconfig that is not there."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return write_fleet(tmp_path)


def kubeconfig(folder: Path, **servers: str) -> None:
    """Context → the address of its API server."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server}} for name, server in servers.items()],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in servers],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(config), "utf-8")


def only_line(done: Done) -> str:
    [line] = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", COMMANDS)
def test_without_a_kubeconfig_one_line_says_so(folder: Path, command: tuple[str, ...]) -> None:
    done = roster(folder, *command)
    assert (done.returncode, done.stdout) == (6, "")
    assert "there is no kubeconfig at" in only_line(done)


def test_a_context_that_the_kubeconfig_does_not_have_is_named_with_those_it_has(folder: Path) -> None:
    kubeconfig(folder, prid="http://127.0.0.1:1")
    done = roster(folder, "status", "-e", "prod")
    assert done.returncode == 6
    assert "has no context 'prod'. Did you mean 'prid'?" in only_line(done)


def test_a_log_that_is_out_of_reach_names_the_environments_that_may_not_be(folder: Path) -> None:
    kubeconfig(folder, dev="http://127.0.0.1:1")
    first, second = roster(folder, "logs", "writer").stderr.splitlines()
    assert first.startswith("roster: prod: ")
    assert second == "roster: sales/writer runs in dev as well: -e dev"


def test_an_api_server_that_is_away_is_one_line_and_soon(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kubeconfig(folder, dev=f"http://127.0.0.1:{port}")
    done = roster(folder, "status", "-e", "dev")
    assert done.returncode == 6
    assert "cannot be reached" in only_line(done)


def test_the_json_is_whole_even_when_nothing_can_be_asked(folder: Path) -> None:
    done = roster(folder, "status", "-e", "prod", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 6
    assert found["agents"] == []
    assert "there is no kubeconfig at" in found["places"][0]["fault"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("status", "wrter"), "there is no agent 'wrter'. Did you mean 'writer'?"),
        (("status", "--pool", "saels"), "no pool 'saels'. Did you mean 'sales'?"),
        (("status", "-e", "prd"), "no environment 'prd'. Did you mean 'prod'?"),
        (("status", "writer", "--pool", "sales"), "name agents, or a pool with --pool, and not both"),
        (("status", "herald", "-e", "dev"), "herald: runs nowhere in dev"),
        (("logs", "wrter"), "there is no agent 'wrter'. Did you mean 'writer'?"),
        (("logs", "writer", "--since", "yesterday"), "is no length of time such as 30s, 10m, 2h or 1d"),
        (("logs", "writer", "-f", "--previous"), "ask for one"),
        (("alerts", "wrter"), "there is no agent 'wrter'. Did you mean 'writer'?"),
    ],
)
def test_a_wrong_word_is_told_with_the_way_out(folder: Path, command: tuple[str, ...], said: str) -> None:
    done = roster(folder, *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in only_line(done)


def test_an_agent_whose_definition_has_errors_is_named_and_others_are_still_asked_for(folder: Path) -> None:
    (folder / "agents/sales/asker.yaml").write_text("version: 1\nowner: nobody\n", "utf-8")
    done = roster(folder, "status", "-e", "prod")
    first, second = done.stderr.splitlines()
    assert "`roster check` finds errors in agents/sales/asker.yaml" in first
    assert "there is no kubeconfig at" in second
