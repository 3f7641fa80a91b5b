"""What the cluster says of agents: pods wanted and ready, state, why it is not ready, image, last change."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from ci.cluster.health import Health, judge
from ci.cluster.observed import Key, Observed, grouped, listings
from ci.cluster.reasons import REASONS
from ci.cluster.watched import VAGUE
from components.specs.names import AGENT_ROLE, PREFIX

if TYPE_CHECKING:
    from ci.cluster.client import Cluster, Listing

# The words of `roster up`, and `scaling`. `unknown`: the cluster could not be asked.
State = Literal["pending", "deploying", "deployed", "scaling", "stopped", "failed", "unknown"]

_OURS = f"app.kubernetes.io/managed-by={PREFIX},app.kubernetes.io/component={AGENT_ROLE}"
_NAME = "app.kubernetes.io/name"
_OWNER = f"{PREFIX}/owner"
_CONTAINER = "agent"
# Up to here agents are listed by name; beyond, a namespace is listed whole, and the address stays short.
_BY_NAME = 40
_DEADLINE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Workload:
    """How an agent's Deployment is. `reason` is a key of REASONS, or empty; `why` says it, with what the cluster says.

    `changed` is when its pods' ReplicaSet was made, ISO 8601; `image` the container's whole reference. `attention`:
    somebody should look at it, because it failed or is not what its definition says.
    """

    state: State
    desired: int | None = None
    ready: int | None = None
    reason: str = ""
    why: str = ""
    advice: str = ""
    image: str = ""
    changed: str = ""
    owner: str = ""
    attention: bool = False


UNKNOWN = Workload("unknown")
ABSENT = Workload("pending", why="not in the cluster: not applied yet, held, or taken away by hand", attention=True)


def read_workloads(
    cluster: Cluster, spaces: Collection[str], only: Collection[Key] | None = None
) -> dict[Key, Observed]:
    """The agents' Deployments of these namespaces, or just those of `only`, by namespace and name.

    Raises ClusterError. Pods and events are read only of those that are not well: there are thousands of pods.
    """
    names: dict[str, set[str]] = {space: set() for space in (spaces if only is None else {at for at, _ in only})}
    for at, name in only or ():
        names[at].add(name)
    asked = [one for space in sorted(names) for one in _listings(space, names[space])]
    found = cluster.lists(asked)
    deployments = [thing for one in asked if one.plural == "deployments" for thing in found[one]]
    sets = [thing for one in asked if one.plural == "replicasets" for thing in found[one]]
    keys = [(thing["metadata"]["namespace"], thing["metadata"]["name"]) for thing in deployments]
    seen = grouped([key for key in keys if only is None or key in only], deployments, sets, (), ())
    ill = sorted(key for key, one in seen.items() if _health(key, one).state != "healthy")
    more = cluster.lists(one for one in listings(ill) if one.plural in ("pods", "events"))
    pods = [thing for one, things in more.items() if one.plural == "pods" for thing in things]
    events = [thing for one, things in more.items() if one.plural == "events" for thing in things]
    return seen | grouped(ill, deployments, sets, pods, events)


def workload(key: Key, seen: Observed, suspended: str, may_be_empty: bool, now: datetime) -> Workload:
    """The state of an agent whose Deployment is there. Pure."""
    live = seen.deployment or {}
    status = live.get("status") or {}
    desired = int(live["spec"].get("replicas", 1))
    ready = int(status.get("readyReplicas", 0))
    health = _health(key, seen)
    state, why = _state(seen, health, desired, ready, now)
    attention = bool(why)
    if state == "stopped" and suspended:
        why = f"suspended by {suspended}"
    elif state == "stopped" and may_be_empty:
        state, why = "deployed", "no pods for want of work"
    elif state == "stopped":
        why, attention = "scaled to no pods, though its definition does not suspend it", True
    elif suspended and desired:
        why, attention = f"suspended by {suspended}, which is not applied yet", True
    return Workload(
        state,
        desired,
        ready,
        health.reason,
        why,
        health.advice if health.reason not in VAGUE else "",
        _image(live),
        str((seen.current or {}).get("metadata", {}).get("creationTimestamp", "")),
        str((live["metadata"].get("labels") or {}).get(_OWNER, "")),
        attention or state == "failed",
    )


def _listings(space: str, names: Collection[str]) -> list[Listing]:
    from ci.cluster.client import Listing

    labels = f"{_OURS},{_NAME} in ({','.join(sorted(names))})" if 0 < len(names) <= _BY_NAME else _OURS
    return [
        Listing("apps/v1", "deployments", space, labels),
        Listing("apps/v1", "replicasets", space, labels, metadata_only=True),
    ]


def _health(key: Key, seen: Observed) -> Health:
    return judge([{"kind": "Deployment", "metadata": {"name": key[1]}}], seen)


def _state(seen: Observed, health: Health, desired: int, ready: int, now: datetime) -> tuple[State, str]:
    live = seen.deployment or {}
    said = _said(health)
    if health.state == "failed":
        return "failed", said
    if health.state == "healthy":
        pods = int((live.get("status") or {}).get("replicas", 0))
        if desired == 0:
            return ("scaling", "") if pods else ("stopped", "")
        return ("scaling", "") if pods > desired else ("deployed", "")
    vague = health.reason in VAGUE
    if not _rolled_out(live) or health.reason == "not-observed":
        return "deploying", "" if vague else said
    # The change itself is done; what is missing are pods that were added or lost later.
    if vague and _all_young(seen, now):
        return "scaling", ""
    return ("deployed" if ready else "failed"), said


def _said(health: Health) -> str:
    if not health.reason:
        return ""
    title = REASONS[health.reason].title
    return f"{title}: {health.detail}" if health.detail else title


def _rolled_out(live: Mapping[str, Any]) -> bool:
    conditions = (live.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Progressing" and one.get("reason") == "NewReplicaSetAvailable" for one in conditions)


def _all_young(seen: Observed, now: datetime) -> bool:
    """Whether every pod that is not ready may still be starting."""
    seconds = (seen.deployment or {}).get("spec", {}).get("progressDeadlineSeconds", _DEADLINE_SECONDS)
    unready = [pod for pod in seen.current_pods if not _is_ready(pod)]
    return all(now - _made(pod, now) < timedelta(seconds=seconds) for pod in unready)


def _made(pod: Mapping[str, Any], now: datetime) -> datetime:
    text = pod["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(text) if text else now


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)


def _image(live: Mapping[str, Any]) -> str:
    containers = live["spec"].get("template", {}).get("spec", {}).get("containers") or ()
    chosen = [one for one in containers if one.get("name") == _CONTAINER] or list(containers)
    return str(chosen[0].get("image", "")) if chosen else ""
