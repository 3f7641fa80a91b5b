"""The containers whose logs are an agent's. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ci.cluster.observed import Observed

_CONTAINER = "agent"


@dataclass(frozen=True, slots=True)
class Source:
    """The log of one container. `newest`: its pod is of the newest revision. `place` is empty where there is one."""

    place: str
    namespace: str
    pod: str
    container: str
    newest: bool = True

    def label(self, agent: str) -> str:
        """The pod without the agent's name in front."""
        short = self.pod.removeprefix(f"{agent}-")
        return f"{self.place}/{short}" if self.place else short


@dataclass(frozen=True, slots=True)
class Run:
    """How a container is. `count` is how often it was restarted; `waits` says why it has not started yet."""

    count: int
    running: bool
    waits: str = ""


def sources(seen: Observed, place: str = "") -> dict[Source, Run]:
    """The agent's containers, those of the newest revision first."""
    newest = {pod["metadata"]["uid"] for pod in seen.current_pods}
    found = {}
    for pod in sorted(seen.pods, key=lambda pod: (pod["metadata"]["uid"] not in newest, pod["metadata"]["name"])):
        meta = pod["metadata"]
        name = _container(pod)
        found[Source(place, meta["namespace"], meta["name"], name, meta["uid"] in newest)] = _run(pod, name)
    return found


def _container(pod: Mapping[str, Any]) -> str:
    names = [one["name"] for one in pod["spec"]["containers"]]
    return _CONTAINER if _CONTAINER in names else str(names[0])


def _run(pod: Mapping[str, Any], container: str) -> Run:
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    status = next((one for one in statuses if one.get("name") == container), None)
    if status is None:
        return Run(0, False, "it has no node yet" if not pod["spec"].get("nodeName") else "it is being started")
    count, state = int(status.get("restartCount", 0)), status.get("state") or {}
    waiting = state.get("waiting") or {}
    never = bool(waiting) and not count and not status.get("lastState")
    return Run(count, "running" in state, " ".join(waiting.get("reason", "").split()) if never else "")
