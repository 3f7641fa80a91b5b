"""The screen of `roster status`: one agent in full, some as a table, hundreds by pool and who needs attention."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from ci.live.screen import Screen, Table
from ci.live.status import Row
from ci.live.words import count, lasting, money, number, percent, seconds
from ci.live.workloads import State

# Above this a table of all is no longer read; pools are shown, and who needs attention.
MANY = 40
_STATES: tuple[State, ...] = ("deployed", "deploying", "scaling", "stopped", "pending", "failed", "unknown")
_FIGURES = ("req/min", "errors", "p95", "cost today", "tokens", "budget")
_HEADINGS = ("agent", "where", "state", "ready", "changed", *_FIGURES, "image", "alerts")
_RIGHT = ("ready", *_FIGURES)
_SPARE = ("image", "tokens", "budget", "cost today", "changed")
# Reasons that the run before the last restart explains.
_CRASHED = ("crash-loop", "out-of-memory", "unstable")
_POOL_HEADINGS = ("pool", "where", "agents", *_STATES, "pods", "req/min", "errors", "cost today", "tokens", "alerts")
_POOL_RIGHT = ("agents", *_STATES, "pods", "req/min", "errors", "cost today", "tokens", "alerts")


def screen(rows: Sequence[Row], currency: str, now: datetime, everything: bool = False, one: bool = False) -> Screen:
    """What is shown. `everything`: a line an agent, however many; `one`: a single agent was asked for."""
    if not rows:
        return ["no agents"]
    if one:
        return [line for row in rows for line in _block(row, currency, now)]
    ill = [row for row in rows if row.attention]
    if len(rows) <= MANY or everything:
        return [_headline(rows), "", _table(rows, now), *_reasons(ill)]
    rest = ["", "None needs attention."] if not ill else ["", count_ill(ill), "", _table(ill, now), *_reasons(ill)]
    return [_headline(rows), "", _pools(rows), *rest]


def changes(before: Iterable[Row], after: Iterable[Row]) -> list[str]:
    """What became of agents from one look to the next, a line each."""
    last = {_identity(row): row for row in before}
    found = []
    for row in after:
        old = last.pop(_identity(row), None)
        was, now = _brief(old) if old else "not there", _brief(row)
        if was != now:
            found.append(f"{_identity(row)}: {was} → {now}" + (f" ({row.why})" if row.why else ""))
    return found + [f"{name}: {_brief(row)} → not there" for name, row in last.items()]


def count_ill(rows: Sequence[Row]) -> str:
    """The line above those that need attention."""
    return f"{count(len(rows), 'agent')} need{'s' * (len(rows) == 1)} attention (--all shows every agent):"


def _headline(rows: Sequence[Row]) -> str:
    states = Counter(row.workload.state for row in rows)
    said = ", ".join(f"{states[state]:,} {state}" for state in _STATES if states[state])
    alerts = sum(len(row.figures.firing) for row in rows)
    return f"{count(len(rows), 'agent')}: {said}" + (f"; {count(alerts, 'alert')}" if alerts else "")


def _table(rows: Sequence[Row], now: datetime) -> Table:
    table = Table(_HEADINGS, tuple(_cells(row, now) for row in rows), _RIGHT, _SPARE, ("alerts",))
    if len({row.agent.place for row in rows}) == 1:
        table = table.without("where")
    return table.without_empty()


def _cells(row: Row, now: datetime) -> tuple[str, ...]:
    figures = row.figures
    return (
        row.agent.key,
        row.agent.place.name,
        row.workload.state,
        _ready(row),
        _change(row, now, "", ""),
        number(figures.requests_per_minute),
        percent(figures.error_percent),
        seconds(figures.p95_seconds),
        money(figures.cost_today),
        number(figures.tokens_today),
        percent(figures.budget_percent),
        row.image or "-",
        _firing(row),
    )


def _block(row: Row, currency: str, now: datetime) -> list[str]:
    live, figures, agent = row.workload, row.figures, row.agent
    pods = "" if live.desired is None else f", {live.ready} of {count(live.desired, 'pod')} ready"
    requests = f"{number(figures.requests_per_minute)} a minute"
    if figures.requests_per_minute:
        requests += f", {percent(figures.error_percent)} failed, P95 {seconds(figures.p95_seconds)}"
    today = [
        f"{money(figures.cost_today)} {currency}" if figures.cost_today is not None else "",
        f"{number(figures.tokens_today)} tokens" if figures.tokens_today is not None else "",
        f"{percent(figures.budget_percent)} of its budget" if figures.budget_percent is not None else "",
    ]
    lines = {
        "why": row.why,
        "what to do": _advice(row),
        "last change": "" if row.changed is None else _change(row, now),
        "image": live.image,
        "requests": "" if figures.requests_per_minute is None else requests,
        "today": ", ".join(filter(None, today)),
        "alerts": ", ".join(f"{one.severity} {one.name}" for one in figures.firing),
        "owner": agent.owner or live.owner,
    }
    shown = [f"  {name:<12} {text}" for name, text in lines.items() if text]
    return [f"{agent.key} in {agent.place.name}: {live.state}{pods}", *shown]


def _reasons(ill: Sequence[Row]) -> list[str]:
    """Why, for those whose row does not say it; what many share is said once."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in ill:
        if row.why:
            groups[row.why, _advice(row)].append(_identity(row))
    lines = []
    for (why, advice), names in groups.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines += ["", f"{', '.join(names[:3])}{more}: {why}", *([f"  {advice}"] if advice else [])]
    return lines


def _pools(rows: Sequence[Row]) -> Table:
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.agent.pool, row.agent.place.name].append(row)
    lines = tuple(_pool_cells(pool, place, members) for (pool, place), members in groups.items())
    return Table(_POOL_HEADINGS, lines, _POOL_RIGHT, ("tokens", "cost today", "pods")).without_empty()


def _pool_cells(pool: str, place: str, members: Sequence[Row]) -> tuple[str, ...]:
    states = Counter(row.workload.state for row in members)
    requests = [row.figures.requests_per_minute for row in members if row.figures.requests_per_minute is not None]
    failed = sum((row.figures.requests_per_minute or 0) * (row.figures.error_percent or 0) for row in members)
    asked = [row.workload.desired for row in members if row.workload.desired is not None]
    return (
        pool,
        place,
        f"{len(members):,}",
        *(f"{states[state]:,}" if states[state] else "-" for state in _STATES),
        f"{sum(row.workload.ready or 0 for row in members):,}/{sum(asked):,}" if asked else "-",
        number(sum(requests)) if requests else "-",
        percent(failed / sum(requests)) if sum(requests) else "-",
        money(_sum(row.figures.cost_today for row in members)),
        number(_sum(row.figures.tokens_today for row in members)),
        str(sum(len(row.figures.firing) for row in members) or "-"),
    )


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _ready(row: Row) -> str:
    return "-" if row.workload.desired is None else f"{row.workload.ready}/{row.workload.desired}"


def _change(row: Row, now: datetime, before: str = "pods since ", behind: str = " ago") -> str:
    """When, and the commit; without CI's record it is only known since when its pods are what they are."""
    if row.changed is None:
        return "-"
    length = lasting((now - row.changed).total_seconds())
    return f"{length}{behind} {row.figures.commit[:10]}".rstrip() if row.figures.applied else f"{before}{length}"


def _advice(row: Row) -> str:
    """What to do; where a log helps, the command that shows it."""
    advice, live = row.workload.advice, row.workload
    if "log lines" not in advice:
        return advice
    previous = " --previous" if live.reason in _CRASHED else ""
    return f"{advice.replace(' below', '')} roster logs {row.agent.key} -e {row.agent.place.environment}{previous}"


def _firing(row: Row) -> str:
    names = [one.name for one in row.figures.firing]
    return f"{row.figures.firing[0].severity} {', '.join(names)}" if names else "-"


def _brief(row: Row) -> str:
    return " ".join(filter(None, [row.workload.state, _ready(row).strip("-"), _firing(row).strip("-")]))


def _identity(row: Row) -> str:
    return f"{row.agent.key} in {row.agent.place.name}"
