"""Which exceptions cover an image and a finding, and what is to be said about those that end or are not needed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from ci.images.reports import Vulnerability
from components.definition.findings import Finding, nearest
from components.definition.vulnerability_exceptions import VulnerabilityException
from components.definition.yaml_reader import Document

Exceptions = Mapping[str, VulnerabilityException]

WARNED_DAYS = 14


@dataclass(frozen=True, slots=True)
class BaseImage:
    """What an image is built upon; `end_of_life` is the day (ISO) from which its makers mend it no more."""

    name: str
    end_of_life: str = ""


@dataclass(frozen=True, slots=True)
class ScannedImage:
    """The image that is judged: what was asked for, not what a report says.

    `digest` is its manifest's (or index's) and `image_id` its configuration's, where that is known; `agents` are
    pool/agent that get it, and `runtimes` names of runtimes whose own image it is. `named` is the repository by which a
    ready image is known, where `repository` is that of its copy.
    """

    repository: str
    digest: str
    image_id: str = ""
    runtimes: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    base: BaseImage | None = None
    named: str = ""

    @property
    def reference(self) -> str:
        """By digest, as it is pulled."""
        return f"{self.repository}@{self.digest}"


@dataclass(frozen=True, slots=True)
class Cover:
    """The exceptions that match a finding: one that holds, if any, and those that do not on this day."""

    path: str = ""
    exception: VulnerabilityException | None = None
    ended: tuple[tuple[str, str], ...] = field(default=())
    later: tuple[tuple[str, str], ...] = field(default=())


def covering(exceptions: Exceptions, image: ScannedImage) -> dict[str, VulnerabilityException]:
    """The exceptions whose scope takes in the image, by path.

    An image that several runtimes or agents get is covered only when all of them are named: who did not agree to live
    with a vulnerability does not get it because another one did.
    """
    return {path: one for path, one in sorted(exceptions.items()) if _takes_in(one.images, image)}


def _takes_in(scope: Collection[str], image: ScannedImage) -> bool:
    if f"image:{image.repository}" in scope or f"image:{image.named}" in scope:
        return True
    if image.runtimes and all(f"runtime:{runtime}" in scope for runtime in image.runtimes):
        return True
    return bool(image.agents) and all(agent in scope for agent in image.agents)


def matches(exception: VulnerabilityException, finding: Vulnerability) -> bool:
    """Whether it is about that finding, by any of its ids."""
    return (
        exception.vulnerability in finding.names
        and exception.package == finding.package
        and (exception.versions is None or finding.version in exception.versions)
    )


def cover_of(finding: Vulnerability, candidates: Exceptions, today: date) -> Cover:
    """What the exceptions among `candidates` do for a finding on that day; the one that holds longest counts."""
    day = today.isoformat()
    matching = [(path, one) for path, one in candidates.items() if matches(one, finding)]
    holding = [(one.expires, path, one) for path, one in matching if one.created <= day < one.expires]
    ended = tuple((path, one.expires) for path, one in matching if one.expires <= day)
    later = tuple((path, one.created) for path, one in matching if day < one.created)
    if not holding:
        return Cover(ended=ended, later=later)
    _, path, exception = max(holding, key=lambda one: one[:2])
    return Cover(path, exception, ended, later)


def exception_notes(candidates: Exceptions, findings: Iterable[Vulnerability], today: date) -> list[str]:
    """What the owners of an image's exceptions should know: which end soon, and which match nothing any more."""
    found, notes = list(findings), []
    for path, one in candidates.items():
        left = (date.fromisoformat(one.expires) - today).days
        if not any(matches(one, finding) for finding in found):
            notes.append(f"{path} matches nothing in this image: {one.vulnerability} in {one.package} is not found")
        elif 0 < left <= WARNED_DAYS:
            notes.append(f"{path} ends on {one.expires}, in {left} day{'s' * (left != 1)}; {one.owner} answers for it")
    return notes


def exception_findings(
    exceptions: Exceptions,
    documents: Mapping[str, Document],
    runtimes: Collection[str],
    agents: Collection[str],
    today: str,
) -> list[Finding]:
    """What is wrong with the files themselves: scopes that name nothing, and days that are past or not come yet.

    `agents` are pool/agent; a name that is misspelt would cover nothing, and be noticed when the gate closes.
    """
    findings = []
    for path, one in exceptions.items():
        document = documents[path]
        for index, scope in enumerate(one.images):
            problem = _scope_problem(scope, runtimes, agents)
            if problem:
                findings.append(document.finding(("images", index), "unknown-scope", problem))
        if today < one.created:
            message = f"created: {one.created} is not come yet; the longest time that is allowed counts from this day"
            findings.append(document.finding(("created",), "exception-from-the-future", message))
        if today >= one.expires:
            line, column = document.place(("expires",))
            message = f"this exception ended on {one.expires}; what relied on it is stopped again"
            findings.append(Finding(path, line, column, "exception-expired", message, "warning"))
    return findings


def _scope_problem(scope: str, runtimes: Collection[str], agents: Collection[str]) -> str:
    kind, colon, name = scope.partition(":")
    if not colon:
        return "" if scope in agents else f"there is no agent {scope}.{nearest(scope, agents)}"
    if kind == "runtime" and name not in runtimes:
        return f"there is no runtime {name!r}.{nearest(name, runtimes)}"
    return ""
