"""Runs of the whole Pulumi program against a cluster: what was applied, what failed, what the stacks then say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api import Manifest, wait_until

PROGRAM = Path(__file__).parent / "apply_program.py"
SYSTEM = ("HOME", "PATH", "LANG")
COMMIT = "0123456789abcdef0123456789abcdef01234567"

Outputs = Mapping[str, Mapping[str, Any]]


@dataclass
class Applied:
    """What became of a run. `failures`: one line each, with the object's kind and name, as Pulumi would print it;
    `failed` has them by URN.

    `outputs`: URN → {type, outputs} of every component and stack that came to its end; give it to the next run as
    `previous`, and the program finds there what it last said, as it would in Pulumi's state.
    """

    exit_code: int = -1
    said: str = ""
    objects: list[Manifest] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether everything was applied."""
        return self.exit_code == 0 and not self.failures

    def names(self, kind: str) -> list[str]:
        """Names of the applied objects of a kind."""
        return sorted(one["metadata"]["name"] for one in self.objects if one["kind"] == kind)


class Running:
    """A run that is under way."""

    def __init__(self, process: subprocess.Popen[str], output: Path, said: Path) -> None:
        self.process = process
        self.output = output
        self.said = said

    def now(self) -> Applied:
        """What became of it so far."""
        lines = self.output.read_text("utf-8").splitlines(keepends=True) if self.output.exists() else []
        applied = Applied(said=self.said.read_text("utf-8"))
        for line in lines:
            if line.endswith("\n"):
                _take(applied, json.loads(line))
        return applied

    def wait_for(self, what: str, reached: Callable[[Applied], bool], seconds: float = 60) -> None:
        """Returns as soon as the run has come that far."""
        wait_until(what, lambda: reached(self.now()) or self.process.poll() is not None, seconds, pause=0.02)
        assert reached(self.now()), f"the run ended before: {what}\n{self.now().said}"

    def go_on(self) -> None:
        """Lets a run go on that has stopped itself."""
        stat = Path(f"/proc/{self.process.pid}/stat")
        wait_until("it has stopped", lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
        self.process.send_signal(signal.SIGCONT)

    def end(self, seconds: float = 300) -> Applied:
        """Waits for its end."""
        code = self.process.wait(timeout=seconds)
        applied = self.now()
        applied.exit_code = code
        return applied


def start_program(
    top: Path,
    kubeconfig: Path,
    *stacks: str,
    previous: Outputs | None = None,
    wait_seconds: float = 120,
    request_seconds: float = 30,
    continue_on_error: bool = False,
    stop_after: str = "",
    **environment: str,
) -> Running:
    """Starts the program of the project in `top` for each stack, one after the other; ends with the first that fails.

    `wait_seconds`: how long an object may take to be ready; `request_seconds`: how long the API server may take to
    answer; `stop_after`: the kind of object with which it stops itself, see `go_on`. `environment` are
    variables for the program.
    """
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=top.parent))
    options = [f"--wait-seconds={wait_seconds}", f"--request-seconds={request_seconds}"]
    if previous is not None:
        (folder / "previous.json").write_text(json.dumps(previous), "utf-8")
        options.append(f"--previous={folder / 'previous.json'}")
    if continue_on_error:
        options.append("--continue-on-error")
    if stop_after:
        options.append(f"--stop-after={stop_after}")
    variables = {name: os.environ[name] for name in SYSTEM if name in os.environ}
    variables |= {"KUBECONFIG": str(kubeconfig), "ROSTER_COMMIT": COMMIT} | environment
    with (folder / "said.txt").open("w") as said:
        command = [sys.executable, str(PROGRAM), str(top), str(folder / "events.jsonl"), *options, *stacks]
        process = subprocess.Popen(command, cwd=top, env=variables, stdout=said, stderr=said, text=True)
    return Running(process, folder / "events.jsonl", folder / "said.txt")


def apply_program(top: Path, kubeconfig: Path, *stacks: str, **options: Any) -> Applied:
    """The same, waited for."""
    return start_program(top, kubeconfig, *stacks, **options).end()


def _take(applied: Applied, event: dict[str, Any]) -> None:
    if "applied" in event:
        applied.objects.append(event["applied"])
    elif "failed" in event:
        applied.failures.append(event["failed"])
        applied.failed[event["urn"]] = event["failed"]
    elif "outputs" in event:
        applied.outputs[event["urn"]] = {"type": event["type"], "outputs": event["outputs"]}
    else:
        applied.finished.append(event["stack"])
