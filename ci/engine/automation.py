"""The vendor's automation library, with what it lacks: it selects no stack, can be interrupted and keeps a log.

Importing it takes 0.2 s, so only what runs a stack imports this module.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from pulumi.automation import LocalWorkspace, OnOutput, OutputMap, PulumiCommand, Stack, UpdateSummary
from pulumi.automation._cmd import CommandResult
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from ci.engine.command import Pulumi
from ci.engine.interruption import Interruption
from ci.engine.processes import memory_bytes

_SAMPLE_SECONDS = 2.0


class Command(PulumiCommand):
    """The CLI in a process group of its own, so that a terminal's Ctrl-C reaches it through `Interruption` only.

    All output goes to `log`. `peak_bytes` is the most memory that a run and its plugins held, as seen now and then.
    """

    def __init__(self, pulumi: Pulumi, interruption: Interruption, log: IO[str]) -> None:
        # Not the parent's: it would ask for the version again.
        self.command = str(pulumi.engine.path)
        self.version = VersionInfo(*pulumi.engine.version)
        self.peak_bytes = 0
        self._environ = pulumi.variables()
        self._interruption = interruption
        self._log = log
        self._write = threading.Lock()

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Runs a command to its end. Raises the library's CommandError when it fails."""
        process = subprocess.Popen(
            [self.command, "--non-interactive", *args],
            cwd=cwd,
            env={**self._environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._interruption.started(process.pid)
        said: tuple[list[str], list[str]] = ([], [])
        readers = [
            threading.Thread(target=self._read, args=(stream, lines, heard), daemon=True)
            for stream, lines, heard in zip((process.stdout, process.stderr), said, (on_output, on_error), strict=True)
        ]
        for reader in readers:
            reader.start()
        try:
            self._watch(process)
        finally:
            self._interruption.ended(process.pid)
        for reader in readers:
            # A plugin that outlives a killed Pulumi may hold the pipe open.
            reader.join(timeout=5)
        result = CommandResult("\n".join(said[0]), "\n".join(said[1]), process.returncode)
        if result.code:
            raise create_command_error(result)
        return result

    def _watch(self, process: subprocess.Popen[str]) -> None:
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_SAMPLE_SECONDS)
                return
            self.peak_bytes = max(self.peak_bytes, memory_bytes(process.pid))

    def _read(self, stream: IO[str], lines: list[str], heard: OnOutput | None) -> None:
        with stream:
            for line in stream:
                lines.append(line.rstrip())
                with self._write, suppress(ValueError):  # the log is closed when a reader was given up
                    self._log.write(line)
                    self._log.flush()
                if heard:
                    heard(line.rstrip())


class Workspace(LocalWorkspace):
    """A project whose selected stack stays as the user left it: every command names its own."""

    def select_stack(self, stack_name: str) -> None:
        """Does nothing; that the stack is there is known from its record."""

    def create_stack(self, stack_name: str) -> None:
        """Makes a stack without selecting it."""
        args = ["stack", "init", stack_name, "--no-select"]
        if self.secrets_provider:
            args += ["--secrets-provider", self.secrets_provider]
        self.pulumi_command.run(args, self.work_dir, self.env_vars)


class QuietStack(Stack):
    """Does not ask the CLI for outputs and history after each run, which takes a second and which nobody reads."""

    def outputs(self) -> OutputMap:
        """None."""
        return {}

    def info(self, show_secrets: bool = True) -> UpdateSummary:
        """Nothing but that it is over."""
        return UpdateSummary("update", datetime.now(UTC), "", {}, {}, "succeeded")


def open_stack(stack: str, workspace: Workspace, exists: bool) -> Stack:
    """A stack that is there, or is made now. Raises CommandError."""
    return QuietStack.select(stack, workspace) if exists else QuietStack.create(stack, workspace)


def clock() -> Callable[[], float]:
    """Seconds since now, by a clock that does not jump."""
    start = time.monotonic()
    return lambda: time.monotonic() - start


def open_log(folder: Path, stack: str) -> IO[str]:
    """A new log of a stack, `folder`/logs/STACK.log."""
    path = folder / "logs" / f"{stack}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8")
