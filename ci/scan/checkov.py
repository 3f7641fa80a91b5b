"""Checkov: what it finds, and whether it read all that it was given."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.scan.piece import Hit, Piece, ScannerFailure
from ci.scan.staging import Group, Staged

TOP = Path(__file__).parents[2]
_RUNS = Path(__file__).with_name("checkov_runs.py")
_TIMEOUT_SECONDS = 3600
_FOUND = 1
# Checkov counts the pods in these as things of their own.
_WITH_PODS = frozenset(
    {"Deployment", "DaemonSet", "Job", "ReplicaSet", "ReplicationController", "StatefulSet", "DeploymentConfig"}
)
# Settings by which it could be told to look away.
_LEFT_OUT = ("CKV_", "CHECKOV_", "BC_", "PRISMA_", "PYTHON", "LOG_LEVEL", "WORKDIR")
_ARGUMENTS = ("--skip-download", "--compact", "--output", "json")
_SECRET = "a secret stands here ({}); revoke it, put the new one into the secret store, and name its path#key"


@dataclass(frozen=True, slots=True)
class Told:
    """What Checkov said: its version, how many checks passed, what it found."""

    version: str
    passed: int
    hits: list[Hit]


def checkov_python() -> str:
    """The Python of Checkov's own environment, made on first use. Raises ScannerFailure."""
    done = subprocess.run(["bash", TOP / "ci/checkov_venv.sh"], capture_output=True, text=True, check=False)
    python = done.stdout.strip()
    if done.returncode or not python:
        said = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise ScannerFailure(f"Checkov cannot be installed (ci/checkov_venv.sh): {said}")
    return python


def checkov(staged: Staged, python: str) -> Told:
    """Runs it over everything that is staged. Raises ScannerFailure, also where it did not read everything."""
    runs: list[tuple[Group, tuple[str, ...]]] = [(group, ("kubernetes",)) for group in staged.objects]
    runs += [(group, _build_frameworks(group)) for group in staged.build]
    runs += [(group, ("secrets",)) for group in staged.secrets]
    outputs = [staged.folder / f"checkov-{number:04}.json" for number in range(len(runs))]
    _run([(group.folder, frameworks) for group, frameworks in runs], outputs, staged.folder, python)
    hits: list[Hit] = []
    passed, version = 0, ""
    for (group, frameworks), output in zip(runs, outputs, strict=True):
        reports = _reports(output, group)
        for framework in frameworks:
            report = reports.get(framework, {})
            results, summary = report.get("results", {}), report.get("summary", {})
            _compare(framework, group, results, summary)
            hits += _hits(framework, group, results)
            passed += len(results["passed_checks"])
            version = str(summary["checkov_version"])
    return Told(version, passed, hits)


def _build_frameworks(group: Group) -> tuple[str, ...]:
    kinds = {piece.kind for piece in group.pieces}
    return tuple(
        framework for kind, framework in (("dockerfile", "dockerfile"), ("workflow", "github_actions")) if kind in kinds
    )


def _run(runs: Sequence[tuple[Path, tuple[str, ...]]], outputs: Sequence[Path], folder: Path, python: str) -> None:
    task = {
        "processes": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "runs": [
            {"arguments": ["--directory", str(read), "--framework", *frameworks, *_ARGUMENTS], "output": str(output)}
            for (read, frameworks), output in zip(runs, outputs, strict=True)
        ],
    }
    home = folder / "home"
    home.mkdir()
    variables = {key: value for key, value in os.environ.items() if not key.startswith(_LEFT_OUT)}
    try:
        done = subprocess.run(
            # -I: this folder, in which a module is called checkov too, is not searched.
            [python, "-I", str(_RUNS)],
            cwd=home,
            # Neither the user's nor the repository's .checkov.yaml is read.
            env={**variables, "HOME": str(home)},
            input=json.dumps(task),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except OSError as error:
        raise ScannerFailure(f"Checkov does not start ({error}); ci/checkov_venv.sh installs it") from error
    except subprocess.TimeoutExpired as error:
        raise ScannerFailure(f"Checkov did not end within {_TIMEOUT_SECONDS} s") from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
        raise ScannerFailure(f"Checkov failed (exit {done.returncode}): {said}")


def _reports(output: Path, group: Group) -> dict[str, dict[str, Any]]:
    """Its reports by framework; one that found nothing to read gives none."""
    code = _text(output.with_name(f"{output.name}.exit"))
    said = (_text(output.with_name(f"{output.name}.errors")).strip().splitlines() or ["nothing said"])[-1]
    if code not in ("0", str(_FOUND)):
        raise ScannerFailure(f"Checkov failed on {group.name} (exit {code or 'unknown'}): {said[:300]}")
    try:
        document = json.loads(_text(output))
    except ValueError:
        raise ScannerFailure(f"Checkov gave no report on {group.name}: {said[:300]}") from None
    reports = document if isinstance(document, list) else [document]
    return {one["check_type"]: one for one in reports if "check_type" in one}


def _text(file: Path) -> str:
    return file.read_text("utf-8", "replace") if file.exists() else ""


def _compare(framework: str, group: Group, results: dict[str, Any], summary: dict[str, Any]) -> None:
    """Holds what was read against what was given. Raises ScannerFailure."""
    given, read = _counts(framework, group, results, summary)
    unread = summary.get("parsing_errors", 0) if summary else 0
    if read != given or unread:
        raise ScannerFailure(
            f"Checkov read {read} of {given} ({framework}, {group.name}), {unread} with errors: what it did not read "
            "nobody judged, so nothing passes"
        )


def _counts(framework: str, group: Group, results: dict[str, Any], summary: dict[str, Any]) -> tuple[int, int]:
    if framework == "kubernetes":
        manifests = [piece.manifest or {} for piece in group.pieces]
        pods = sum(one["kind"] in _WITH_PODS and "template" in one.get("spec", {}) for one in manifests)
        return len(manifests) + pods, int(summary.get("resource_count", 0))
    wanted = {"dockerfile": "dockerfile", "github_actions": "workflow"}.get(framework)
    given = {file for file, piece in group.files.items() if wanted is None or piece.kind == wanted}
    records = [
        record for kind in ("passed_checks", "failed_checks", "skipped_checks") for record in results.get(kind, ())
    ]
    read = {_file(record) for record in records if framework != "secrets" or _is_witness(record, group)}
    return len(given), len(read & given)


def _is_witness(record: dict[str, Any], group: Group) -> bool:
    """Whether it is the made-up key of its file: Checkov names a secret by its SHA-1."""
    key = group.witnesses.get(_file(record), "")
    return bool(key) and record["resource"] == _sha1(key)


def _names(piece: Piece) -> set[str]:
    """SHA-1 of all names of secrets in an ExternalSecret. Many have the shape of a secret, and none is one: its path,
    its key there, and its variable's name."""
    manifest = piece.manifest or {}
    if manifest.get("kind") != "ExternalSecret":
        return set()
    named = [(one["secretKey"], *one["remoteRef"].values()) for one in manifest["spec"].get("data", ())]
    return {_sha1(str(name)) for names in named for name in names}


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _file(record: dict[str, Any]) -> Path:
    return Path(record["file_abs_path"])


def _hits(framework: str, group: Group, results: dict[str, Any]) -> list[Hit]:
    found = []
    for kind in ("failed_checks", "skipped_checks"):
        for record in results[kind]:
            if framework == "secrets" and _is_witness(record, group):
                continue
            piece = group.files.get(_file(record))
            if piece is None:
                raise ScannerFailure(f"Checkov speaks of a file that it was not given: {_file(record).name}")
            if piece.context or (framework == "secrets" and record["resource"] in _names(piece)):
                continue
            name = str(record["check_name"])
            # The record of a secret holds its hash and parts of it: nothing but the kind of secret is taken over.
            problem = _SECRET.format(name) if framework == "secrets" else name
            line = int(record["file_line_range"][0])
            found.append(Hit("checkov", str(record["check_id"]), problem, piece, line, kind == "skipped_checks"))
    return found
