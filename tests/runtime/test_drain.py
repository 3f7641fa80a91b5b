"""The end of a pod: what is under way is finished, nobody is sent away, and a rolling restart loses nothing."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from agent_service import CALLER_KEY, PATIENCE, Service, running, settings, wait_until
from stand_in_process import StandIn


def test_after_sigterm_it_is_not_ready_at_once_and_finishes_what_it_has(provider: StandIn, tmp_path: Path) -> None:
    provider.tell(delay_seconds=2)
    config = settings(provider.url, limits={"max_concurrent": 1})
    with running(tmp_path / "a", config, env={"AGENT_DRAIN_SECONDS": "3"}) as service, ThreadPoolExecutor(3) as pool:
        under_way = pool.submit(service.post)
        wait_until(lambda: service.metric("agent_in_flight") == 1, "one was worked on")
        queued = pool.submit(service.post)
        wait_until(lambda: service.metric("agent_queue_depth") == 1, "one waited")
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: service.ready().status_code == 503, "it was not ready", 2.5)
        probed = service.ready()
        assert probed.json()["reasons"] == ["draining"]
        # What is not kept nobody sends a request on at the very moment that it is closed.
        assert probed.headers["connection"] == "close"
        # Whoever balances the load may not have seen it yet: a new request is taken.
        late = pool.submit(service.post)
        assert [answer.result().status_code for answer in (under_way, queued, late)] == [200, 200, 200]
        assert service.process.wait(PATIENCE) == 0
        assert service.logged()[-1]["message"] == "Ended"


def test_what_is_not_done_when_the_grace_is_over_is_told_so(provider: StandIn, tmp_path: Path) -> None:
    provider.tell(delay_seconds=30)
    with running(tmp_path / "a", settings(provider.url), env={"AGENT_GRACE_SECONDS": "1"}) as service:
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(service.post)
            wait_until(lambda: service.metric("agent_in_flight") == 1, "one was worked on")
            assert service.stop() == 0
            answer = under_way.result()
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "SHUTTING_DOWN")
        lines = service.logged()
        told = next(line for line in lines if line["message"].startswith("Draining"))
        assert 0.9 < _seconds(lines[-1]) - _seconds(told) < 15


def test_a_stream_that_the_end_of_the_grace_cuts_ends_with_an_error_event(provider: StandIn, tmp_path: Path) -> None:
    provider.tell(pieces=["a "] * 100, piece_seconds=0.3)
    with running(tmp_path / "a", settings(provider.url), env={"AGENT_GRACE_SECONDS": "1"}) as service:
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(service.post, {"task_description": "x", "stream": True})
            wait_until(lambda: service.metric("agent_in_flight") == 1, "it was worked on")
            assert service.stop() == 0
            last = under_way.result().text.strip().split("\n\n")[-1]
        assert last.startswith("event: error\n")
        assert '"SHUTTING_DOWN"' in last
        assert [line["message"] for line in service.logged() if line["level"] == "ERROR"] == []


def _seconds(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


def test_a_stream_is_sent_to_its_end(provider: StandIn, tmp_path: Path) -> None:
    provider.tell(pieces=["a "] * 8, piece_seconds=0.4)
    with running(tmp_path / "a", settings(provider.url)) as service, ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(service.post, {"task_description": "x", "stream": True})
        wait_until(lambda: service.metric("agent_in_flight") == 1, "it was worked on")
        assert service.stop() == 0
        assert "event: done" in under_way.result().text


def test_wrong_surroundings_are_an_error_with_a_reason(provider: StandIn, tmp_path: Path) -> None:
    started = running(tmp_path / "a", settings(provider.url), env={"AGENT_GRACE_SECONDS": "soon"})
    with pytest.raises(AssertionError, match="the service ended") as ended:
        started.__enter__()
    assert "AGENT_GRACE_SECONDS must be a number of seconds, not" in str(ended.value)
    assert "Traceback" not in str(ended.value)


class Balancer:
    """Sends each request to one replica that was ready at the last look, as a Service's endpoints do; never twice."""

    def __init__(self) -> None:
        self.replicas: list[Service] = []
        self.ready: list[Service] = []
        self.failed: list[str] = []
        self.answered = 0
        self.over = threading.Event()

    def look(self) -> None:
        """Probes as a kubelet does, ten times as often."""
        while not self.over.wait(0.1):
            self.ready = [replica for replica in self.replicas if _is_ready(replica)]

    def ask(self) -> None:
        """Asks again and again on kept connections, as a gateway does."""
        clients: dict[str, httpx.Client] = {}
        number = 0
        while not self.over.is_set():
            if not (ready := self.ready):
                time.sleep(0.01)
                continue
            number += 1
            url = ready[number % len(ready)].url
            client = clients.setdefault(url, httpx.Client(base_url=url, timeout=20))
            try:
                headers = {"authorization": f"Bearer {CALLER_KEY}"}
                answer = client.post("/api/v1/execute", json={"task_description": "x"}, headers=headers)
                if answer.status_code != 200:
                    self.failed.append(answer.text)
            except httpx.HTTPError as error:
                self.failed.append(repr(error))
            self.answered += 1
            time.sleep(0.02)
        for client in clients.values():
            client.close()


def _is_ready(service: Service) -> bool:
    try:
        return service.ready().status_code == 200
    except httpx.HTTPError:
        return False


def test_a_rolling_restart_under_load_loses_no_request(provider: StandIn, tmp_path: Path) -> None:
    provider.tell(delay_seconds=0.05)
    env = {"AGENT_DRAIN_SECONDS": "1"}
    balancer = Balancer()
    threads = [threading.Thread(target=balancer.look), *(threading.Thread(target=balancer.ask) for _ in range(2))]
    with ExitStack() as stack:

        def replica(name: str) -> Service:
            return stack.enter_context(running(tmp_path / name, settings(provider.url), env=env))

        balancer.replicas = [replica("a"), replica("b")]
        for thread in threads:
            thread.start()
        try:
            for old, name in zip(list(balancer.replicas), "cd", strict=True):
                # As maxSurge 1, maxUnavailable 0: first a new one, then an old one goes.
                new = replica(name)
                balancer.replicas = [*balancer.replicas, new]
                wait_until(lambda added=new: added in balancer.ready, "the new one was ready")
                assert old.stop() == 0
                balancer.replicas = [each for each in balancer.replicas if each is not old]
            time.sleep(0.3)
        finally:
            balancer.over.set()
            for thread in threads:
                thread.join()
    assert balancer.failed == []
    assert balancer.answered > 50
