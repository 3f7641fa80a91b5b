"""What scanners found, as findings: each where it is mended, once for all environments, and none that is waived."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ci.scan.piece import Hit
from ci.scan.places import Place, Places
from components.definition.findings import Finding
from components.definition.waiver import SCANNERS, Waiver
from components.fleet import Fleet

_MEND = "mend it"
_OR_WAIVE = ", or have the security team answer for it with a waiver (docs/scanning.md)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is left to mend; how many hits waivers hold back; the waivers' files that held any."""

    findings: list[Finding]
    waived: int
    used: frozenset[str]


def judge(hits: Iterable[Hit], fleet: Fleet, today: str) -> Verdict:
    """Holds hits against the catalog's waivers on that day (ISO)."""
    places = Places(fleet)
    waivers = fleet.catalog.waivers
    open_hits: dict[tuple[Place, str, str, bool, str], list[str]] = {}
    used: set[str] = set()
    waived = 0
    for hit in hits:
        path = _waiver(hit, waivers)
        if path and today < waivers[path].expires:
            waived += 1
            used.add(path)
            continue
        ended = f"; {path} held it back until {waivers[path].expires}" if path else ""
        agent = hit.piece.agent.key if hit.piece.agent else ""
        way_out = _MEND + (_OR_WAIVE if hit.scanner in SCANNERS else "")
        problem = f"{hit.piece.name}{{where}}: {_problem(hit)}{ended}; {way_out}"
        environments = open_hits.setdefault((places.of(hit), hit.rule, problem, hit.skipped, agent), [])
        if hit.piece.environment and hit.piece.environment not in environments:
            environments.append(hit.piece.environment)
    findings = []
    for ((file, line, column), rule, problem, _, agent), environments in open_hits.items():
        where = f" in {', '.join(environments)}" if environments else ""
        findings.append(Finding(file, line, column, rule, problem.replace("{where}", where, 1), agent=agent))
    return Verdict(sorted(set(findings)), waived, frozenset(used))


def unused(fleet: Fleet, verdict: Verdict, scanners: Iterable[str], today: str) -> list[Finding]:
    """Warnings of waivers that hold nothing back, where everything was scanned by these scanners."""
    ran = tuple(f"{name}/" for name in scanners)
    found = []
    for path, waiver in fleet.catalog.waivers.items():
        if waiver.rule.startswith(ran) and path not in verdict.used and today < waiver.expires:
            line, column = fleet.catalog.documents[path].place(("rule",))
            message = f"no scanner finds {waiver.rule} in what this waiver is for; take the file away"
            found.append(Finding(path, line, column, "waiver-unused", message, "warning"))
    return found


def _problem(hit: Hit) -> str:
    asks = "asks scanners to look away from: " if hit.skipped else ""
    return f"{asks}{hit.problem}"


def _waiver(hit: Hit, waivers: dict[str, Waiver]) -> str:
    """The waiver for it that ends last."""
    fitting = [
        (waiver.expires, path)
        for path, waiver in waivers.items()
        if waiver.rule == hit.rule and not hit.piece.scopes.isdisjoint(waiver.scope)
    ]
    return max(fitting)[1] if fitting else ""
