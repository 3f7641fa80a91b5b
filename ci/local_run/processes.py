"""The processes of a local run: the agent's service and, offline, the stand-in for the model's provider."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROSTER = Path(__file__).parents[2]
HOST = "127.0.0.1"
# What a process needs of its surroundings; an agent gets no other variable of whoever starts it.
_PASSED_ON = re.compile(
    r"PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|SSL_CERT_(FILE|DIR)|(HTTPS?|ALL|NO)_PROXY|OTEL_\w+", re.IGNORECASE
)
_STOP_SECONDS = 10


class CannotRunError(Exception):
    """Why there is no service, in one line."""


def runtime_python() -> str:
    """A Python with the service's packages; the first call of a machine installs them. Raises CannotRunError."""
    command = ["bash", str(ROSTER / "ci/runtime_venv.sh")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise CannotRunError("the service's packages could not be installed; what is above says why")
    return done.stdout.strip().splitlines()[-1]


def port_to_use(wanted: int) -> int:
    """The port, or a free one for 0. Raises CannotRunError when somebody listens there."""
    try:
        with socket.create_server((HOST, wanted)) as probe:
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise CannotRunError(f"port {wanted}: {reason}; choose another with --port, or --port 0 for any") from error


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """What of this process's environment is passed on."""
    return {name: value for name, value in environment.items() if _PASSED_ON.fullmatch(name)}


@contextmanager
def service(python: str, folder: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The service from its build context; told to end, and waited for, at the end."""
    # The folder is what images are built from: nothing may be written there.
    with _started([python, "-B", "-m", "agent"], environment, folder) as process:
        yield process


@contextmanager
def stand_in(python: str) -> Iterator[str]:
    """The stand-in's URL. Raises CannotRunError when it does not start."""
    command = [python, "-B", str(ROSTER / "ci/stand_in/provider.py"), "--port", "0"]
    with _started(command, surroundings(os.environ), None, subprocess.PIPE) as process:
        line = process.stdout.readline().decode() if process.stdout else ""
        if not line.startswith("listening on "):
            raise CannotRunError("the stand-in for the provider did not start; what is above says why")
        yield line.removeprefix("listening on ").strip()


@contextmanager
def _started(
    command: list[str], environment: dict[str, str], folder: Path | None, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    # In a session of its own, since Ctrl-C in a terminal goes to all of a session; it is told to end below.
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=stdout, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def reasons_not_ready(port: int, readiness: str) -> list[str] | None:
    """What the service says it lacks; empty when it is ready, None while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{readiness}", timeout=2):
            return []
    except urllib.error.HTTPError as error:
        with error:
            return _reasons(error.read()) or [f"{readiness} answers {error.code}"]
    except OSError:
        return None


def _reasons(body: bytes) -> list[str]:
    try:
        return [str(reason) for reason in json.loads(body)["reasons"]]
    except (ValueError, LookupError, TypeError):
        return []


def wait_until_it_answers(process: subprocess.Popen[bytes], port: int, readiness: str, seconds: float) -> list[str]:
    """Waits for the service; returns what it says it lacks. Raises CannotRunError when it ends or says nothing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise CannotRunError(f"the service ended with exit code {process.returncode}; its log above says why")
        reasons = reasons_not_ready(port, readiness)
        if reasons is not None:
            return reasons
        time.sleep(0.1)
    raise CannotRunError(f"the service does not answer after {seconds:.0f} seconds; its log above may say why")
