"""Which references into the secret store agents need, who asks for them, who shares them, and whether they are there.

What is there is read from ExternalSecrets' status, and why one failed from events, where those may be read. No Secret
is asked for, not even for its keys: nobody needs the right to read secrets for this, and no value comes this way.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ci.cluster.evidence import masked
from ci.cluster.kubeconfig import ClusterError
from ci.cluster.observed import Key, moment
from ci.live.look import Connections
from ci.live.places import Place
from ci.parallel import for_each
from components.definition.findings import errors
from components.definition.load_catalog import Catalog
from components.definition.secret_stores import location
from components.fleet import Fleet
from components.resolve.resolved import Secret
from components.specs.names import AGENT_ROLE, PREFIX, SECRET_STORE
from components.specs.secret_store import name_in_store

if TYPE_CHECKING:
    from ci.cluster.client import Cluster, Object

# `waiting`: external-secrets has not come to it since it changed. `unknown`: its cluster could not be asked.
State = Literal["synced", "failed", "waiting", "absent", "unknown"]

_API = "external-secrets.io/v1"
_OURS = f"app.kubernetes.io/managed-by={PREFIX},app.kubernetes.io/component={AGENT_ROLE}"
_MESSAGE = 300
_ABSENT = "no ExternalSecret in the cluster: not applied yet, or held"
# How external-secrets says which entry it failed on.
_ENTRY = re.compile(r"spec\.data\[([0-9]+)\]")
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Held:
    """What an agent needs in an environment."""

    pool: str
    name: str
    environment: str
    namespace: str
    owner: str
    secrets: tuple[Secret, ...]

    @property
    def key(self) -> str:
        """`pool/name`."""
        return f"{self.pool}/{self.name}"


@dataclass(frozen=True, slots=True)
class Synced:
    """What a cluster says of an agent's secrets. `reason` and `message` are external-secrets' own, masked.

    `refreshed`: when values were read last, ISO 8601, or empty. `failing`: the variables that the message names; empty
    when it names none. `differs`: the cluster's references are not those of the definition. `store_fault`: why the
    pool's store cannot be used.
    """

    state: State
    reason: str = ""
    message: str = ""
    refreshed: str = ""
    failing: tuple[str, ...] = ()
    differs: bool = False
    store_fault: str = ""


@dataclass(slots=True)
class Seen:
    """What came of asking a place: its ExternalSecrets and SecretStores; or None, why, and of what kind that is.

    `told`: the message of the last warning event of each ExternalSecret that failed.
    """

    place: Place
    wanted: Mapping[Key, Object] | None
    stores: Mapping[str, Object] = field(default_factory=dict)
    told: Mapping[Key, str] = field(default_factory=dict)
    fault: str = ""
    kind: str = ""


def held(fleet: Fleet, environments: Sequence[str]) -> tuple[list[Held], list[str]]:
    """What every agent needs in these environments, and the definitions of which errors keep that from being known."""

    def look(path: str) -> list[Held] | None:
        examined = fleet.examine(path, environments)
        if examined.agent is None or (errors(examined.findings) and not examined.resolved):
            return None
        return [
            Held(of.pool, of.name, of.environment, of.namespace, of.owner, of.secrets)
            for of in examined.resolved.values()
        ]

    found: list[Held] = []
    broken: list[str] = []
    for path, some in zip(fleet.definitions, for_each(fleet.definitions, look), strict=True):
        found += some or []
        broken += [path] if some is None else []
    return found, broken


def sharing(everyone: Iterable[Held], catalog: Catalog) -> dict[tuple[str, str], list[Held]]:
    """Who needs each reference, by the store's location and `path#key`."""
    found: dict[tuple[str, str], list[Held]] = defaultdict(list)
    for of in everyone:
        for reference in dict.fromkeys(secret.reference for secret in of.secrets):
            found[store_of(of.environment, catalog), reference].append(of)
    return found


def store_of(environment: str, catalog: Catalog) -> str:
    """The kind of an environment's store, and where its secrets are."""
    store = catalog.environments[environment].secrets.store
    return f"{store.kind} {location(store)}"


def ask(places: Sequence[Place], only: Collection[Key] | None = None) -> list[Seen]:
    """What external-secrets says in each place, of all agents or of those in `only` (namespace and name)."""
    contexts = list(dict.fromkeys((place.context, place.uid) for place in places))

    with Connections() as connections, ThreadPoolExecutor(_AT_ONCE) as pool:

        def of_context(context: tuple[str, str | None]) -> list[Seen]:
            answers: list[Seen] = []
            for place in places:
                if (place.context, place.uid) == context:
                    # What failed once is not waited for again.
                    last = answers[-1] if answers and answers[-1].wanted is None else None
                    again = (
                        Seen(place, None, fault=last.fault, kind=last.kind) if last else _seen(connections, place, only)
                    )
                    answers.append(again)
            return answers

        by_place = {seen.place: seen for some in pool.map(of_context, contexts) for seen in some}
    return [by_place[place] for place in places]


def judged(of: Held, seen: Seen, catalog: Catalog) -> Synced:
    """How the agent's secrets fare in the place. Pure."""
    if seen.wanted is None:
        return Synced("unknown")
    store_fault = _store_fault(seen.stores.get(of.namespace))
    thing = seen.wanted.get((of.namespace, of.name))
    if thing is None:
        return Synced("absent", message=_ABSENT, store_fault=store_fault)
    status = thing.get("status") or {}
    ready = _ready(thing)
    # The condition says no more than that it failed; on which reference and why, only the event.
    said = seen.told.get((of.namespace, of.name)) or str(ready.get("message") or "")
    entries = (thing.get("spec") or {}).get("data") or []
    failing = tuple(
        dict.fromkeys(str(entries[at]["secretKey"]) for at in map(int, _ENTRY.findall(said)) if at < len(entries))
    )
    state: State = "waiting"
    if ready.get("status") == "False":
        state = "failed"
    elif ready.get("status") == "True":
        # Before the hyphen stands the generation that was read last.
        current = str(status.get("syncedResourceVersion", "")).partition("-")[0]
        state = "synced" if current == str(thing["metadata"].get("generation", "")) else "waiting"
    return Synced(
        state,
        masked(str(ready.get("reason") or "")),
        _short(masked(said)) if state == "failed" else "",
        str(status.get("refreshTime") or ""),
        failing if state == "failed" else (),
        _references(entries) != _expected(of, catalog),
        store_fault,
    )


def _seen(connections: Connections, place: Place, only: Collection[Key] | None) -> Seen:
    try:
        return _read(connections.of(place), place, only)
    except ClusterError as error:
        connections.forget(place)
        return Seen(place, None, fault=str(error), kind=error.kind)


def _read(cluster: Cluster, place: Place, only: Collection[Key] | None) -> Seen:
    from ci.cluster.client import Listing

    spaces = sorted(set(place.pools) if only is None else {space for space, _ in only} & set(place.pools))
    wanted = [Listing(_API, "externalsecrets", space, _OURS) for space in spaces]
    stores = [Listing(_API, "secretstores", space, fields=f"metadata.name={SECRET_STORE}") for space in spaces]
    found = cluster.lists([*wanted, *stores])
    by_key = {
        (thing["metadata"]["namespace"], thing["metadata"]["name"]): thing for one in wanted for thing in found[one]
    }
    failed = {key for key, thing in by_key.items() if _ready(thing).get("status") == "False"}
    return Seen(
        place,
        by_key,
        {thing["metadata"]["namespace"]: thing for one in stores for thing in found[one]},
        _told(cluster, failed),
    )


def _told(cluster: Cluster, failed: Collection[Key]) -> dict[Key, str]:
    from ci.cluster.client import Listing

    fields = "type=Warning,involvedObject.kind=ExternalSecret"
    wanted = [Listing("v1", "events", space, fields=fields) for space in sorted({space for space, _ in failed})]
    try:
        found = cluster.lists(wanted)
    except ClusterError:
        # Who may not read events is told that it failed, and not why.
        return {}
    events = sorted((event for one in wanted for event in found[one]), key=moment)
    keys = [(event["metadata"]["namespace"], event["involvedObject"]["name"]) for event in events]
    return {key: str(event.get("message") or "") for key, event in zip(keys, events, strict=True) if key in failed}


def _store_fault(store: Object | None) -> str:
    ready = _ready(store or {})
    # A store that does not answer counts as ready, with this reason.
    if ready.get("status") != "False" and ready.get("reason") != "ValidationUnknown":
        return ""
    return _short(masked(f"{ready.get('reason', '')}: {ready.get('message', '')}"))


def _ready(thing: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its condition Ready; empty when external-secrets has not come to it."""
    conditions = (thing.get("status") or {}).get("conditions") or ()
    return next((one for one in conditions if one.get("type") == "Ready"), {})


def _references(entries: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    remote = [(one, one.get("remoteRef") or {}) for one in entries]
    return {(str(one.get("secretKey")), str(ref.get("key")), str(ref.get("property"))) for one, ref in remote}


def _expected(of: Held, catalog: Catalog) -> set[tuple[str, str, str]]:
    settings = catalog.environments[of.environment].secrets
    return {(one.env, name_in_store(settings, one.path), one.key) for one in of.secrets}


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MESSAGE else f"{text[: _MESSAGE - 1]}…"
