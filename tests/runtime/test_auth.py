"""Who is let in: API keys by their hashes, and tokens of an issuer whose keys change."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from agent_service import CALLER_KEY, SECRETS, Service, key_line, settings, wait_until
from stand_in_process import StandIn
from token_issuer import AUDIENCE, ISSUER, Issuer, Key, issuing

RSA = Key("first", "RS256")
EC = Key("second", "ES256")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing(RSA, EC) as serving:
        yield serving


@pytest.fixture
def guarded(issuer: Issuer, service_process: Service, provider: StandIn) -> Service:
    """A service that takes API keys and this issuer's tokens."""
    jwt = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": issuer.url, "scopes": ["agents:execute"]}
    keys = f"# keys\n{key_line('ops', CALLER_KEY)} # operations\n\nnonsense\n"
    service_process.adopt(settings(provider.url, auth={"jwt": jwt}), secrets={**SECRETS, "API_KEYS": keys})
    return service_process


def status(service: Service, key: str | None) -> tuple[int, str]:
    """How a caller with this key or token fares."""
    answer = service.post(key=key)
    return answer.status_code, answer.json().get("error", {}).get("code", "")


REFUSED = (401, "UNAUTHORIZED")


def test_keys_and_tokens_open_and_everything_forged_does_not(guarded: Service) -> None:
    now = int(time.time())
    stranger = Key("first", "RS256")
    let_in = {
        "API key": CALLER_KEY,
        "RS256": RSA.token(),
        "ES256": EC.token(),
        "scopes as a list": RSA.token(scope=None, scp=["agents:execute"]),
        "audience in a list": RSA.token(aud=["others", AUDIENCE]),
    }
    kept_out = {
        "nothing": None,
        "another key": "sk-caller-4712",
        "a hash for a key": key_line("ops", CALLER_KEY).split(":")[1],
        "expired": RSA.token(exp=now - 60),
        "not valid yet": RSA.token(nbf=now + 60),
        "another issuer": RSA.token(iss="https://elsewhere.example.com/"),
        "another audience": RSA.token(aud="others"),
        "no expiry": RSA.token(exp=None),
        "no subject": RSA.token(sub=None),
        "no audience": RSA.token(aud=None),
        "alg none": RSA.token(head={"alg": "none"}),
        "public key as a secret": RSA.token(head={"alg": "HS256"}, secret=RSA.pem()),
        "another algorithm than the key's": RSA.token(head={"kid": "second"}),
        "ES256 claimed for an RSA key": RSA.token(head={"alg": "ES256"}),
        "signed by a stranger": stranger.token(),
        "an unknown key id": RSA.token(head={"kid": "third"}),
        "changed afterwards": RSA.token()[:-6] + "AAAAAA",
        "three empty parts": "..",
        "very long": "x" * 9000,
    }
    assert {name: status(guarded, key)[0] for name, key in let_in.items()} == dict.fromkeys(let_in, 200)
    assert {name: status(guarded, key) for name, key in kept_out.items()} == dict.fromkeys(kept_out, REFUSED)
    assert status(guarded, RSA.token(scope="other")) == (403, "FORBIDDEN")
    answer = guarded.post(key=None)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "line 4" in "\n".join(guarded.lines)
    assert "nonsense" not in "\n".join(guarded.lines)


def test_a_new_key_is_found_at_once_and_invented_ones_do_not_hammer_the_issuer(
    guarded: Service, issuer: Issuer
) -> None:
    assert status(guarded, RSA.token())[0] == 200
    assert issuer.fetches == 1
    third = Key("third", "ES256")
    issuer.keys = [EC, third]
    assert status(guarded, third.token())[0] == 200
    # The key that the issuer took away is gone with the same fetch.
    assert status(guarded, RSA.token()) == REFUSED
    for number in range(20):
        assert status(guarded, third.token(head={"kid": f"invented-{number}"})) == REFUSED
    assert issuer.fetches <= 6
    assert status(guarded, third.token())[0] == 200


def test_keys_are_kept_as_long_as_the_issuer_says_and_longer_when_it_is_down(guarded: Service, issuer: Issuer) -> None:
    issuer.max_age = 1
    assert status(guarded, RSA.token())[0] == 200
    issuer.status = 500
    time.sleep(1.1)
    assert status(guarded, RSA.token())[0] == 200
    issuer.status, issuer.keys = 200, [EC]
    wait_until(lambda: status(guarded, RSA.token()) == REFUSED, "the keys were fetched again")


def test_an_issuer_out_of_reach_lets_nobody_in_and_says_why(guarded: Service, issuer: Issuer) -> None:
    issuer.status = 500
    assert status(guarded, RSA.token()) == (503, "NOT_READY")
    assert status(guarded, CALLER_KEY)[0] == 200


def timed(service: Service, key: str) -> tuple[int, float]:
    """The status, and the seconds that it took."""
    started = time.monotonic()
    return status(service, key)[0], time.monotonic() - started


def test_an_issuer_that_hangs_stalls_nobody_whose_key_is_known(guarded: Service, issuer: Issuer) -> None:
    issuer.max_age = 1
    assert status(guarded, RSA.token())[0] == 200
    time.sleep(1.1)
    issuer.hang_seconds = 8
    with ThreadPoolExecutor(6) as pool:
        fared = list(pool.map(lambda _: timed(guarded, RSA.token()), range(6)))
    assert [code for code, _ in fared] == [200] * 6
    assert max(seconds for _, seconds in fared) < 4
    # While the fetch goes on nobody waits for it again.
    assert min(timed(guarded, RSA.token())[1] for _ in range(3)) < 0.7
    assert issuer.fetches == 2


def test_all_who_wait_for_an_issuer_s_keys_share_one_fetch_and_its_end(guarded: Service, issuer: Issuer) -> None:
    issuer.hang_seconds = 12
    with ThreadPoolExecutor(6) as pool:
        fared = list(pool.map(lambda _: timed(guarded, RSA.token()), range(6)))
    assert [code for code, _ in fared] == [503] * 6
    assert max(seconds for _, seconds in fared) < 9
    assert min(timed(guarded, RSA.token())[1] for _ in range(3)) < 1
    assert issuer.fetches == 1


def test_without_any_way_in_the_service_is_not_ready(service_process: Service, provider: StandIn) -> None:
    service = service_process
    service.adopt(settings(provider.url), secrets={"PROVIDER_KEY": "sk-p"})
    answer = service.ready()
    assert answer.status_code == 503
    assert "API keys" in answer.json()["reasons"][0]
    assert status(service, CALLER_KEY) == REFUSED
    service.adopt(settings(provider.url, auth={"required": False}), secrets={"PROVIDER_KEY": "sk-p"})
    assert service.ready().status_code == 200
    assert status(service, None)[0] == 200
