"""What the cluster says of each agent: its Deployment, ReplicaSets, Pods and warning events, listed by namespace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ci.cluster.client import Cluster, Listing

Object = dict[str, Any]
Key = tuple[str, str]

# Up to here agents are listed by name; beyond, a namespace is listed whole, and the address stays short.
_BY_NAME = 40
_NAME_LABEL = "app.kubernetes.io/name"
_REVISION = "deployment.kubernetes.io/revision"


@dataclass(frozen=True, slots=True)
class Observed:
    """What belongs to one Deployment; it is None when the cluster has none.

    Of ReplicaSets only the metadata is needed. `events` are warnings, oldest first.
    """

    deployment: Object | None
    replica_sets: tuple[Object, ...] = ()
    pods: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()

    @property
    def current(self) -> Object | None:
        """The ReplicaSet of the Deployment's own revision."""
        wanted = _annotation(self.deployment or {}, _REVISION)
        return next((one for one in self.replica_sets if wanted and _annotation(one, _REVISION) == wanted), None)

    @property
    def current_pods(self) -> list[Object]:
        """The pods of that ReplicaSet that are not being deleted, by name."""
        current = self.current
        if current is None:
            return []
        owner = current["metadata"]["uid"]
        return [pod for pod in self.pods if _owner(pod)[2] == owner and "deletionTimestamp" not in pod["metadata"]]


def observe(cluster: Cluster, agents: Iterable[Key]) -> dict[Key, Observed]:
    """What the cluster says of each agent (namespace, name): four lists a namespace. Raises ClusterError."""
    wanted = sorted(set(agents))
    found = cluster.lists(listings(wanted))
    by_kind: dict[str, list[Object]] = defaultdict(list)
    for listing, objects in found.items():
        by_kind[listing.plural] += objects
    return grouped(wanted, by_kind["deployments"], by_kind["replicasets"], by_kind["pods"], by_kind["events"])


def listings(agents: Sequence[Key]) -> list[Listing]:
    """The lists that show these agents."""
    from ci.cluster.client import Listing

    names: dict[str, list[str]] = defaultdict(list)
    for namespace, name in agents:
        names[namespace].append(name)
    asked = []
    for namespace, some in names.items():
        labels = f"{_NAME_LABEL} in ({','.join(some)})" if len(some) <= _BY_NAME else _NAME_LABEL
        asked += [
            Listing("apps/v1", "deployments", namespace, labels),
            # There are several for each agent, and what they say of failures the Deployment repeats.
            Listing("apps/v1", "replicasets", namespace, labels, metadata_only=True),
            Listing("v1", "pods", namespace, labels),
            Listing("v1", "events", namespace, fields="type=Warning"),
        ]
    return asked


def grouped(
    agents: Iterable[Key],
    deployments: Iterable[Object],
    replica_sets: Iterable[Object],
    pods: Iterable[Object],
    events: Iterable[Object],
) -> dict[Key, Observed]:
    """The objects of each agent's Deployment, found by their owners."""
    of_name = {(_space(one), one["metadata"]["name"]): one for one in deployments}
    sets: dict[Key, list[Object]] = defaultdict(list)
    agent_of: dict[tuple[str, str, str], Key] = {("Deployment", *key): key for key in of_name}
    for one in replica_sets:
        _, name, uid = _owner(one)
        key = (_space(one), name)
        if key in of_name and uid == of_name[key]["metadata"].get("uid"):
            sets[key].append(one)
            agent_of["ReplicaSet", _space(one), one["metadata"]["name"]] = key
    members: dict[Key, list[Object]] = defaultdict(list)
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"]["name"])):
        kind, name, _ = _owner(pod)
        owner = agent_of.get((kind, _space(pod), name))
        if owner:
            members[owner].append(pod)
            agent_of["Pod", _space(pod), pod["metadata"]["name"]] = owner
    told = _by_agent(events, agent_of)
    return {
        key: Observed(of_name.get(key), tuple(sets[key]), tuple(members[key]), tuple(told.get(key, ())))
        for key in agents
    }


def _by_agent(events: Iterable[Object], agent_of: Mapping[tuple[str, str, str], Key]) -> dict[Key, list[Object]]:
    told: dict[Key, list[Object]] = defaultdict(list)
    for event in sorted(events, key=moment):
        about = event["involvedObject"]
        owner = agent_of.get((about.get("kind", ""), about.get("namespace", ""), about.get("name", "")))
        if owner and event.get("type") == "Warning":
            told[owner].append(event)
    return told


def moment(event: Object) -> str:
    """When an event was seen last; events of the newer API leave the old fields empty."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
        or ""
    )


def _space(thing: Object) -> str:
    return str(thing["metadata"].get("namespace", ""))


def _owner(thing: Object) -> tuple[str, str, str]:
    """Kind, name and UID of the controller that made it."""
    for owner in thing["metadata"].get("ownerReferences", ()):
        if owner.get("controller"):
            return owner["kind"], owner["name"], owner["uid"]
    return "", "", ""


def _annotation(thing: Object, name: str) -> str:
    return str((thing.get("metadata", {}).get("annotations") or {}).get(name, ""))
