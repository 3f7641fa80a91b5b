"""`roster list`: the fleet as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence

import typer

from ci.commands.session import CLEAN, FINDINGS, environment_of, fail, open_fleet, plain_errors
from ci.parallel import for_each
from ci.tables import print_table
from ci.where import WhereError, parse_where
from components.facts import Facts
from components.fleet import Fleet

_HEADINGS = ("pool", "agent", "environment", "owner", "runtime", "model", "channels", "pods", "cost a month")
_RIGHT = ("pods", "cost a month")


def run(filters: list[str], environment: str, as_json: bool) -> None:
    """Prints the agents that pass all filters, each in the last environment in which it does."""
    try:
        wheres = [parse_where(one) for one in filters]
    except WhereError as error:
        raise fail(str(error)) from error
    fleet = open_fleet()
    environments = [environment_of(fleet, environment)] if environment else None
    with plain_errors():
        known, broken = _facts(fleet, environments)
    found = [of for of in known if all(where.holds(of) for where in wheres)]
    shown = list({of.key: of for of in found}.values())
    if as_json:
        typer.echo(json.dumps([of.as_json() for of in found], indent=2, ensure_ascii=False))
    elif shown:
        print_table(_HEADINGS, [_row(of) for of in shown], _RIGHT)
        typer.echo(_total(shown, fleet.catalog.settings.prices.currency, bool(environment)))
    else:
        typer.echo("no agent passes" if filters else "there are no agents", err=True)
        for hint in filter(None, (where.hint(known) for where in wheres)):
            typer.echo(hint, err=True)
    if broken:
        typer.echo(f"not shown, for `roster check` finds errors in them: {', '.join(broken)}", err=True)
    raise typer.Exit(FINDINGS if broken else CLEAN)


def _facts(fleet: Fleet, environments: Sequence[str] | None) -> tuple[list[Facts], list[str]]:
    """The facts of every agent in each environment, and the definitions that have none for their errors."""

    def look(path: str) -> tuple[list[Facts], bool]:
        examined = fleet.examine(path, environments)
        agent = examined.agent
        whole = agent is not None and not any(one.severity == "error" for one in examined.findings)
        return examined.facts(), whole

    known: list[Facts] = []
    broken: list[str] = []
    for path, (facts, whole) in zip(fleet.definitions, for_each(fleet.definitions, look), strict=True):
        known += facts
        broken += [] if whole else [path]
    return known, broken


def _row(of: Facts) -> tuple[str, ...]:
    pods = "suspended" if of.suspended else _span(str(of.pods_min), str(of.pods_max))
    cost = _span(f"{of.cost_min:,.2f}", f"{of.cost_max:,.2f}")
    channels = ", ".join(of.channels) or "-"
    return of.pool, of.name, of.environment, of.owner, of.runtime, of.model or "-", channels, pods, cost


def _total(shown: list[Facts], currency: str, one_environment: bool) -> str:
    pods = _span(f"{sum(of.pods_min for of in shown):,}", f"{sum(of.pods_max for of in shown):,}")
    cost = _span(f"{sum(of.cost_min for of in shown):,.2f}", f"{sum(of.cost_max for of in shown):,.2f}")
    agents = f"{len(shown):,} agent{'s' * (len(shown) != 1)}"
    which = "" if one_environment else " (each in the last of its environments that fits; -e ENV for one)"
    return f"{agents}, {pods} pods, {cost} {currency} a month{which}"


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low}–{high}"
