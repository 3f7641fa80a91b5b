"""Runs a program that reads an image to its end, and says how it ended."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.images.reports import ReportError
from components.definition.pasted_secrets import without_secrets

_LAST_LINES = 5
_LINE = 300
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that ended by itself; `code` is negative for the signal that ended it."""

    code: int
    stderr: str


def run_program(
    command: Sequence[str], work: Path, variables: Mapping[str, str], seconds: float, output: Path | None = None
) -> Ended:
    """Runs it in the folder `work`, its output to a file; no process of it is left over.

    Raises ReportError when it takes more than `seconds` or cannot start.
    """
    with (work / "stderr").open("w+b") as stderr, (output or work / "stdout").open("wb") as stdout:
        try:
            process = subprocess.Popen(
                command,
                cwd=work,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        except OSError as error:
            raise ReportError("scanner-crashed", f"{command[0]} cannot be started: {error.strerror}") from error
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            message = f"{Path(command[0]).name} did not end within {seconds:g} s and was stopped"
            raise ReportError("scanner-timeout", message) from None
        finally:
            # Whatever it started is in its group, and holds nothing that is wanted now.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        stderr.seek(0)
        return Ended(code, stderr.read().decode("utf-8", "replace"))


def crashed(name: str, image: str, ended: Ended) -> ReportError:
    """What is to be raised for a run that failed: how it ended, and its last lines, without secrets."""
    how = f"was ended by {_signal(-ended.code)}" if ended.code < 0 else f"ended with exit code {ended.code}"
    lines = [line.strip()[:_LINE] for line in _COLOUR.sub("", ended.stderr).splitlines() if line.strip()]
    said = without_secrets("\n".join(lines[-_LAST_LINES:])) or "(it said nothing)"
    return ReportError("scanner-crashed", f"{name} {how} on {image}:\n{said}")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
