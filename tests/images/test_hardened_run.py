"""The FastAPI image as a cluster runs it: pulled by digest, read-only, nobody's rights, no capabilities."""

from __future__ import annotations

import hashlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import harness
import httpx
import pytest
import runtime_images
from local_registry import LocalRegistry
from processes import free_ports
from runtime_python import runtime_python
from stand_in_process import StandIn
from stand_in_process import running as stand_in_running

LACKING = harness.missing(*runtime_images.PROGRAMS, "dockerd", "runc", harness.DOCKER)
pytestmark = pytest.mark.skipif(bool(LACKING), reason=LACKING)
CALLER_KEY = "sk-caller-4711"
HARDENED = ["--read-only", "--user", "10001:10001", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
HARDENED += ["--tmpfs", "/tmp:size=64m,mode=1777,noexec,nosuid", "--pids-limit", "256", "--network", "host"]


@dataclass(frozen=True, slots=True)
class Engine:
    """What starts containers: the docker command, the image by digest, and the provider's stand-in."""

    docker: list[str]
    image: str
    provider: StandIn

    def call(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self.docker, *words], capture_output=True, text=True, check=False, timeout=120)


@dataclass(frozen=True, slots=True)
class Container:
    """A running agent."""

    engine: Engine
    name: str
    url: str

    def inside(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.engine.call("exec", self.name, *words)

    def execute(self) -> httpx.Response:
        headers = {"authorization": f"Bearer {CALLER_KEY}"}
        body = {"task_description": "Write a brief."}
        return httpx.post(f"{self.url}/api/v1/execute", json=body, headers=headers, timeout=30, trust_env=False)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    layout = runtime_images.proven("fastapi", "python").layout
    folder = tmp_path_factory.mktemp("engine")
    registry = LocalRegistry(folder)
    try:
        image = harness.put(layout, f"{registry.host}/roster/fastapi:1")
        with harness.engine() as docker, stand_in_running(runtime_python()) as provider:
            yield Engine(docker, image, provider)
    finally:
        registry.stop()


def settings(provider: str) -> str:
    """The agent's settings.json; the rest is the service's own."""
    model = {"provider": "anthropic", "name": "claude-sonnet-4-5", "max_tokens": 4096}
    api = {"api": "anthropic", "base_url": provider, "key": "PROVIDER_KEY"}
    return json.dumps({"agent": "writer", "pool": "business", "environment": "prod", "model": model, "provider": api})


def mounted(folder: Path, files: dict[str, str]) -> Path:
    """A folder that a container's user can read, as Kubernetes mounts them."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@contextmanager
def agent(engine: Engine, folder: Path, name: str) -> Iterator[Container]:
    """Starts an agent with its config and secrets mounted, and waits until it is ready."""
    config = mounted(folder / "config", {"settings.json": settings(engine.provider.url), "prompt.md": "Be brief."})
    key = f"tester:{hashlib.sha256(CALLER_KEY.encode()).hexdigest()}\n"
    secrets = mounted(folder / "secrets", {"API_KEYS": key, "PROVIDER_KEY": "sk-provider-0815"})
    (port,) = free_ports(1)
    mounts = ["-v", f"{config}:/etc/agent:ro", "-v", f"{secrets}:/etc/agent-secrets:ro"]
    variables = ["-e", f"PORT={port}", "-e", "HOST=127.0.0.1", "-e", "AGENT_DRAIN_SECONDS=1"]
    started = engine.call("run", "--detach", "--name", name, *HARDENED, *mounts, *variables, engine.image)
    assert started.returncode == 0, started.stderr
    container = Container(engine, name, f"http://127.0.0.1:{port}")
    try:
        for _ in range(300):
            time.sleep(0.1)
            try:
                if httpx.get(f"{container.url}/health/ready", timeout=5, trust_env=False).is_success:
                    break
            except httpx.HTTPError:
                pass
        else:
            pytest.fail(f"not ready in 30 s: {engine.call('logs', name)}")
        yield container
    finally:
        engine.call("rm", "--force", name)


@pytest.fixture(scope="module")
def running(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    with agent(engine, tmp_path_factory.mktemp("agent"), "agent") as container:
        yield container


def test_it_answers_health_and_a_task(running: Container) -> None:
    assert httpx.get(f"{running.url}/health", trust_env=False).status_code == 200
    answer = running.execute()
    assert answer.status_code == 200, answer.text
    assert "stand-in" in answer.json()["result"]


def test_it_runs_as_nobody_without_capabilities_on_a_read_only_disk(running: Container) -> None:
    status = dict(
        line.split(":\t", 1) for line in running.inside("cat", "/proc/1/status").stdout.splitlines() if ":\t" in line
    )
    assert status["Uid"].split() == ["10001"] * 4
    assert {status[kind] for kind in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    for folder in ("/app", "/opt/agent", "/etc", "/var", "/root"):
        assert running.inside("touch", f"{folder}/x").returncode != 0


def test_nothing_in_it_installs_or_builds_anything(running: Container) -> None:
    programs = "apt apt-get dpkg pip pip3 npm perl gcc cc make uv conda git curl wget"
    found = running.inside("sh", "-c", f"for one in {programs}; do command -v $one; done")
    assert found.stdout == ""
    for module in ("pip", "ensurepip", "setuptools"):
        assert running.inside("python", "-c", f"import {module}").returncode == 1
    setuid = running.inside("find", "/", "-xdev", "-perm", "/6000", "-type", "f")
    assert setuid.stdout == ""


def test_scanners_still_see_the_system_and_its_packages(running: Container) -> None:
    assert "ID=debian" in running.inside("cat", "/etc/os-release").stdout
    status = running.inside("cat", "/var/lib/dpkg/status").stdout
    packages = {line.removeprefix("Package: ") for line in status.splitlines() if line.startswith("Package: ")}
    assert {"libc6", "libssl3", "python3.11-minimal", "ca-certificates"} <= packages
    assert not packages & {"apt", "dpkg", "perl", "perl-base", "python3.11-venv", "python3-pip-whl"}
    # What dpkg lists is there, so a scanner that finds a weakness in it is right.
    sizes = "import pathlib; print(sum(1 for _ in pathlib.Path('/opt/agent/lib').rglob('*.dist-info/METADATA')))"
    assert int(running.inside("python", "-c", sizes).stdout) > 20


def test_told_to_end_it_answers_what_is_under_way_and_exits_with_0(engine: Engine, tmp_path: Path) -> None:
    with agent(engine, tmp_path, "draining") as container:
        engine.provider.tell(delay_seconds=3.0)
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(container.execute()))
        asking.start()
        try:
            time.sleep(1)
            started = time.monotonic()
            assert engine.call("stop", "--time", "20", "draining").returncode == 0
            ended = time.monotonic() - started
        finally:
            asking.join(30)
            engine.provider.forget()
        assert [answer.status_code for answer in answers] == [200]
        state = json.loads(engine.call("inspect", "--format", "{{json .State}}", "draining").stdout)
        assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
        # It waited for the answer; who is killed exits with another code.
        assert ended > 1.5
