"""The FastAPI service as a process of its own, as a pod runs it: `python -m agent`, two mounted folders."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from runtime_python import runtime_python

CONTEXT = Path(__file__).parents[2] / "components/images/fastapi"
AGENT = "brief-writer"
CALLER_KEY = "sk-caller-4711"
PROVIDER_KEY = "sk-provider-0815"
PATIENCE = 20.0


def anthropic(config: dict[str, Any]) -> dict[str, Any]:
    """The same with the other API, whose SDK takes three times as long to import."""
    url = config["provider"]["base_url"].removesuffix("/v1")
    over = {"provider": {"api": "anthropic", "base_url": url}, "model": {"name": "claude-sonnet-4-5"}}
    return merged(config, over)


def settings(provider: str, **service: Any) -> dict[str, Any]:
    """A settings.json that asks the provider at this URL; `service` adds to its parts."""
    return {
        "agent": AGENT,
        "pool": "business",
        "environment": "prod",
        "model": {"provider": "openai", "name": "gpt-5", "max_tokens": 4096},
        "provider": {
            "api": "openai",
            "base_url": f"{provider}/v1",
            "key": "PROVIDER_KEY",
            "input_per_million": 3.0,
            "output_per_million": 15.0,
        },
        "prompt": {"version": "1.4.0", "variables": {"product": "Example Desk"}},
        "service": merged({"limits": dict.fromkeys(LIMITS, 1_000_000)}, service),
    }


LIMITS = ("requests_per_minute", "requests_per_minute_address", "requests_per_minute_total")


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, mapping by mapping."""
    result = copy.deepcopy(base)
    for name, value in over.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else value
    return result


def key_line(name: str, key: str) -> str:
    """A line of the API_KEYS secret."""
    return f"{name}:{hashlib.sha256(key.encode()).hexdigest()}"


def write_folder(folder: Path, files: dict[str, str]) -> None:
    """Writes the files as Kubernetes mounts them: links through `..data`, which is swapped at once."""
    version = folder / f"..{time.monotonic_ns()}"
    for name, text in files.items():
        (version / name).parent.mkdir(parents=True, exist_ok=True)
        (version / name).write_text(text)
    staged = folder / "..data_tmp"
    staged.symlink_to(version.name)
    staged.rename(folder / "..data")
    tops = {name.split("/")[0] for name in files}
    for link in folder.iterdir():
        if not link.name.startswith("..") and link.name not in tops:
            link.unlink()
    for name in tops:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")


SECRETS = {"PROVIDER_KEY": PROVIDER_KEY, "API_KEYS": key_line("tester", CALLER_KEY)}
FILES = {"prompt.md": "You help with {product}. {unfilled}"}


@dataclass(slots=True)
class Service:
    """A running service."""

    folder: Path
    settings: dict[str, Any]
    process: subprocess.Popen[str]
    url: str = ""
    lines: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    adopted: int = 0
    begun: int = 0

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def post(self, task: Any = "Write a brief.", *, key: str | None = CALLER_KEY, **options: Any) -> httpx.Response:
        """Asks for a task; a dictionary is the body itself."""
        body = task if isinstance(task, dict) else {"task_description": task}
        headers = options.pop("headers", {}) | ({"authorization": f"Bearer {key}"} if key else {})
        return httpx.post(f"{self.url}/api/v1/execute", json=body, headers=headers, timeout=PATIENCE, **options)

    def ready(self) -> httpx.Response:
        """What the readiness probe sees."""
        return httpx.get(f"{self.url}/health/ready", timeout=PATIENCE)

    def metric(self, name: str, **labels: str) -> float:
        """The value of a series; 0 when there is none. The agent's own label is added."""
        wanted = {"agent_id": self.settings["agent"], **labels}
        shown = "{" + ",".join(f'{label}="{value}"' for label, value in wanted.items()) + "} "
        for line in httpx.get(f"{self.url}/metrics", timeout=PATIENCE).text.splitlines():
            if line.startswith(name + shown):
                return float(line.removeprefix(name + shown))
        return 0.0

    def logged(self) -> list[dict[str, Any]]:
        """All log lines so far, since the last `adopt`."""
        return [json.loads(line) for line in self.lines[self.begun :]]

    def adopt(
        self, config: dict[str, Any], *, secrets: dict[str, str] | None = None, files: dict[str, str] | None = None
    ) -> None:
        """Makes another agent of a running service: starting one takes seconds, taking over a config does not.

        The agent's new name means new counters and new series.
        """
        self.adopted += 1
        self.begun = len(self.lines)
        self.secrets, self.files = {}, {}
        self.hide(**(SECRETS if secrets is None else secrets))
        self.configure({**config, "agent": f"{AGENT}-{self.adopted}"}, {**FILES, **(files or {})})
        wait_until(lambda: self.health()["agent_id"] == self.settings["agent"], "the config was taken over")

    def health(self) -> dict[str, Any]:
        """What the liveness probe sees."""
        shown: dict[str, Any] = httpx.get(f"{self.url}/health", timeout=PATIENCE).json()
        return shown

    def configure(self, new: dict[str, Any] | str | None = None, files: dict[str, str] | None = None) -> None:
        """Changes the config folder as Kubernetes does; a text is written as it is."""
        if isinstance(new, dict):
            self.settings = new
        self.files |= files or {}
        text = new if isinstance(new, str) else json.dumps(self.settings)
        write_folder(self.folder / "config", {**self.files, "settings.json": text})

    def hide(self, **secrets: str | None) -> None:
        """Changes the secrets folder; None takes a secret away."""
        self.secrets = {name: text for name, text in (self.secrets | secrets).items() if text is not None}
        write_folder(self.folder / "secrets", self.secrets)

    def stop(self) -> int:
        """As Kubernetes stops a pod; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


def wait_until(true: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
    """Waits for a condition; the test fails when it does not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"in {seconds:g} s it never came that {what}"
        time.sleep(0.03)


@contextmanager
def running(
    folder: Path,
    config: dict[str, Any],
    *,
    secrets: dict[str, str] | None = None,
    files: dict[str, str] | None = None,
    env: dict[str, str] | None = None,
    ready: bool = True,
) -> Iterator[Service]:
    """Starts the service on a free port and waits until it answers; it is gone at the end."""
    for part in ("config", "secrets"):
        (folder / part).mkdir(parents=True)
    surroundings = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ} | {
        "PYTHONPATH": str(CONTEXT),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AGENT_CONFIG": str(folder / "config"),
        "AGENT_SECRETS": str(folder / "secrets"),
        "HOST": "127.0.0.1",
        "PORT": "0",
        "AGENT_DRAIN_SECONDS": "0",
        **(env or {}),
    }
    # The process finds everything in place; only then it is started.
    service = Service(folder, config, None)  # type: ignore[arg-type]
    service.hide(**(SECRETS if secrets is None else secrets))
    service.configure(config, {**FILES, **(files or {})})
    command = [runtime_python(), "-m", "agent"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings) as process:
        service.process = process
        reader = threading.Thread(target=_read, args=(process, service.lines), daemon=True)
        reader.start()
        try:
            wait_until(lambda: _port(service) or process.poll() is not None, "the service listened")
            assert process.poll() is None, f"the service ended: {service.lines}"
            service.url = f"http://127.0.0.1:{_port(service)}"
            wait_until(lambda: service.ready().status_code == 200 or not ready, "the service was ready")
            yield service
        finally:
            process.kill()
            process.wait()
            reader.join(PATIENCE)


def _read(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout
    for line in process.stdout:
        lines.append(line.rstrip())


def _port(service: Service) -> int | None:
    return next((line["port"] for line in service.logged() if line["message"] == "Listening"), None)
