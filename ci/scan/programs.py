"""Runs a scanner that is a program on PATH."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ci.scan.piece import ScannerFailure

_TIMEOUT_SECONDS = 600


@contextmanager
def known_form(name: str) -> Iterator[None]:
    """Turns what comes of a report of another form than is known here into a ScannerFailure."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ScannerFailure(
            f"{name}'s report is of a form that is not known here ({type(error).__name__}: {error}): another version?"
        ) from error


def report_of(name: str, command: Sequence[str], codes: Collection[int]) -> Any:
    """The JSON that a program prints; `codes`: the exit codes with which it prints one. Raises ScannerFailure."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScannerFailure(f"{name} did not run to its end: {error}") from error
    said = (done.stderr.strip().splitlines() or ["nothing said"])[-1][:300]
    if done.returncode not in codes:
        raise ScannerFailure(f"{name} failed (exit {done.returncode}): {said}")
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise ScannerFailure(f"{name} gave no report: {said}") from None
