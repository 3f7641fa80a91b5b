"""kube-score at its default settings: what it finds, and whether it read all that it was given."""

from __future__ import annotations

from pathlib import Path

from ci.scan.piece import Hit, ScannerFailure
from ci.scan.programs import report_of
from ci.scan.staging import Group, Staged

NAME = "kube-score"
_FINE = 10
# The kinds that it has checks for; it passes over all others without a word.
_KINDS = frozenset(
    {"Pod", "Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Service", "Ingress", "NetworkPolicy"}
    | {"PodDisruptionBudget", "HorizontalPodAutoscaler"}
)


def kube_score(staged: Staged, program: str) -> list[Hit]:
    """Scores each pool's objects together, critical and warning alike. Raises ScannerFailure."""
    return [hit for group in staged.objects for hit in _of_group(group, program)]


def _of_group(group: Group, program: str) -> list[Hit]:
    given = {file: piece for file, piece in group.files.items() if (piece.manifest or {}).get("kind") in _KINDS}
    if not given:
        return []
    # An object's own annotation excuses it from nothing, and asks for nothing more.
    command = [program, "score", "--output-format", "json"]
    command += ["--disable-ignore-checks-annotations", "--disable-optional-checks-annotations"]
    report = report_of(NAME, [*command, *map(str, given)], codes=(0, 1))
    read = {Path(one["file_name"]) for one in report or ()}
    if read != given.keys():
        raise ScannerFailure(
            f"{NAME} read {len(read & given.keys())} of {len(given)} ({group.name}): what it did not read nobody "
            "judged, so nothing passes"
        )
    hits = []
    for scored in report:
        piece = given[Path(scored["file_name"])]
        for check in scored["checks"]:
            # Skipped: a check that is off by default, or one for which the object is none.
            if check["skipped"] or check["grade"] >= _FINE or piece.context:
                continue
            said = dict.fromkeys(one["summary"] for one in check["comments"] or ())
            hits.append(Hit(NAME, check["check"]["id"], "; ".join(said) or check["check"]["name"], piece))
    return hits
