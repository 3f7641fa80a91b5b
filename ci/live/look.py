"""Looks at places: opens each cluster once, asks each Prometheus once, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ci.cluster.kubeconfig import ClusterError
from ci.cluster.observed import Key, Observed
from ci.live.figures import Measured, measure
from ci.live.places import Agent, Place
from ci.live.status import Looked
from ci.live.workloads import read_workloads

if TYPE_CHECKING:
    from ci.cluster.client import Cluster

_AT_ONCE = 4
_Seen = tuple[Mapping[Key, Observed] | None, str, str]


@dataclass(slots=True)
class Connections:
    """Clusters that stay open from one look to the next, by context; use it in a `with`."""

    _open: dict[tuple[str, str | None], Cluster] = field(default_factory=dict)

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *_: object) -> None:
        for cluster in self._open.values():
            cluster.close()
        self._open.clear()

    def of(self, place: Place) -> Cluster:
        """The place's cluster. Raises ClusterError."""
        from ci.cluster.client import open_cluster

        key = place.context, place.uid
        if key not in self._open:
            self._open[key] = open_cluster(place.context, place.uid)
        return self._open[key]

    def forget(self, place: Place) -> None:
        """Closes a connection that failed; the next look begins anew."""
        cluster = self._open.pop((place.context, place.uid), None)
        if cluster is not None:
            with suppress(ClusterError):
                cluster.close()


def look(
    connections: Connections,
    places: Sequence[Place],
    only: Mapping[Place, Collection[Agent]] | None,
    tokens: bool,
    now: datetime,
) -> list[Looked]:
    """What clusters and Prometheus say of the agents in `only`, or of all; in the order of places.

    `tokens`: whether Prometheus is asked for them.
    """
    contexts = list(dict.fromkeys((place.context, place.uid) for place in places))

    def of_context(context: tuple[str, str | None]) -> list[_Seen]:
        answers: list[_Seen] = []
        for place in places:
            if (place.context, place.uid) == context:
                # What failed once is not waited for again.
                failed = bool(answers) and answers[-1][0] is None
                answers.append(answers[-1] if failed else _seen(connections, place, _keys(only, place)))
        return answers

    addresses = {place.prometheus for place in places if place.prometheus}

    def of_address(address: str) -> Measured:
        inside = [place for place in places if place.prometheus == address]
        names = None if only is None else {agent.name for place in inside for agent in only.get(place, ())}
        return measure(address, {space for place in inside for space in place.pools}, names, tokens, now)

    with ThreadPoolExecutor(2 * _AT_ONCE) as pool:
        measured = _begun(pool, of_address, sorted(addresses))
        clusters = dict(zip(contexts, pool.map(of_context, contexts), strict=True))
        figures = {address: one() for address, one in measured.items()}
    found = []
    for place in places:
        seen, fault, kind = clusters[place.context, place.uid].pop(0)
        found.append(Looked(place, seen, figures.get(place.prometheus), fault, kind))
    return found


def _begun(
    pool: ThreadPoolExecutor, work: Callable[[str], Measured], addresses: Sequence[str]
) -> dict[str, Callable[[], Measured]]:
    return {address: pool.submit(work, address).result for address in addresses}


def _seen(connections: Connections, place: Place, only: Collection[Key] | None) -> _Seen:
    """What the cluster has; or None, why, and of what kind that is."""
    try:
        return read_workloads(connections.of(place), place.pools, only), "", ""
    except ClusterError as error:
        connections.forget(place)
        return None, str(error), error.kind


def _keys(only: Mapping[Place, Collection[Agent]] | None, place: Place) -> set[Key] | None:
    return None if only is None else {(agent.namespace, agent.name) for agent in only.get(place, ())}
