"""Config and secrets change under a running service, which is neither built nor started anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from agent_service import CALLER_KEY, Service, key_line, merged, running, settings, wait_until
from stand_in_process import StandIn


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """It starts with a config that cannot be read; the first test mends it."""
    with running(tmp_path_factory.mktemp("reload"), {"agent": "unread"}, ready=False) as started:
        yield started


@pytest.fixture
def sound(service: Service, provider: StandIn) -> Service:
    """The service with a config that is in order again, and with both secrets."""
    secrets = {"PROVIDER_KEY": "sk-first", "API_KEYS": key_line("tester", CALLER_KEY)}
    service.adopt(settings(provider.url), secrets=secrets, files={"prompt.md": "You help with {product}."})
    return service


def system(service: Service, provider: StandIn) -> str:
    """The system prompt that the model gets now."""
    assert service.post().status_code == 200
    return str(provider.seen()["last"][-1]["body"]["messages"][0]["content"])


def test_a_service_that_starts_with_a_broken_config_lives_and_waits_for_a_sound_one(
    service: Service, provider: StandIn
) -> None:
    assert httpx.get(f"{service.url}/health", timeout=20).status_code == 200
    assert service.ready().status_code == 503
    assert "model" in service.ready().json()["reasons"][0]
    assert service.post().json()["error"]["code"] == "NOT_READY"
    service.configure(settings(provider.url))
    wait_until(lambda: service.ready().status_code == 200, "it was ready")
    assert service.post().status_code == 200


def test_a_changed_prompt_and_variable_are_in_force_without_a_restart(sound: Service, provider: StandIn) -> None:
    assert system(sound, provider) == "You help with Example Desk."
    new = merged(sound.settings, {"prompt": {"variables": {"product": "Other Desk"}}})
    sound.configure(new, {"prompt.md": "You sell {product}."})
    wait_until(lambda: system(sound, provider) == "You sell Other Desk.", "the new prompt was in force")


BROKEN: dict[str, str | dict[str, Any]] = {
    "no JSON": "{",
    "no model": {"model": None},
    "a wrong type": {"service": {"limits": {"max_concurrent": 0}}},
    "a pattern that does not compile": {"service": {"safety": {"pii_patterns": {"order": "("}}}},
    "a moderation that this provider has not": {
        "provider": {"api": "anthropic"},
        "service": {"safety": {"moderation": "log", "moderation_by": "provider"}},
    },
    "a knowledge file that is not there": {"knowledge": ["knowledge/none.md"]},
    "a knowledge file outside of the folder": {"knowledge": ["../secrets/PROVIDER_KEY"]},
}


def test_a_broken_config_changes_nothing_and_is_told(sound: Service, provider: StandIn) -> None:
    good = sound.settings
    for name, change in BROKEN.items():
        before = sound.metric("agent_config_errors_total")
        sound.configure(change if isinstance(change, str) else json.dumps(merged(good, change)))
        wait_until(lambda seen=before: sound.metric("agent_config_errors_total") > seen, f"{name} was counted")
        assert sound.ready().status_code == 200
        assert system(sound, provider) == "You help with Example Desk."
        last = [line for line in sound.logged() if "cannot be used" in line["message"]][-1]
        assert last["level"] == "ERROR"
        assert "the last good one stays in force" in last["message"]
    assert "must be a path inside the config folder" in last["message"]


def test_a_rotated_provider_key_is_used_from_then_on(sound: Service, provider: StandIn) -> None:
    provider.tell(keys=["sk-second"])
    assert sound.post().json()["error"]["code"] == "PROVIDER_REFUSED"
    sound.hide(PROVIDER_KEY="sk-second")
    wait_until(lambda: sound.post().status_code == 200, "the new key was used")


def test_without_the_provider_s_key_the_service_is_not_ready_and_says_so(sound: Service, provider: StandIn) -> None:
    sound.hide(PROVIDER_KEY=None)
    wait_until(lambda: sound.ready().status_code == 503, "it was not ready")
    assert "PROVIDER_KEY" in sound.ready().json()["reasons"][0]
    answer = sound.post()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "PROVIDER_REFUSED")
    assert httpx.get(f"{sound.url}/health", timeout=20).status_code == 200
    assert provider.seen()["requests"] == 0


def test_a_caller_s_key_that_was_taken_away_opens_nothing_any_more(sound: Service) -> None:
    sound.hide(API_KEYS=key_line("other", "sk-other"))
    wait_until(lambda: sound.post().status_code == 401, "the old key was refused")
    assert sound.post(key="sk-other").status_code == 200


def test_a_newer_settings_file_with_keys_unknown_here_is_taken(sound: Service) -> None:
    sound.configure(merged(sound.settings, {"agent": "renamed", "later": 1, "service": {"limits": {"later": {}}}}))
    wait_until(lambda: sound.ready().json()["agent_id"] == "renamed", "it was taken")
    assert sound.post().json()["agent_id"] == "renamed"
