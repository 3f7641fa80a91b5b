"""Which state an agent is in, from objects as the API server has them; what a real one says is in tests/cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ci.cluster.observed import Observed
from ci.live.figures import Figures, Firing, Measured
from ci.live.places import Agent, Place
from ci.live.status import Looked, Row, as_json, rows
from ci.live.status_screen import changes, screen
from ci.live.workloads import Workload, workload

NOW = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
KEY = ("business", "writer")
DONE = "NewReplicaSetAvailable"
IMAGE = f"registry.example.com/roster/fastapi@sha256:{'0123456789ab' + 'f' * 52}"


def seen(
    wanted: int, ready: int, pods: int | None = None, reason: str = DONE, age: timedelta = timedelta(hours=1)
) -> Observed:
    """An agent of which the last pods, as old as `age`, are not ready."""
    count = wanted if pods is None else pods
    made = (NOW - age).isoformat()
    labels = {"roster/owner": "growth"}
    status = {
        "observedGeneration": 1,
        "replicas": count,
        "updatedReplicas": count,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "conditions": [{"type": "Progressing", "status": "True", "reason": reason}],
    }
    deployment = {
        "metadata": {"name": "writer", "generation": 1, "labels": labels, "annotations": revision("3")},
        "spec": {"replicas": wanted, "template": {"spec": {"containers": [{"name": "agent", "image": IMAGE}]}}},
        "status": status,
    }
    replica_set = {"metadata": {"uid": "set", "annotations": revision("3"), "creationTimestamp": made}}
    return Observed(deployment, (replica_set,), tuple(pod(at, at < ready, made) for at in range(count)))


def revision(number: str) -> dict[str, str]:
    return {"deployment.kubernetes.io/revision": number}


def pod(number: int, ready: bool, made: str) -> dict[str, Any]:
    owner = {"kind": "ReplicaSet", "name": "writer-1", "uid": "set", "controller": True}
    meta = {"name": f"writer-1-{number}", "uid": str(number), "creationTimestamp": made, "ownerReferences": [owner]}
    return {"metadata": meta, "status": {"conditions": [{"type": "Ready", "status": str(ready)}]}}


def judged(observed: Observed, suspended: str = "", may_be_empty: bool = False) -> Workload:
    return workload(KEY, observed, suspended, may_be_empty, NOW)


@pytest.mark.parametrize(
    ("observed", "state", "attention"),
    [
        (seen(2, 2), "deployed", False),
        (seen(2, 1, reason="ReplicaSetUpdated"), "deploying", False),
        (seen(3, 2, age=timedelta(minutes=1)), "scaling", False),
        (seen(1, 1, pods=2), "scaling", False),
        # It was rolled out long ago, and lost a pod since.
        (seen(3, 2), "deployed", True),
        (seen(1, 0), "failed", True),
        (seen(2, 0, reason="ProgressDeadlineExceeded"), "failed", True),
        (seen(0, 0), "stopped", True),
    ],
)
def test_the_state_is_what_an_operator_would_call_it(observed: Observed, state: str, attention: bool) -> None:
    found = judged(observed)
    assert (found.state, found.attention) == (state, attention)
    assert bool(found.why) == attention


def test_a_suspended_agent_is_stopped_and_that_is_fine_until_pods_still_run() -> None:
    stopped = judged(seen(0, 0), "pool business")
    assert (stopped.state, stopped.why, stopped.attention) == ("stopped", "suspended by pool business", False)
    running = judged(seen(2, 2), "the agent")
    assert (running.state, running.attention) == ("deployed", True)
    assert running.why == "suspended by the agent, which is not applied yet"


def test_an_agent_that_is_scaled_to_nothing_for_want_of_work_is_deployed() -> None:
    found = judged(seen(0, 0), may_be_empty=True)
    assert (found.state, found.why, found.attention) == ("deployed", "no pods for want of work", False)


def place(cluster: str = "eu", only: bool = False) -> Place:
    return Place("prod", cluster, only, cluster, None, "http://prometheus", {"business": "business"})


def agent(name: str = "writer", where: Place | None = None, **more: Any) -> Agent:
    return Agent(where or place(), "business", name, "business", "growth", **more)


def row(name: str = "writer", state: Any = "deployed", figures: Figures | None = None, why: str = "") -> Row:
    found = Workload(state, 2, 2, "", why, "", IMAGE, attention=bool(why))
    return Row(agent(name), found, figures or Figures())


def test_figures_go_to_the_cluster_that_they_name_and_to_all_when_they_name_none() -> None:
    named = Measured({"requests": {KEY: {"eu": 5.0, "us": 7.0}}})
    assert [named.of(KEY, of, False).requests_per_minute for of in ("eu", "us", "asia")] == [5, 7, None]
    nameless = Measured({"requests": {KEY: {"": 9.0}}})
    assert [nameless.of(KEY, of, False).requests_per_minute for of in ("eu", "us")] == [9, 9]
    # An environment of one cluster: the Prometheus may call it what it likes.
    assert Measured({"requests": {KEY: {"main": 3.0}}}).of(KEY, "eu", True).requests_per_minute == 3


def test_a_table_leaves_out_columns_that_say_nothing_and_says_why_once_for_all() -> None:
    full = [row("a"), row("b", "failed", why="no node has room"), row("c", "failed", why="no node has room")]
    lines = [part for part in screen(full, "EUR", NOW) if isinstance(part, str)]
    assert "business/b in prod.eu, business/c in prod.eu: no node has room" in lines
    [table] = [part for part in screen(full, "EUR", NOW) if not isinstance(part, str)]
    assert table.headings == ("agent", "state", "ready", "image")
    assert table.rows[0] == ("business/a", "deployed", "2/2", "0123456789ab")


def test_hundreds_are_shown_by_pool_with_those_that_need_attention() -> None:
    many = [row(f"agent-{at}", figures=Figures(10.0, 5.0)) for at in range(300)]
    ill = row("ill", "failed", Figures(firing=(Firing("AgentDown", "critical"),)), "the container keeps crashing")
    shown = screen([*many, ill], "EUR", NOW)
    pools, table = (part for part in shown if not isinstance(part, str))
    assert pools.headings == ("pool", "where", "agents", "deployed", "failed", "pods", "req/min", "errors", "alerts")
    assert pools.rows == (("business", "prod.eu", "301", "300", "1", "602/602", "3,000", "5.0 %", "1"),)
    assert [cells[0] for cells in table.rows] == ["business/ill"]
    assert "1 agent needs attention (--all shows every agent):" in shown
    [everything] = [part for part in screen([*many, ill], "EUR", NOW, everything=True) if not isinstance(part, str)]
    assert len(everything.rows) == 301


def test_a_table_that_is_too_wide_for_a_terminal_loses_what_matters_least() -> None:
    figures = Figures(10.0, 5.0, 1.5, 12.5, 100_000, 50.0, NOW - timedelta(hours=2), "abc")
    [table] = [part for part in screen([row("a", figures=figures)], "EUR", NOW) if not isinstance(part, str)]
    assert {"image", "tokens", "cost today"} <= set(table.headings)
    narrow = table.fitting(70)
    assert narrow.width() <= 70
    assert {"agent", "state", "ready", "errors"} <= set(narrow.headings)
    assert "image" not in narrow.headings


def test_one_agent_is_shown_in_full() -> None:
    figures = Figures(12.0, 4.2, 3.4, 1.24, 182_000, 62.0, NOW - timedelta(hours=2), "3a0eefdc46" + "0" * 30)
    assert screen([row(figures=figures)], "EUR", NOW, one=True) == [
        "business/writer in prod.eu: deployed, 2 of 2 pods ready",
        "  last change  2 h ago 3a0eefdc46",
        f"  image        {IMAGE}",
        "  requests     12 a minute, 4.2 % failed, P95 3.4 s",
        "  today        1.24 EUR, 182,000 tokens, 62 % of its budget",
        "  owner        growth",
    ]


def test_what_changes_from_one_look_to_the_next_is_told_and_nothing_else() -> None:
    before = [row("a"), row("b"), row("gone")]
    after = [row("a", figures=Figures(99.0)), row("b", "failed", why="it crashes"), row("new", "deploying")]
    assert changes(before, after) == [
        "business/b in prod.eu: deployed 2/2 → failed 2/2 (it crashes)",
        "business/new in prod.eu: not there → deploying 2/2",
        "business/gone in prod.eu: deployed 2/2 → not there",
    ]


def test_the_json_has_the_same_keys_whatever_is_known() -> None:
    looked = [Looked(place(), None, None, "it is away", "unreachable"), Looked(place("us"), {KEY: seen(1, 1)}, None)]
    agents = [agent(), agent(where=place("us")), agent("later", place("us"))]
    found = as_json(looked, rows(looked, agents, True, NOW), "EUR", NOW)
    assert [one["state"] for one in found["agents"]] == ["pending", "unknown", "deployed"]
    [keys] = {tuple(one) for one in found["agents"]}
    assert keys[:5] == ("environment", "cluster", "namespace", "pool", "agent")
    assert found["places"][0]["fault"] == "it is away"
    assert found["agents"][2]["last_change"]["source"] == "replicaset"
