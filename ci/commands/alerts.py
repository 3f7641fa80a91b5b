"""`roster alerts`: what fires and what is pending, from Prometheus; with Alertmanager also what is silenced."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import typer

from ci.cluster.prometheus import PrometheusError
from ci.commands.engine_session import UNREACHABLE
from ci.commands.session import CLEAN, fail, open_fleet
from ci.live.alerts import LiveAlert, Wish, as_json, from_alertmanager, from_prometheus, handled, ordered
from ci.live.alerts_screen import screen
from ci.live.chosen import Chosen, choose
from ci.live.screen import show


def run(
    agents: Sequence[str], pool: str, environment: str, output_json: bool, prometheus: str, alertmanager: str
) -> None:
    """Prints the alerts; exits with 0 whatever fires, 2 (usage), or 6 when one that was asked does not answer."""
    fleet = open_fleet()
    try:
        chosen = choose(fleet, agents, pool, environment, prometheus)
    except LookupError as error:
        raise fail(str(error.args[0])) from error
    addresses = list(dict.fromkeys(place.prometheus for place in chosen.places if place.prometheus))
    if not addresses:
        raise fail(
            f"no Prometheus is known{f' of {environment}' if environment else ''}: give `rollout.gate.prometheus` in "
            "catalog/environments.yaml, or --prometheus"
        )
    notes: list[str] = _without(chosen)
    found, failed = _alerts(addresses, wish(chosen, pool), notes)
    address = alertmanager or fleet.catalog.settings.monitoring.alertmanager or ""
    if address:
        try:
            found = handled(found, from_alertmanager(address))
        except PrometheusError as error:
            notes.append(f"whether alerts are silenced is not known: Alertmanager at {error}")
            failed += 1
    now = datetime.now(UTC)
    if output_json:
        typer.echo(json.dumps(as_json(ordered(found), now), indent=1, ensure_ascii=False))
    elif found or failed < len(addresses):
        show(screen(ordered(found), now))
    for note in notes:
        typer.echo(f"roster: {note}", err=True)
    raise typer.Exit(UNREACHABLE if failed else CLEAN)


def wish(chosen: Chosen, pool: str) -> Wish:
    """Which alerts the choice is about."""
    spaces: dict[str, set[str]] = {}
    for place in chosen.places:
        spaces.setdefault(place.environment, set()).update(place.pools)
    agents = None if chosen.whole else {(agent.namespace, agent.name) for agent in chosen.agents}
    return Wish(spaces, {pool} if pool else None, agents)


def _alerts(addresses: Sequence[str], wanted: Wish, notes: list[str]) -> tuple[list[LiveAlert], int]:
    """The alerts that are wanted, each once, and how many addresses did not answer."""
    found: dict[tuple[tuple[str, str], ...], LiveAlert] = {}
    failed = 0
    for address in addresses:
        try:
            for alert in from_prometheus(address):
                if wanted.holds(alert):
                    found.setdefault(tuple(sorted(alert.labels.items())), alert)
        except PrometheusError as error:
            notes.append(f"Prometheus at {error}")
            failed += 1
    return list(found.values()), failed


def _without(chosen: Chosen) -> list[str]:
    names = dict.fromkeys(place.environment for place in chosen.places if not place.prometheus)
    return [f"not asked, for no Prometheus is named: {', '.join(names)}"] if names else []
