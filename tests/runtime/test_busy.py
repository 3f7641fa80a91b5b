"""Concurrency: places, a queue with an end, and connections that do nothing."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest
from agent_service import CALLER_KEY, PATIENCE, Service, settings, wait_until
from stand_in_process import StandIn


@pytest.fixture(scope="module")
def service(service_process: Service, provider_process: StandIn) -> Service:
    """Two places, three that wait for four seconds; a second for headers and body."""
    limits = {"max_concurrent": 2, "queue": 3, "queue_seconds": 4, "idle_seconds": 1}
    service_process.adopt(settings(provider_process.url, limits=limits))
    return service_process


def at_once(service: Service, number: int) -> list[httpx.Response]:
    """Answers to so many requests that come together."""
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(lambda _: service.post(), range(number)))


def codes(answers: list[httpx.Response]) -> list[str]:
    return sorted("OK" if answer.status_code == 200 else answer.json()["error"]["code"] for answer in answers)


def test_the_provider_never_gets_more_at_once_than_there_are_places(service: Service, provider: StandIn) -> None:
    provider.tell(delay_seconds=0.3)
    assert codes(at_once(service, 5)) == ["OK"] * 5
    assert provider.seen()["most_in_flight"] == 2


def test_who_finds_the_queue_full_is_told_at_once(service: Service, provider: StandIn) -> None:
    provider.tell(delay_seconds=1.5)
    refused = [answer for answer in at_once(service, 9) if answer.status_code != 200]
    assert [answer.json()["error"]["code"] for answer in refused] == ["BUSY"] * 4
    assert all(answer.status_code == 503 and answer.headers["retry-after"] for answer in refused)
    assert max(answer.elapsed.total_seconds() for answer in refused) < 1.5


def test_who_waits_too_long_is_told_and_the_queue_s_depth_is_shown(service: Service, provider: StandIn) -> None:
    provider.tell(delay_seconds=6)
    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(at_once, service, 4)
        wait_until(lambda: service.metric("agent_queue_depth") == 2, "two waited")
        assert service.metric("agent_in_flight") == 2
        assert codes(answers.result()) == ["BUSY", "BUSY", "OK", "OK"]
    assert service.metric("agent_queue_depth") == 0
    assert service.metric("agent_in_flight") == 0


def test_who_leaves_the_queue_frees_its_turn(service: Service, provider: StandIn) -> None:
    provider.tell(delay_seconds=4)
    with ThreadPoolExecutor(2) as pool:
        first = [pool.submit(service.post) for _ in range(2)]
        wait_until(lambda: service.metric("agent_in_flight") == 2, "both places were taken")
        leaver = socket.create_connection(("127.0.0.1", service.port))
        leaver.sendall(request(b'{"task_description":"x"}'))
        wait_until(lambda: service.metric("agent_queue_depth") == 1, "it waited")
        leaver.close()
        wait_until(lambda: service.metric("agent_queue_depth") == 0, "it was gone")
        assert [answer.result().status_code for answer in first] == [200, 200]
    assert provider.seen()["requests"] == 2


def request(body: bytes, length: int | None = None) -> bytes:
    """A request as bytes; it may promise more than it brings."""
    head = (
        f"POST /api/v1/execute HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {CALLER_KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body) if length is None else length}\r\n\r\n"
    )
    return head.encode() + body


def received(connection: socket.socket) -> bytes:
    """All that comes until the other side closes; the test fails when it stays open."""
    connection.settimeout(PATIENCE)
    data = b""
    try:
        while piece := connection.recv(65536):
            data += piece
    except ConnectionResetError:
        pass
    return data


def test_a_thousand_connections_that_send_nothing_keep_nobody_out(service: Service, provider: StandIn) -> None:
    with ExitStack() as stack:
        silent = []
        for number in range(1000):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            # Half of them begin a request and leave it at that.
            if number % 2:
                connection.sendall(b"POST /api/v1/execute HTTP/1.1\r\nhost:")
            silent.append(connection)
        assert [service.post().status_code for _ in range(5)] == [200] * 5
        # And each is closed when its second is over.
        assert [received(connection) for connection in silent] == [b""] * 1000
    assert service.post().status_code == 200


def test_headers_that_trickle_do_not_hold_a_connection(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.settimeout(0.1)
        connection.sendall(b"GET /")
        started = time.monotonic()
        open_still = True
        while open_still and time.monotonic() - started < 30:
            try:
                connection.sendall(b"x")
                open_still = connection.recv(1) != b""
            except TimeoutError:
                pass
            except OSError:
                open_still = False
        assert not open_still


def test_a_second_request_s_headers_on_a_kept_connection_are_timed_too(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = b""
        while b"healthy" not in answer:
            answer += connection.recv(65536)
        connection.sendall(b"GET /hea")
        assert received(connection) == b""


def test_a_body_that_does_not_come_is_not_waited_for(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(request(b'{"task', length=1000))
        answer = received(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"REQUEST_TIMEOUT" in answer
    assert service.metric("agent_in_flight") == 0


def test_what_is_no_http_and_endless_headers_are_refused_in_the_one_form(service: Service) -> None:
    for sent, status in [(b"\x16\x03\x01 hello\r\n\r\n", b"400"), (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 9000, b"431")]:
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(sent)
            answer = received(connection)
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert b'{"error":{"code":"INVALID_REQUEST"' in answer


def test_who_takes_nothing_of_its_answer_loses_the_connection_and_its_place(
    service: Service, provider: StandIn
) -> None:
    provider.tell(pieces=["x" * 20_000] * 400)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", service.port))
        connection.sendall(request(b'{"task_description":"x","stream":true}'))
        wait_until(lambda: service.metric("agent_in_flight") == 1, "it was worked on")
        wait_until(lambda: service.metric("agent_in_flight") == 0, "its place was free")


def test_many_callers_on_kept_connections_are_all_answered(service: Service, provider: StandIn) -> None:
    answered = []

    def ask() -> None:
        headers = {"authorization": f"Bearer {CALLER_KEY}"}
        with httpx.Client(base_url=service.url, headers=headers, timeout=20) as client:
            for _ in range(20):
                answered.append(client.post("/api/v1/execute", json={"task_description": "x"}).status_code)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answered == [200] * 100
