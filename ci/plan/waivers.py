"""Waivers in a plan: what it refuses though a check does not, and those that end soon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ci.plan.side import Rendered
from components.definition.findings import Finding
from components.definition.load_catalog import Catalog
from components.definition.waiver import Waiver
from components.specs import Manifest
from policies.lapsed import Lapsed
from policies.rule import Subject
from policies.waivers import lapsed_reason
from stacks.decisions import stopped


def refused_changes(
    path: str, key: str, before: Rendered | None, after: Rendered | None, waivers: Mapping[str, Waiver]
) -> list[Finding]:
    """An error for each waiver that has ended and that the objects of an added or changed agent rely on.

    What stays as it is, in one environment or in all, goes on; and stopping an agent waits for no waiver.
    """
    if after is None or not after.lapsed or (before is not None and before.manifests == after.manifests):
        return []
    if stopped(tuple(after.manifests)):
        return []
    verb = "added" if before is None else "changed"
    return [
        Finding(path, 1, 1, "waiver-expired", f"{key} is not {verb}: {lapsed_reason(file, waivers[file])}", agent=key)
        for file in after.lapsed
    ]


def refused_shared(
    before: Mapping[tuple[str, str], list[Manifest]],
    after: Mapping[tuple[str, str], list[Manifest]],
    catalog: Catalog,
    today: str,
) -> list[Finding]:
    """The same for the objects of pools and platforms, by environment and pool (an empty pool is the platform)."""
    ended = Lapsed(catalog.waivers, today)
    found = []
    for (environment, pool), manifests in after.items():
        if before.get((environment, pool)) == manifests:
            continue
        why = ended.why(Subject(environment, pool, None, catalog), manifests)
        if why:
            kind, what = ("pools", f"the pool {pool}") if pool else ("settings", "the platform")
            message = f"{what} is not changed in {environment}: {why}"
            found.append(Finding(catalog.documents[kind].file, 1, 1, "waiver-expired", message))
    return found


def waiver_warnings(findings: Iterable[Finding]) -> list[Finding]:
    """What a plan's findings say of waivers that end soon, have ended, or stand twice."""
    return sorted({one for one in findings if one.severity == "warning" and one.rule.startswith("waiver-")})


def waiver_section(findings: Iterable[Finding]) -> Iterator[str]:
    """The report's section about them; none when there are none."""
    found = waiver_warnings(findings)
    if found:
        lines = [f"- `{one.file}` {one.message}" for one in found]
        yield "\n".join(["## Waivers", "", *lines]) + "\n"
