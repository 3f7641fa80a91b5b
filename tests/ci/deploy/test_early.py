"""What ends a run before the engine would: an agent that fails for certain, and not one whose turn came late."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any, cast

import pytest
from small_fleet import MINIMAL, fleet

from ci.cluster.client import Cluster
from ci.cluster.observed import Observed
from ci.cluster.watched import Watch, WatchedAgent
from ci.deploy import early
from ci.deploy.early import EarlyWatch
from ci.engine.interruption import Interruption
from components.specs import agent_manifests

CLUSTER = cast("Cluster", object())


def agent() -> WatchedAgent:
    examined = fleet({"business/plain.yaml": MINIMAL}).examine("agents/business/plain.yaml", ["dev"])
    return WatchedAgent("plain", "business-dev", tuple(agent_manifests(examined.resolved["dev"])))


def unseen_by_its_controller(one: WatchedAgent) -> dict[str, Any]:
    """The agent's Deployment, as an API server has it in the first moment."""
    (found,) = [copy.deepcopy(manifest) for manifest in one.manifests if manifest["kind"] == "Deployment"]
    found["metadata"]["generation"] = 1
    return found


def test_an_agent_has_its_deadline_from_when_it_is_applied_and_not_from_the_start_of_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = agent()
    live: list[dict[str, Any] | None] = [None]
    monkeypatch.setattr(early, "observe", lambda *_: {watched.key: Observed(live[0])})
    watch = EarlyWatch({CLUSTER: [watched]}, Interruption())
    waiting = [Watch(watched, Observed(None))]

    def failed_after(seconds: float) -> bool:
        watch._look(CLUSTER, waiting, seconds)
        return bool(watch.failed)

    late = watched.deadline_seconds
    assert not failed_after(1)
    live[0] = unseen_by_its_controller(watched)
    assert [failed_after(seconds) for seconds in (2 * late, 3 * late - 1, 3 * late + 1)] == [False, False, True]


@pytest.mark.parametrize(("took", "pause"), [(0.1, 3), (2.0, 18), (60.0, 30)])
def test_a_look_that_takes_long_is_followed_by_a_longer_pause_within_limits(
    monkeypatch: pytest.MonkeyPatch, took: float, pause: float
) -> None:
    watched, clock, pauses = agent(), [0.0], list[float]()

    def look(*_: object) -> dict[Any, Observed]:
        clock[0] += took
        return {watched.key: Observed(None)}

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) > 2

    monkeypatch.setattr(early, "observe", look)
    monkeypatch.setattr(early, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    watch = EarlyWatch({CLUSTER: [watched]}, Interruption())
    monkeypatch.setattr(watch, "_over", SimpleNamespace(wait=wait))
    watch._watch()
    assert pauses == pytest.approx([3, pause, pause])
