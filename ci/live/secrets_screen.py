"""The screen and the JSON of `roster secrets`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ci.deploy.report import moment
from ci.live.screen import Screen, Table
from ci.live.secrets import Held, Synced, store_of
from ci.live.words import count, lasting
from components.definition.load_catalog import Catalog
from components.specs.secret_store import name_in_store

VERSION = 1
# Above so many agents a table by reference is read, not one by agent.
MANY = 20
_NAMED = 2
_BY_AGENT = ("agent", "where", "variable", "reference", "asked for by", "shared with", "state")
_BY_REFERENCE = ("reference", "where", "held by", "asked for by", "state")

Sharing = Mapping[tuple[str, str], Sequence[Held]]


@dataclass(frozen=True, slots=True)
class Row:
    """An agent in a place, or in an environment where no cluster was asked: `synced` is None then."""

    of: Held
    where: str
    cluster: str
    synced: Synced | None


def screen(rows: Sequence[Row], shared: Sharing, catalog: Catalog, now: datetime, everything: bool) -> Screen:
    """What is shown; with `everything` a line a variable, however many agents there are."""
    if not any(row.of.secrets for row in rows):
        return ["no secret is needed"]
    stores = dict.fromkeys(f"{row.of.environment}: {store_of(row.of.environment, catalog)}" for row in rows)
    agents = {row.of.key for row in rows}
    references = {reference for row in rows for reference in _references(row)}
    head = f"{count(len(references), 'reference')} of {count(len(agents), 'agent')}; stores: {'; '.join(stores)}"
    many = len(agents) > MANY and not everything
    table = _by_reference(rows) if many else _by_agent(rows, shared, catalog, now)
    return [head, "", table.without_empty(), *_troubles(rows)]


def as_json(
    rows: Sequence[Row],
    shared: Sharing,
    catalog: Catalog,
    faults: Mapping[str, str],
    now: datetime | None,
) -> dict[str, Any]:
    """The keys that `docs/secrets.md` lists. `now` is None where no cluster was asked."""
    environments = dict.fromkeys(row.of.environment for row in rows)
    wanted = {(store_of(row.of.environment, catalog), secret.reference) for row in rows for secret in row.of.secrets}
    return {
        "version": VERSION,
        "at": moment(now) if now else None,
        "environments": {
            name: {
                "store": catalog.environments[name].secrets.store.kind,
                "location": store_of(name, catalog).partition(" ")[2],
            }
            for name in environments
        },
        "faults": dict(faults),
        "agents": [_agent(row, catalog) for row in rows],
        "shared": [
            {"reference": reference, "store": store, "agents": [f"{one.key} in {one.environment}" for one in holders]}
            for (store, reference), holders in sorted(shared.items())
            if len(holders) > 1 and (store, reference) in wanted
        ],
    }


def _agent(row: Row, catalog: Catalog) -> dict[str, Any]:
    settings = catalog.environments[row.of.environment].secrets
    found: dict[str, Any] = {
        "pool": row.of.pool,
        "agent": row.of.name,
        "owner": row.of.owner,
        "environment": row.of.environment,
        "cluster": row.cluster or None,
        "namespace": row.of.namespace,
        "secrets": [
            {
                "variable": one.env,
                "reference": one.reference,
                "name_in_store": name_in_store(settings, one.path),
                "key": one.key,
                "asked_for_by": one.source,
                "state": _state(row, one.env) or None,
            }
            for one in row.of.secrets
        ],
    }
    if row.synced is not None:
        found |= {
            "state": row.synced.state,
            "reason": row.synced.reason or None,
            "message": row.synced.message or None,
            "refreshed": row.synced.refreshed or None,
            "as_defined": None if row.synced.state in ("unknown", "absent") else not row.synced.differs,
            "store_fault": row.synced.store_fault or None,
        }
    return found


def _by_agent(rows: Sequence[Row], shared: Sharing, catalog: Catalog, now: datetime) -> Table:
    found = []
    for row in rows:
        for one in row.of.secrets:
            holders = shared.get((store_of(row.of.environment, catalog), one.reference), ())
            others = [
                f"{other.key} in {other.environment}" if other.environment != row.of.environment else other.key
                for other in holders
                if (other.key, other.environment) != (row.of.key, row.of.environment)
            ]
            since = _since(row, one.env, now)
            found.append((row.of.key, row.where, one.env, one.reference, one.source, _some(others), since))
    return Table(_BY_AGENT, tuple(found), (), ("asked for by", "shared with"), ("shared with",))


def _by_reference(rows: Sequence[Row]) -> Table:
    groups: dict[tuple[str, str], list[tuple[Row, str, str]]] = {}
    for row in rows:
        for one in row.of.secrets:
            groups.setdefault((one.reference, row.where), []).append((row, one.env, one.source))
    found = []
    for (reference, where), members in sorted(groups.items(), key=lambda one: (-len(one[1]), one[0])):
        states: dict[str, int] = {}
        for row, env, _ in members:
            states[_state(row, env)] = states.get(_state(row, env), 0) + 1
        said = ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()) if state) or "-"
        sources = _some(dict.fromkeys(source for _, _, source in members))
        found.append((reference, where, _some(dict.fromkeys(row.of.key for row, _, _ in members)), sources, said))
    return Table(_BY_REFERENCE, tuple(found), (), ("asked for by",), ("held by",))


def _references(row: Row) -> set[str]:
    return {f"{row.of.environment} {secret.reference}" for secret in row.of.secrets}


def _some(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _NAMED:,} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more if every else "-"


def _state(row: Row, variable: str) -> str:
    """Of one reference: where external-secrets names what it failed on, the others are not known to fail."""
    if row.synced is None:
        return ""
    if row.synced.failing and variable not in row.synced.failing:
        return "unknown"
    return row.synced.state


def _since(row: Row, variable: str, now: datetime) -> str:
    state = _state(row, variable)
    if state == "synced" and row.synced and row.synced.refreshed:
        then = datetime.fromisoformat(row.synced.refreshed).astimezone(UTC)
        return f"synced {lasting((now - then).total_seconds())} ago"
    return state or "-"


def _troubles(rows: Sequence[Row]) -> list[str]:
    """A line for what somebody must look at: stores first, since all of their agents fail with them."""
    stores: dict[str, None] = {}
    agents: dict[str, None] = {}
    for row in rows:
        one = row.synced
        if one is None or not row.of.secrets:
            continue
        if one.store_fault:
            stores[f"the store of {row.of.namespace} in {row.where}: {one.store_fault}"] = None
        if one.state in ("failed", "absent", "waiting"):
            why = ": ".join(filter(None, (one.reason, one.message)))
            agents[f"{row.of.key} in {row.where}: {one.state}{f': {why}' if why else ''}"] = None
        elif one.differs:
            agents[f"{row.of.key} in {row.where}: the cluster's references are not those of its definition"] = None
    lines = [*stores, *agents]
    if len(lines) > MANY:
        lines[MANY:] = [f"… and {len(lines) - MANY:,} more (--json has all)"]
    return ["", *lines] if lines else []
