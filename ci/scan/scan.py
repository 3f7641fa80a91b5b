"""Runs every scanner over what was chosen, and says which of them ran."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from ci.scan.checkov import checkov, checkov_python
from ci.scan.kube_score import NAME as KUBE_SCORE
from ci.scan.kube_score import kube_score
from ci.scan.kubeconform import NAME as KUBECONFORM
from ci.scan.kubeconform import kubeconform
from ci.scan.piece import Hit, Piece
from ci.scan.programs import known_form
from ci.scan.staging import stage

PROGRAMS = {KUBE_SCORE: kube_score, KUBECONFORM: kubeconform}


@dataclass(slots=True)
class Scanned:
    """What scanners said. `ran` and `missing`: their names; `passed`: how many of Checkov's checks did."""

    hits: list[Hit] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    passed: int = 0


def scan(pieces: Sequence[Piece], python: str = "", programs: dict[str, str] | None = None) -> Scanned:
    """Scans them in a temporary folder. Raises ScannerFailure; never returns half of it.

    `python`: of Checkov's environment, made when empty; `programs`: name → path, looked up on PATH when None.
    """
    found = {name: shutil.which(name) or "" for name in PROGRAMS} if programs is None else programs
    scanned = Scanned(missing=[name for name in PROGRAMS if not found.get(name)])
    if not pieces:
        return scanned
    with TemporaryDirectory(prefix="roster-scan-") as folder:
        # Resolved, as scanners name files by their real paths.
        staged = stage(Path(folder).resolve(), pieces)
        with known_form("Checkov"):
            told = checkov(staged, python or checkov_python())
        scanned.hits += told.hits
        scanned.passed = told.passed
        scanned.ran.append(f"Checkov {told.version}")
        for name, run in PROGRAMS.items():
            if found.get(name):
                with known_form(name):
                    scanned.hits += run(staged, found[name])
                scanned.ran.append(name)
    return scanned
