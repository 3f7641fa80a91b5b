"""`roster secrets`: which secrets agents need, who shares them, and whether they are there. Never a value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import typer

from ci.commands.engine_session import UNREACHABLE
from ci.commands.session import CLEAN, environment_of, fail, open_fleet, path_of, plain_errors
from ci.live.places import Place, places
from ci.live.screen import show
from ci.live.secrets import Held, Seen, ask, held, judged, sharing
from ci.live.secrets_screen import Row, as_json, screen
from components.definition.findings import nearest, one_of
from components.definition.load_catalog import Catalog
from components.definition.places import agent_of

# What is wrong with the kubeconfig of this machine, and not with a cluster.
_NOT_HERE = ("no-kubeconfig", "no-context")


def run(agents: Sequence[str], pool: str, environment: str, live: bool, everything: bool, output_json: bool) -> None:
    """Prints them; exits with 0, 2 (usage), or with --live 6 when a cluster could not be asked."""
    fleet = open_fleet()
    environments = [environment_of(fleet, environment)] if environment else list(fleet.catalog.environments)
    if agents and pool:
        raise fail("name agents, or a pool with --pool, and not both")
    if pool and pool not in fleet.catalog.pools:
        known = fleet.catalog.pools
        raise fail(f"no pool {pool!r}.{nearest(pool, known) or f' There is: {one_of(known)}.'}")
    keys = {"/".join(agent_of(path_of(fleet, name))) for name in agents}
    with plain_errors():
        # Of all environments: a credential that two of them share is seen only so.
        everyone, broken = held(fleet, list(fleet.catalog.environments))
    chosen = [of for of in everyone if of.environment in environments and _meant(of, keys, pool)]
    unread = [path for path in broken if not keys or "/".join(agent_of(path)) in keys]
    unread = [path for path in unread if not pool or agent_of(path)[0] == pool]
    if keys and not chosen and not unread:
        raise fail(f"{', '.join(agents)}: runs nowhere{f' in {environment}' if environment else ''}")
    now = datetime.now(UTC)
    seen = _ask(fleet.catalog, environments, chosen) if live else []
    rows = _live_rows(chosen, seen, fleet.catalog, bool(environment)) if live else [_row(of) for of in chosen]
    notes, failed = _notes(seen, bool(environment))
    shared = sharing(everyone, fleet.catalog)
    if output_json:
        faults = {one.place.name: one.fault for one in seen if one.fault}
        content = as_json(rows, shared, fleet.catalog, faults, now if live else None)
        typer.echo(json.dumps(content, indent=1, ensure_ascii=False))
    elif rows or not (failed or unread):
        show(screen(rows, shared, fleet.catalog, now, everything or bool(keys)))
    if unread:
        notes.append(f"not shown, for `roster check` finds errors in them: {', '.join(unread)}")
    for note in notes:
        typer.echo(f"roster: {note}", err=True)
    raise typer.Exit(UNREACHABLE if failed else CLEAN)


def _meant(of: Held, keys: set[str], pool: str) -> bool:
    return of.key in keys if keys else not pool or of.pool == pool


def _row(of: Held) -> Row:
    return Row(of, of.environment, "", None)


def _ask(catalog: Catalog, environments: Sequence[str], chosen: Sequence[Held]) -> list[Seen]:
    wanted = {(of.namespace, of.name) for of in chosen}
    spaces = {(of.environment, of.namespace) for of in chosen}
    found = [
        place
        for place in places(catalog, environments)
        if any(one == place.environment and space in place.pools for one, space in spaces)
    ]
    return ask(found, wanted)


def _live_rows(chosen: Sequence[Held], seen: Sequence[Seen], catalog: Catalog, strict: bool) -> list[Row]:
    """A row for each agent in each cluster; none for clusters that were not meant."""
    by_environment: dict[str, list[Seen]] = {}
    for one in seen:
        if one.kind not in _NOT_HERE or strict:
            by_environment.setdefault(one.place.environment, []).append(one)
    return [
        Row(of, one.place.name, one.place.cluster, judged(of, one, catalog))
        for of in chosen
        for one in by_environment.get(of.environment, ())
        if _runs(of, one.place)
    ]


def _runs(of: Held, place: Place) -> bool:
    pools: Mapping[str, str] = place.pools
    return pools.get(of.namespace) == of.pool


def _notes(seen: Sequence[Seen], strict: bool) -> tuple[list[str], bool]:
    """What could not be seen and why, a line each; and whether that is a failure."""
    nothing = bool(seen) and all(one.wanted is None for one in seen)
    faults = dict.fromkeys(f"{one.place.name}: {one.fault}" for one in seen if one.fault and one.kind not in _NOT_HERE)
    absent = [one for one in seen if one.kind in _NOT_HERE]
    if absent and (strict or nothing):
        bare = next((one.fault for one in absent if one.kind == "no-kubeconfig"), "")
        said = [bare] if bare else [f"{one.place.name}: {one.fault}" for one in absent]
        return [*faults, *said], True
    names = ", ".join(f"{one.place.name} ({one.place.context})" for one in absent)
    skipped = [f"not asked, for the kubeconfig does not have the context: {names}"] if absent else []
    return [*faults, *skipped], bool(faults)
