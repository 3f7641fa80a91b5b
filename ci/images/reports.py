"""What a scanner found in an image, in one form for all scanners; and what there is instead when a scan failed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

Severity = Literal["critical", "high", "medium", "low", "negligible", "unknown"]
Fix = Literal["fixed", "not-fixed", "wont-fix", "unknown"]
Reason = Literal[
    "registry-away",
    "image-gone",
    "scanner-missing",
    "scanner-crashed",
    "scanner-timeout",
    "report-empty",
    "report-cut-off",
    "report-unreadable",
    "report-of-another-kind",
    "report-filtered",
    "reports-disagree",
    "another-image",
    "nothing-read",
    "database-missing",
    "database-too-old",
    "database-from-the-future",
    "signature-unseen",
]

# The worst first.
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low", "negligible", "unknown")
RANK: Mapping[Severity, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}
_SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True)
class ScanFailure:
    """Why there is no report to judge by; the gate stays closed. `message` is whole sentences for people."""

    reason: Reason
    message: str


class ReportError(Exception):
    """A report that cannot be judged by; carries the failure."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.failure = ScanFailure(reason, message)
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Rating:
    """A severity, who gave it, and why it is the one that counts."""

    severity: Severity
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One vulnerability in one version of one package of the image.

    `aliases` are the other ids of the same (GHSA and CVE); `kind` is the sort of package (deb, python, npm …); `paths`
    are files of the image and `layers` digests of its layers; `ratings` are those that did not count, by source.
    """

    id: str
    aliases: tuple[str, ...]
    package: str
    version: str
    kind: str
    rating: Rating
    ratings: tuple[tuple[str, Severity], ...]
    fix: Fix
    fixed: tuple[str, ...]
    paths: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """All ids that it goes by."""
        return frozenset((self.id, *self.aliases))

    @property
    def name(self) -> str:
        """The id that it is known by best: its CVE, else the one that was reported."""
        return next((name for name in (self.id, *self.aliases) if name.startswith("CVE-")), self.id)


@dataclass(frozen=True, slots=True)
class EndedDistribution:
    """A distribution that the scanner knows to be mended no more, by its name and version."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Report:
    """A whole scan. `digests` are those of manifests and `image_id` that of the configuration, where they are told.

    `packages` is how many were found in the image, whether vulnerable or not.
    """

    scanner: str
    scanner_version: str
    database: datetime | None
    digests: tuple[str, ...]
    image_id: str
    packages: int
    vulnerabilities: tuple[Vulnerability, ...]
    ended: tuple[EndedDistribution, ...] = ()


class Shape(BaseModel):
    """A part of a report: just the keys that we need, with exactly those types. Scanners add others at any time."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


_Shape = TypeVar("_Shape", bound=Shape)


def read_shape(shape: type[_Shape], data: bytes, what: str) -> _Shape:
    """`data` as JSON of that shape; `what` names it in messages. Raises ReportError."""
    try:
        return shape.model_validate(_load(data, what))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        shown = [f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in problems[:_SHOWN_PROBLEMS]]
        raise ReportError(
            "report-of-another-kind", f"{what} is not in a form that we know: {'; '.join(shown)}"
        ) from None


def _load(data: bytes, what: str) -> Any:
    if not data.strip():
        raise ReportError("report-empty", f"{what} is empty: the scanner wrote nothing")
    try:
        text = data.decode("utf-8")
        return json.loads(text)
    except json.JSONDecodeError as error:
        body = text.strip()
        # What ends in the middle of something is not closed at its end, or is found wanting where nothing follows.
        unclosed = body[-1] not in "}]" or error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        cut = body[0] in "{[" and unclosed
        if cut:
            raise ReportError("report-cut-off", f"{what} ends in the middle, after {len(data):,} bytes") from None
        raise ReportError("report-unreadable", f"{what} is no JSON: line {error.lineno}, {error.msg}") from None
    except UnicodeDecodeError as error:
        cut = error.reason == "unexpected end of data"
        raise ReportError(
            "report-cut-off" if cut else "report-unreadable", f"{what} is no text in UTF-8: {error.reason}"
        ) from None
    except RecursionError:
        raise ReportError("report-unreadable", f"{what} is nested deeper than any report") from None


def moment(text: str, what: str) -> datetime:
    """A moment as scanners write it, with its time zone. Raises ReportError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ReportError("report-of-another-kind", f"{what}: {text!r} is no moment with a time zone")
    return found


def digests_in(references: Iterable[str]) -> set[str]:
    """The digests of references such as registry.example.com/app@sha256:…"""
    return {digest for _, at, digest in (reference.partition("@") for reference in references) if at}


def rate(
    own: Severity, source: str, others: Iterable[tuple[str, Severity]]
) -> tuple[Rating, tuple[tuple[str, Severity], ...]]:
    """The severity that counts, and the ratings that do not.

    Who publishes the advisory knows how the package was built, so theirs counts. Where they have not rated it, the
    worst of the others does: what nobody got round to rating is not harmless.
    """
    rest = sorted({other for other in others if other[0] != source}, key=lambda one: (RANK[one[1]], one[0]))
    rated = [one for one in rest if one[1] != "unknown"]
    if own != "unknown":
        return Rating(own, source, f"{source} publishes the advisory for this package"), tuple(rated)
    if rated:
        (best, severity), *others_left = rated
        return Rating(severity, best, f"{source} has not rated it, so the worst other rating counts"), tuple(
            others_left
        )
    return Rating("unknown", source, "nobody has rated it"), ()


def merged(found: Iterable[Vulnerability]) -> tuple[Vulnerability, ...]:
    """The same vulnerability in the same version of a package is one finding, at all its places; the worst first."""
    one_each: dict[tuple[str, str, str, str], Vulnerability] = {}
    for one in found:
        key = (one.id, one.kind, one.package, one.version)
        seen = one_each.get(key)
        one_each[key] = _joined(seen, one) if seen else one
    return tuple(
        sorted(one_each.values(), key=lambda one: (RANK[one.rating.severity], one.package, one.name, one.version))
    )


def _joined(first: Vulnerability, second: Vulnerability) -> Vulnerability:
    worse = min(first, second, key=lambda one: RANK[one.rating.severity])
    return Vulnerability(
        worse.id,
        tuple(sorted({*first.aliases, *second.aliases})),
        worse.package,
        worse.version,
        worse.kind,
        worse.rating,
        worse.ratings,
        worse.fix,
        tuple(sorted({*first.fixed, *second.fixed})),
        tuple(sorted({*first.paths, *second.paths})),
        tuple(sorted({*first.layers, *second.layers})),
    )
