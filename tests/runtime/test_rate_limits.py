"""How much a caller, an address and all together may ask, alone and with other replicas, with Redis and without."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest
from agent_service import PROVIDER_KEY, Service, key_line, running, settings, wait_until
from own_redis import Redis, serving
from stand_in_process import StandIn

KEYS = "\n".join(key_line(name, f"sk-{name}") for name in ("anna", "ben", "cleo", "dora", "emil"))
CALLERS = {"PROVIDER_KEY": PROVIDER_KEY, "API_KEYS": KEYS}


@pytest.fixture(autouse=True)
def _not_at_the_turn_of_a_minute() -> None:
    """The windows are minutes of the clock; a test that lies across two would count in both."""
    if (left := 60 - time.time() % 60) < 20:
        time.sleep(left + 0.1)


def limited(provider: StandIn, key: int = 3, address: int = 1000, total: int = 1000, **more: Any) -> dict[str, Any]:
    limits = {
        "requests_per_minute": key,
        "requests_per_minute_address": address,
        "requests_per_minute_total": total,
        **more,
    }
    return settings(provider.url, limits=limits)


@pytest.fixture
def service(service_process: Service) -> Service:
    """A running one; each test lets it be an agent of its own."""
    return service_process


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    (tmp_path / "redis").mkdir()
    with serving(tmp_path / "redis") as started:
        yield started


def statuses(service: Service, who: str, times: int, **options: Any) -> list[int]:
    """How a caller's requests fare, one after the other."""
    return [service.post(key=f"sk-{who}", **options).status_code for _ in range(times)]


def test_each_caller_has_a_limit_of_its_own_and_sees_it_in_the_headers(service: Service, provider: StandIn) -> None:
    service.adopt(limited(provider), secrets=CALLERS)
    began = int(time.time())
    answers = [service.post(key="sk-anna") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0", "0"]
    assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"3"}
    error = answers[-1].json()["error"]
    assert error["code"] == "RATE_LIMIT_EXCEEDED"
    wait = error["details"]["retry_after"]
    assert answers[-1].headers["retry-after"] == str(wait)
    assert 0 < wait <= 60
    assert began - 1 <= int(answers[-1].headers["x-ratelimit-reset"]) - wait <= time.time() + 1
    assert statuses(service, "ben", 1) == [200]
    assert service.metric("agent_rate_limited_total", scope="key") == 2
    # Who has no key is told the address's limit, with headers, too.
    assert service.post(key=None).headers["x-ratelimit-limit"] == "1000"


def test_an_address_has_a_limit_also_for_those_who_guess_keys(service: Service, provider: StandIn) -> None:
    service.adopt(limited(provider, key=100, address=3), secrets=CALLERS)
    found = [service.post(key=f"sk-guess-{number}").status_code for number in range(5)]
    assert found == [401, 401, 401, 429, 429]
    # X-Forwarded-For is anyone's invention as long as no proxy is trusted.
    assert statuses(service, "anna", 1, headers={"x-forwarded-for": "203.0.113.9"}) == [429]
    assert service.metric("agent_rate_limited_total", scope="address") == 3


def test_behind_a_trusted_proxy_the_address_is_the_one_that_it_names(service: Service, provider: StandIn) -> None:
    config = limited(provider, key=100, address=2, trusted_proxies=["127.0.0.0/8", "10.0.0.0/8"])
    service.adopt(config, secrets=CALLERS)

    def ask(forwarded: str) -> int:
        return statuses(service, "anna", 1, headers={"x-forwarded-for": forwarded})[0]

    # What a caller writes itself stands left of what the first proxy saw, and changes nothing.
    assert [ask(f"198.51.100.{number}, 203.0.113.9, 10.1.1.1") for number in range(3)] == [200, 200, 429]
    assert ask("203.0.113.10") == 200
    # Addresses of one IPv6 household count together.
    assert [ask(f"2001:db8:1:1::{number}") for number in range(3)] == [200, 200, 429]
    assert ask("2001:db8:1:2::1") == 200


def test_all_together_have_a_limit_that_one_greedy_caller_cannot_use_up(service: Service, provider: StandIn) -> None:
    service.adopt(limited(provider, key=2, total=6), secrets=CALLERS)
    assert statuses(service, "anna", 12) == [200] * 2 + [429] * 10
    assert statuses(service, "ben", 2) + statuses(service, "cleo", 1) == [200] * 3
    assert statuses(service, "dora", 1) == [429]
    assert service.metric("agent_rate_limited_total", scope="total") == 1


def test_replicas_share_limits_and_budget_through_redis(
    service: Service, provider: StandIn, redis: Redis, tmp_path: Path
) -> None:
    provider.tell(answer="word " * 200)
    config = limited(provider, key=4)
    config["budget"] = {"tokens_per_day": 300, "cost_per_day": None}
    secrets = {**CALLERS, "REDIS_URL": redis.url}
    service.adopt(config, secrets=secrets)
    with running(tmp_path / "another", service.settings, secrets=secrets) as another:
        both = [service, another]
        found = [replica.post(key="sk-anna").status_code for replica in both]
        assert found == [200, 200]
        # 200 tokens an answer: after a second both know that the day's 300 are gone.
        wait_until(
            lambda: all(replica.metric("agent_budget_used_ratio", kind="tokens") > 1 for replica in both),
            "both knew of both answers",
        )
        spent = [replica.post(key="sk-anna") for replica in both]
        assert [answer.json()["error"]["code"] for answer in spent] == ["BUDGET_SPENT"] * 2
        assert [replica.post(key="sk-anna").json()["error"]["code"] for replica in both] == ["RATE_LIMIT_EXCEEDED"] * 2
        assert both[0].metric("agent_redis_up") == 1


@pytest.mark.parametrize("trouble", ["stopped", "frozen"])
def test_without_redis_requests_go_on_and_are_counted_in_memory(
    service: Service, provider: StandIn, redis: Redis, trouble: str
) -> None:
    secrets = {**CALLERS, "REDIS_URL": redis.url}
    service.adopt(limited(provider), secrets=secrets)
    assert statuses(service, "anna", 3) == [200] * 3
    redis.stop() if trouble == "stopped" else redis.freeze()
    answers = [service.post(key="sk-ben") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    # Only the first request pays for finding out.
    assert median(answer.elapsed.total_seconds() for answer in answers[1:]) < 0.5
    assert service.metric("agent_redis_up") == 0
    assert service.metric("agent_redis_errors_total") >= 1
    assert any("Redis does not answer" in line["message"] for line in service.logged())
    redis.stop()
    redis.start()
    wait_until(lambda: service.metric("agent_redis_up") == 1, "Redis was used again")
    assert statuses(service, "cleo", 1) == [200]


def test_a_redis_that_was_never_there_or_cannot_be_read_stops_nothing(service: Service, provider: StandIn) -> None:
    for url in ("redis://:s3cret@127.0.0.1:1/0", "nonsense://s3cret"):
        service.adopt(limited(provider), secrets={**CALLERS, "REDIS_URL": url})
        assert statuses(service, "anna", 4) == [200, 200, 200, 429]
        assert "s3cret" not in "\n".join(service.lines)
        assert any("Redis does not answer" in line["message"] for line in service.logged())


def test_strangers_use_up_nothing_of_what_callers_have(service: Service, provider: StandIn) -> None:
    service.adopt(limited(provider, key=10, address=4, total=6, trusted_proxies=["127.0.0.0/8"]), secrets=CALLERS)

    def stranger(number: int) -> int:
        return service.post(key=None, headers={"x-forwarded-for": f"198.51.100.{number}"}).status_code

    assert [stranger(number) for number in range(8)] == [401] * 6 + [429] * 2
    assert statuses(service, "anna", 4, headers={"x-forwarded-for": "203.0.113.9"}) == [200] * 4


def test_an_address_is_read_with_a_port_and_from_all_lines(service: Service, provider: StandIn) -> None:
    service.adopt(limited(provider, key=100, address=1, trusted_proxies=["127.0.0.0/8", "10.0.0.0/8"]), secrets=CALLERS)
    hosts = [f"203.0.113.{number}:4711" for number in range(3)] + [f"[2001:db8:{number}::1]:443" for number in range(3)]
    assert [statuses(service, "anna", 1, headers={"x-forwarded-for": host}) for host in hosts] == [[200]] * 6
    lines = [("authorization", "Bearer sk-anna"), ("x-forwarded-for", "203.0.113.77"), ("x-forwarded-for", "10.1.1.1")]
    url, body = f"{service.url}/api/v1/execute", {"task_description": "x"}
    assert httpx.post(url, json=body, headers=lines, timeout=20).status_code == 200
    assert statuses(service, "anna", 1, headers={"x-forwarded-for": "10.1.1.1"}) == [200]


def test_who_waited_for_a_place_does_not_overspend_the_budget(service: Service, provider: StandIn) -> None:
    provider.tell(answer="word " * 100, delay_seconds=0.3)
    config = settings(provider.url, limits={"max_concurrent": 1, "queue": 20})
    config["budget"] = {"tokens_per_day": 50, "cost_per_day": None}
    service.adopt(config)
    with ThreadPoolExecutor(6) as pool:
        found = sorted(pool.map(lambda _: service.post().status_code, range(6)))
    assert found == [200] + [429] * 5
    assert provider.seen()["requests"] == 1


def test_a_spent_budget_ends_the_day_for_all_callers(service: Service, provider: StandIn) -> None:
    provider.tell(answer="word " * 100)
    config = settings(provider.url)
    # One answer costs 100 tokens of output at 15 a million.
    config["budget"] = {"tokens_per_day": None, "cost_per_day": 0.002}
    service.adopt(config)
    assert [service.post().status_code for _ in range(2)] == [200, 200]
    answer = service.post()
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["details"]["kind"]) == (429, "BUDGET_SPENT", "cost")
    midnight = 86_400 - time.time() % 86_400
    assert abs(int(answer.headers["retry-after"]) - midnight) < 30
    assert service.metric("agent_budget_used_ratio", kind="cost") > 1
    assert provider.seen()["requests"] == 2
    # A larger budget holds from the next look at the config on.
    config["budget"]["cost_per_day"] = 1
    service.configure(config)
    wait_until(lambda: service.post().status_code == 200, "the new budget was in force")
