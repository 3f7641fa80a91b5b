"""The screen of `roster alerts`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from ci.cluster.evidence import shown
from ci.live.alerts import LiveAlert
from ci.live.screen import Screen, Table
from ci.live.words import count, lasting

_HEADINGS = ("severity", "alert", "about", "where", "since", "owner", "summary")


def screen(alerts: Sequence[LiveAlert], now: datetime) -> Screen:
    """What fires first, the worst first; then what is pending, what nobody is told of, and where to read on."""
    if not alerts:
        return ["nothing fires, and nothing is pending"]
    firing = [one for one in alerts if one.state == "firing" and not one.quiet]
    pending = [one for one in alerts if one.state == "pending"]
    quiet = [one for one in alerts if one.quiet]
    parts: list[str | Table] = [_headline(firing, pending, quiet)]
    for title, some in (("", firing), ("Pending, not yet for as long as the rule asks:", pending)):
        if some:
            parts += ["", *([title] if title else []), _table(some, now)]
    if quiet:
        parts += ["", "Firing, and nobody is told:", _table(quiet, now)]
    runbooks = {one.name: one.runbook for one in alerts if one.runbook and one.state == "firing"}
    if runbooks:
        parts += ["", "Runbooks:", *(f"  {url}" for url in dict.fromkeys(runbooks.values()))]
    return parts


def _headline(firing: Sequence[LiveAlert], pending: Sequence[LiveAlert], quiet: Sequence[LiveAlert]) -> str:
    severities = Counter(one.severity or "other" for one in firing)
    said = [f"{many} {severity}" for severity, many in severities.items()]
    said += [f"{len(pending)} pending"] if pending else []
    said += [f"{len(quiet)} silenced or inhibited"] if quiet else []
    return f"{count(len(firing), 'alert')} firing: {', '.join(said)}" if firing else f"nothing fires; {', '.join(said)}"


def _table(alerts: Sequence[LiveAlert], now: datetime) -> Table:
    rows = tuple(
        (
            one.severity or "-",
            one.name,
            one.about,
            one.environment or one.namespace,
            "-" if one.since is None else lasting((now - one.since).total_seconds()),
            one.owner or "-",
            # Annotations are templates over labels; whoever sends metrics may have a say in them.
            shown(one.summary) + (f" [{shown(one.quiet)}]" if one.quiet else ""),
        )
        for one in alerts
    )
    return Table(_HEADINGS, rows, (), ("owner", "where"), ("about", "summary"))
