"""The processes that the load test is about: the provider's stand-in, the FastAPI service, and the bare application."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOP = Path(__file__).parent.parent
KEY = "bench-key"
TASK = {"task_description": "Write three sentences on why small files are easier to review than large ones. " * 3}
_MODEL = {"provider": "anthropic", "name": "claude-sonnet-4-5", "max_tokens": 4096, "temperature": 0.7}
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers tasks on a port of 127.0.0.1."""

    name: str
    process: subprocess.Popen[bytes]
    port: int

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS

    def memory_mib(self) -> float:
        """Resident memory."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise LookupError(f"{self.name} has ended")


@contextmanager
def servers(python: str, work: Path) -> Iterator[tuple[Server, Server]]:
    """The service and the bare application, both answering, with the stand-in behind them. Logs go to `work`."""
    with ExitStack() as stack:
        provider = stack.enter_context(_provider(python))
        ports = _free_ports(2)
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONDONTWRITEBYTECODE": "1"}
        _write_config(work / "config", provider)
        own = {
            "HOST": "127.0.0.1",
            "PORT": str(ports[0]),
            "AGENT_CONFIG": str(work / "config"),
            "AGENT_SECRETS": str(work / "secrets"),
            "AGENT_ID": "bench",
            "ANTHROPIC_API_KEY": "sk-bench",
            "API_KEYS": f"bench:{hashlib.sha256(KEY.encode()).hexdigest()}",
            "AGENT_DRAIN_SECONDS": "0",
        }
        folder = TOP / "components/images/fastapi"
        service = stack.enter_context(
            _started("service", [python, "-m", "agent"], environment | own, folder, work, ports[0])
        )
        command = [python, str(TOP / "bench/bare_app.py"), str(ports[1])]
        bare = stack.enter_context(
            _started("bare", command, environment | {"MODEL_URL": provider}, TOP, work, ports[1])
        )
        for server in (service, bare):
            _wait(server)
        yield service, bare


def request_file(work: Path) -> Path:
    """The request that both get, as it goes over the wire."""
    body = json.dumps(TASK).encode()
    lines = [
        "POST /api/v1/execute HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Authorization: Bearer {KEY}",
        f"Content-Length: {len(body)}",
    ]
    path = work / "request.http"
    path.write_bytes("\r\n".join([*lines, "", ""]).encode() + body)
    return path


def _write_config(folder: Path, provider: str) -> None:
    """Auth, limits and checks as an agent has them with nothing said, but for how many requests may come."""
    most = 1_000_000
    limits = {f"requests_per_minute{of}": most for of in ("", "_address", "_total")}
    settings: dict[str, Any] = {
        "agent": "bench",
        "pool": "bench",
        "environment": "bench",
        "model": _MODEL,
        "provider": {
            "api": "anthropic",
            "base_url": provider,
            "key": "ANTHROPIC_API_KEY",
            "input_per_million": 3.0,
            "output_per_million": 15.0,
        },
        "service": {"limits": limits | {"max_concurrent": 1000}, "safety": {"pii": "log", "injection": "log"}},
    }
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "prompt.md").write_text("You answer questions.")


@contextmanager
def _provider(python: str) -> Iterator[str]:
    command = [python, str(TOP / "ci/stand_in/provider.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.terminate()


@contextmanager
def _started(
    name: str, command: list[str], environment: dict[str, str], folder: Path, work: Path, port: int
) -> Iterator[Server]:
    with (work / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield Server(name, process, port)
        finally:
            process.terminate()
            process.wait(30)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(one.getsockname()[1]) for one in sockets]


def _wait(server: Server) -> None:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/v1/execute", json.dumps(TASK).encode(), headers
    )
    end = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30):  # noqa: S310
                return
        except urllib.error.HTTPError as error:
            with error:
                sys.exit(f"{server.name} answers {error.code}: {error.read()[:500]!r}")
        except OSError:
            if time.monotonic() > end or server.process.poll() is not None:
                sys.exit(f"{server.name} did not start")
            time.sleep(0.2)
