"""What a nightly scan of recorded images changes: which are blocked from new users, and the issues that tell of it."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ci.forge.markdown import cell
from ci.images.exceptions import Exceptions, covering, matches
from ci.images.gate import Blocking, Verdict
from ci.images.reports import ScanFailure, Vulnerability
from ci.images.scan_report import fix, scanner
from ci.images.signature_checks import SIGNATURE_FINDINGS, UNSIGNED
from components.definition.vulnerability_exceptions import END_OF_LIFE

Signature = Vulnerability | ScanFailure
ISSUES = "finding-"
FAILED_SCAN = "rescan"
_UNSIGNED_MEANING = (
    "Clusters that ask for signatures refuse it. Agents that run it go on running, nothing is deleted or restarted, "
    "and no other agent gets it. Find out who pushed it or wrote its record. When `images.signing` was changed on "
    "purpose, remove the record: the image is built and signed anew."
)
_MEANING = (
    "The images below were recorded before this was known. Agents that run them go on running, and nothing is "
    "restarted; no other agent gets them until they are built anew, or an exception covers it."
)


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue, by the name under which it is found again; `title` and `text` are for people."""

    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be done after a scan of everything.

    `blocked` are the records (by path) whose list of findings changes, with the new list, empty where the image passes
    again; `issues` are all that should be open, and `closable` whether all others called `finding-…` may be closed.
    """

    blocked: Mapping[str, tuple[str, ...]]
    issues: tuple[Issue, ...]
    closable: bool


def rescan(
    recorded: Mapping[str, Sequence[str]],
    verdicts: Mapping[str, Verdict],
    signatures: Mapping[str, Signature] | None = None,
) -> Changes:
    """What changes; `recorded` are the findings that each record (by path) is blocked by, `verdicts` what is found now.

    `signatures` has what is wrong with an image's signature, or why nobody could look; nothing where all is well.
    A record that could not be judged stays as it is, and no issue is closed that night: that a scanner failed is no
    news about an image. Nothing here deletes or restarts anything.
    """
    signed = signatures or {}
    judged = {name: verdict for name, verdict in sorted(verdicts.items()) if verdict.judged}
    failed = {name: verdict for name, verdict in sorted(verdicts.items()) if not verdict.judged}
    blocked = {}
    for name in sorted({*recorded, *judged}):
        known = set(recorded.get(name, ()))
        now = _found(judged.get(name), known) | _signature_found(signed.get(name), known)
        if now != known:
            blocked[name] = tuple(sorted(now))
    unseen = set(recorded) - set(verdicts)
    unread = {name: one for name, one in sorted(signed.items()) if isinstance(one, ScanFailure)}
    unsigned = {name: one for name, one in sorted(signed.items()) if isinstance(one, Vulnerability)}
    issues = [*_finding_issues(judged.values()), *_signature_issues(unsigned, verdicts)]
    issues += _failure_issue(failed, unseen, unread)
    return Changes(blocked, tuple(issues), closable=not failed and not unseen and not unread)


def unneeded(exceptions: Exceptions, verdicts: Iterable[Verdict]) -> list[str]:
    """The exceptions (by path) that no image needs any more, after all images were judged."""
    needed = set()
    for verdict in verdicts:
        if not verdict.judged:
            # Nobody knows what it would have found.
            needed |= set(covering(exceptions, verdict.image))
        found = [one.vulnerability for one in verdict.blocking] + [one.vulnerability for one in verdict.excepted]
        for path, one in covering(exceptions, verdict.image).items():
            if any(matches(one, finding) for finding in found):
                needed.add(path)
    return sorted(set(exceptions) - needed)


def issue_name(vulnerability: str, package: str) -> str:
    """The stable name of a finding's issue; the hash keeps apart what looks alike once odd signs are gone."""
    told = f"{vulnerability} {package}"
    plain = re.sub(r"[^a-z0-9.]+", "-", told.lower()).strip("-")[:80]
    return f"{ISSUES}{plain}-{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def _found(verdict: Verdict | None, known: set[str]) -> set[str]:
    """What a scan found; what was known, where there was none."""
    return {one.vulnerability.name for one in verdict.blocking} if verdict else known - SIGNATURE_FINDINGS


def _signature_found(signature: Signature | None, known: set[str]) -> set[str]:
    if isinstance(signature, ScanFailure):
        return known & SIGNATURE_FINDINGS
    return {signature.name} if signature else set()


def _finding_issues(verdicts: Iterable[Verdict]) -> list[Issue]:
    found: dict[tuple[str, str], list[tuple[Verdict, Blocking]]] = defaultdict(list)
    for verdict in verdicts:
        for one in verdict.blocking:
            found[one.vulnerability.name, one.vulnerability.package].append((verdict, one))
    return [
        Issue(issue_name(name, package), _title(name, package), _text(places))
        for (name, package), places in sorted(found.items())
    ]


def _signature_issues(found: Mapping[str, Vulnerability], verdicts: Mapping[str, Verdict]) -> Iterator[Issue]:
    """One an image: what is wrong is not the same for two."""
    for path, one in found.items():
        agents = _agents(verdicts[path].image.agents) if path in verdicts else "none"
        what = "is not signed by whom settings.yaml names" if one.name == UNSIGNED else "was not built as recorded"
        text = (
            f"`{one.package}@{one.version}`, recorded in {path}: {cell(one.rating.why, 600)}.\n\n{_UNSIGNED_MEANING}"
            f"\n\nAgents that run it: {cell(agents)}."
        )
        yield Issue(issue_name(one.name, f"{one.package}@{one.version}"), f"{one.package} {what}", text)


def _agents(agents: Sequence[str]) -> str:
    return ", ".join(agents[:10]) + (f" and {len(agents) - 10} more" if len(agents) > 10 else "") or "none"


def _title(name: str, package: str) -> str:
    if name == END_OF_LIFE:
        return f"{package} is mended no more"
    return f"{name} in {package}"


def _text(places: Sequence[tuple[Verdict, Blocking]]) -> str:
    what = places[0][1].vulnerability
    lines = [
        f"**{what.rating.severity}**, rated by {cell(what.rating.source)}: {cell(what.rating.why)}.",
        "",
        _MEANING,
        "",
        "| image | installed | fixed in | where | agents | exceptions that ended |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for verdict, one in places:
        found, agents = one.vulnerability, verdict.image.agents
        told = (
            f"{verdict.image.repository}@{verdict.image.digest[:19]}",
            found.version,
            fix(found),
            " ".join((f"({found.kind})", *found.paths[:2])),
            _agents(agents),
            "; ".join(f"{path} on {day}" for path, day in one.ended) or "none",
        )
        lines.append(f"| {' | '.join(cell(text) for text in told)} |")
    return "\n".join([*lines, "", f"Found by {scanner(places[0][0])}."])


def _failure_issue(
    failed: Mapping[str, Verdict], unseen: Iterable[str], unread: Mapping[str, ScanFailure]
) -> list[Issue]:
    lines = [
        f"- {cell(name)}: {cell(failure.reason)}: {cell(failure.message, 600)}"
        for name, verdict in failed.items()
        for failure in verdict.failures
    ]
    lines += [f"- {cell(name)}: it was not scanned" for name in sorted(unseen)]
    lines += [f"- {cell(name)}: {one.reason}: {cell(one.message, 600)}" for name, one in unread.items()]
    # Where the registry is away, both say so.
    lines = list(dict.fromkeys(lines))
    if not lines:
        return []
    text = "Nothing is known of these images since their last scan; they stay as they are.\n\n" + "\n".join(lines)
    return [Issue(FAILED_SCAN, "Recorded images could not be scanned", text)]
