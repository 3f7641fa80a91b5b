"""What the gate said of images, for people (Markdown) and for programs (JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ci.forge.markdown import cell
from ci.images.gate import Blocking, Verdict
from ci.images.reports import Vulnerability

_MOST_AGENTS = 12
_MOST_ROWS = 100


def as_json(verdicts: Sequence[Verdict]) -> str:
    """All of every verdict, with stable keys: a mapping of `passed` and `images`."""
    whole = {"passed": all(one.passed for one in verdicts), "images": [_mapping(one) for one in verdicts]}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def as_markdown(verdicts: Sequence[Verdict]) -> str:
    """One section an image, those that are stopped first."""
    parts = [_section(one) for one in sorted(verdicts, key=lambda one: (one.passed, one.image.reference))]
    return "\n".join(parts) if parts else "No image was scanned.\n"


def headline(verdict: Verdict) -> str:
    """One line: passed or not, and why."""
    name = verdict.image.repository
    if verdict.failures:
        return f"{name} is stopped: {'; '.join(_first_line(one.message) for one in verdict.failures)}"
    if verdict.blocking:
        found = [f"{one.vulnerability.name} in {one.vulnerability.package}" for one in verdict.blocking]
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        return f"{name} is stopped by {', '.join(found[:3])}{more}"
    return f"{name} passed: {_counted(verdict)}"


def _section(verdict: Verdict) -> str:
    image = verdict.image
    lines = [f"### {cell(headline(verdict), 500)}", "", f"`{image.reference}`"]
    if verdict.judged:
        lines += ["", f"{_counted(verdict)} in {verdict.packages:,} packages, by {scanner(verdict)}."]
    lines += ["", f"{'It goes to' if verdict.passed else 'It does not get to'} {_agents(image.agents)}."]
    for failure in verdict.failures:
        lines += ["", "```text", f"{failure.reason}: {failure.message}".replace("```", "'''"), "```"]
    if verdict.blocking:
        lines += ["", *_table(verdict.blocking)]
    if verdict.excepted:
        lines += ["", "Let pass by an exception:", ""]
        for one in verdict.excepted:
            what, why = one.vulnerability, one.exception
            told = f"{what.name} in {what.package} {what.version}: {one.path}, until {why.expires}, {why.owner}"
            lines.append(f"- {cell(f'{told}: {why.reason}', 600)}")
    if verdict.notes:
        lines += ["", "To know:", "", *(f"- {cell(note, 600)}" for note in verdict.notes)]
    return "\n".join(lines) + "\n"


def scanner(verdict: Verdict) -> str:
    """The scanner, its version and its database's day, in words."""
    version = verdict.scanner_version or "(it does not tell its version)"
    return f"{verdict.scanner} {version} with its database of {verdict.database or 'no known day'}"


def _table(blocking: Sequence[Blocking]) -> Iterator[str]:
    yield "| severity | vulnerability | package | installed | fixed in | where | rated by | exceptions |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for one in blocking[:_MOST_ROWS]:
        what = one.vulnerability
        cells = (
            what.rating.severity,
            " = ".join((what.id, *what.aliases)),
            what.package,
            what.version,
            fix(what),
            " ".join((f"({what.kind})", *what.paths[:2], *what.layers[:1])),
            what.rating.source,
            "; ".join(_days(one)) or "none",
        )
        yield f"| {' | '.join(cell(text) for text in cells)} |"
    if len(blocking) > _MOST_ROWS:
        yield ""
        yield f"{len(blocking) - _MOST_ROWS:,} more findings stop it; the JSON report has them all."


def _days(one: Blocking) -> Iterator[str]:
    for path, day in one.ended:
        yield f"{path} ended on {day}"
    for path, day in one.later:
        yield f"{path} begins on {day}"


def fix(one: Vulnerability) -> str:
    """What mends it, in words."""
    if one.fixed:
        return ", ".join(one.fixed)
    words = {
        "wont-fix": "will not be fixed",
        "not-fixed": "no fix yet",
        "fixed": "a fix is out",
        "unknown": "no fix known",
    }
    return words[one.fix]


def _counted(verdict: Verdict) -> str:
    told = [f"{count} {severity}" for severity, count in verdict.counts if count]
    return ", ".join(told) if told else "no vulnerability"


def _agents(agents: Sequence[str]) -> str:
    if not agents:
        return "no agent; none uses it"
    more = f" and {len(agents) - _MOST_AGENTS:,} more agents" if len(agents) > _MOST_AGENTS else ""
    return ", ".join(f"`{agent}`" for agent in agents[:_MOST_AGENTS]) + more


def _first_line(text: str) -> str:
    return text.splitlines()[0].rstrip(":") if text else ""


def _mapping(verdict: Verdict) -> dict[str, Any]:
    image = verdict.image
    return {
        "image": image.reference,
        "passed": verdict.passed,
        "agents": list(image.agents),
        "runtimes": list(image.runtimes),
        "scanner": {"name": verdict.scanner, "version": verdict.scanner_version, "database": verdict.database},
        "packages": verdict.packages,
        "counts": dict(verdict.counts),
        "failures": [{"reason": one.reason, "message": one.message} for one in verdict.failures],
        "blocking": [
            {**finding(one.vulnerability), "exceptions": _pairs(one.ended, "ended") + _pairs(one.later, "begins")}
            for one in verdict.blocking
        ],
        "excepted": [
            {**finding(one.vulnerability), "exception": one.path, "expires": one.exception.expires}
            for one in verdict.excepted
        ],
        "notes": list(verdict.notes),
    }


def _pairs(days: Iterable[tuple[str, str]], word: str) -> list[dict[str, str]]:
    return [{"exception": path, word: day} for path, day in days]


def finding(one: Vulnerability) -> dict[str, Any]:
    """A finding as JSON takes it."""
    return {
        "id": one.id,
        "aliases": list(one.aliases),
        "severity": one.rating.severity,
        "rated_by": one.rating.source,
        "why": one.rating.why,
        "package": one.package,
        "kind": one.kind,
        "installed": one.version,
        "fix": one.fix,
        "fixed": list(one.fixed),
        "paths": list(one.paths),
        "layers": list(one.layers),
    }
