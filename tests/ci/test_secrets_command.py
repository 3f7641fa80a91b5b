"""`roster secrets`: which references agents need, who shares them, and what external-secrets says of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from command_fleet import Done, roster, write_fleet

from ci.live.places import Place
from ci.live.secrets import Held, Seen, Synced, held, judged
from ci.live.secrets_screen import Row, screen
from components.definition.tree import WorkTree
from components.fleet import Fleet

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
VALUE = "sk-ant-api03-canary0123456789canary"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    return write_fleet(tmp_path)


def lines(done: Done) -> list[list[str]]:
    """The cells of the table, which two blanks keep apart."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in done.stdout.splitlines()]


def test_each_reference_is_told_with_its_variable_who_asks_for_it_and_who_shares_it(folder: Path) -> None:
    done = roster(folder, "secrets", "asker", "-e", "prod")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "2 references of 1 agent; stores: prod: kubernetes prod-secrets"
    key, url = lines(done)[3:5]
    assert key[:5] == ["sales/asker", "prod", "LAB_API_KEY", "prod/shared/lab#key", "the model's provider"]
    assert key[5] == "chat/herald, sales/writer"
    assert url == ["sales/asker", "prod", "POSTGRES_URL", "prod/shared/memory#url", "database memory", "-"]


def test_a_channels_credential_is_told_as_the_channels(folder: Path) -> None:
    found = json.loads(roster(folder, "secrets", "herald", "--json").stdout)
    [agent] = found["agents"]
    token = next(one for one in agent["secrets"] if one["variable"] == "TELEGRAM_BOT_TOKEN")
    assert token == {
        "variable": "TELEGRAM_BOT_TOKEN",
        "reference": "prod/chat/herald/telegram#bot-token",
        "name_in_store": "prod--chat--herald--telegram",
        "key": "bot-token",
        "asked_for_by": "channel telegram",
        "state": None,
    }
    assert found["environments"] == {"prod": {"store": "kubernetes", "location": "prod-secrets"}}
    assert found["at"] is None, "no cluster was asked"


def test_agents_of_two_environments_that_share_a_credential_are_named_with_theirs(folder: Path) -> None:
    path = folder / "agents/catalog/environments.yaml"
    path.write_text(
        path.read_text("utf-8").replace("prefix: dev", "prefix: prod").replace("dev-secrets", "prod-secrets")
    )
    found = json.loads(roster(folder, "secrets", "writer", "-e", "prod", "--json").stdout)
    [shared] = [one for one in found["shared"] if one["reference"] == "prod/shared/lab#key"]
    assert "sales/writer in dev" in shared["agents"]
    assert "sales/writer in prod" in shared["agents"]


def test_many_agents_are_told_by_reference_the_most_shared_first(folder: Path) -> None:
    text = (folder / "agents/sales/asker.yaml").read_text("utf-8").replace("calls: [sales/writer]\n", "")
    for number in range(30):
        (folder / f"agents/sales/more-{number}.yaml").write_text(text, "utf-8")
    done = roster(folder, "secrets", "-e", "prod")
    assert lines(done)[3][:2] == ["prod/shared/lab#key", "prod"]
    assert lines(done)[3][2].endswith("and 31 more")
    assert len(lines(done)) < 10
    assert len(lines(roster(folder, "secrets", "-e", "prod", "--all"))) > 60


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("wrter",), "there is no agent 'wrter'. Did you mean 'writer'?"),
        (("-e", "prd"), "no environment 'prd'. Did you mean 'prod'?"),
        (("--pool", "saels"), "no pool 'saels'. Did you mean 'sales'?"),
        (("writer", "--pool", "sales"), "name agents, or a pool with --pool, and not both"),
        (("herald", "-e", "dev"), "herald: runs nowhere in dev"),
    ],
)
def test_a_wrong_word_is_told_with_the_way_out(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = roster(folder, "secrets", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_without_a_kubeconfig_only_live_fails_and_says_so_once(folder: Path) -> None:
    assert roster(folder, "secrets").returncode == 0
    done = roster(folder, "secrets", "--live")
    assert (done.returncode, done.stdout) == (6, "")
    [line] = done.stderr.splitlines()
    assert "there is no kubeconfig at" in line
    found = json.loads(roster(folder, "secrets", "--live", "--json").stdout)
    assert set(found["faults"]) == {"dev", "prod"}


def test_a_definition_with_errors_is_named_and_the_others_are_shown(folder: Path) -> None:
    (folder / "agents/sales/asker.yaml").write_text("version: 1\nowner: nobody\n", "utf-8")
    done = roster(folder, "secrets")
    assert done.returncode == 0
    assert "sales/writer" in done.stdout
    assert "`roster check` finds errors in them: agents/sales/asker.yaml" in done.stderr


# --- what external-secrets says


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet.open(WorkTree(write_fleet(tmp_path / "fleet")))


def of_asker(fleet: Fleet) -> Held:
    found, _ = held(fleet, ["prod"])
    return next(one for one in found if one.key == "sales/asker")


def external(condition: dict[str, Any] | None, generation: int = 1, synced: str = "1-abc", **spec: Any) -> Seen:
    """A place with the asker's ExternalSecret as external-secrets leaves it."""
    thing = {
        "metadata": {"namespace": "sales", "name": "asker", "generation": generation},
        "spec": {
            "data": [
                {"secretKey": "LAB_API_KEY", "remoteRef": {"key": "prod--shared--lab", "property": "key"}},
                {"secretKey": "POSTGRES_URL", "remoteRef": {"key": "prod--shared--memory", "property": "url"}},
            ],
            **spec,
        },
        "status": {
            "conditions": [{"type": "Ready", **condition}] if condition else [],
            "refreshTime": "2026-11-21T11:48:00Z",
            "syncedResourceVersion": synced,
        },
    }
    return Seen(Place("prod", "main", True, "prod", None, "", {"sales": "sales"}), {("sales", "asker"): thing}, {})


READY = {"status": "True", "reason": "SecretSynced", "message": "secret synced"}


def test_what_was_read_since_the_last_change_is_synced(fleet: Fleet) -> None:
    of = of_asker(fleet)
    found = judged(of, external(READY), fleet.catalog)
    assert (found.state, found.differs, found.refreshed) == ("synced", False, "2026-11-21T11:48:00Z")
    [_, _, table] = screen([Row(of, "prod", "main", found)], {}, fleet.catalog, NOW, False)
    assert [row[-1] for row in getattr(table, "rows", ())] == ["synced 12 min ago"] * 2


def test_what_was_not_read_since_the_last_change_waits(fleet: Fleet) -> None:
    assert judged(of_asker(fleet), external(READY, generation=2), fleet.catalog).state == "waiting"
    assert judged(of_asker(fleet), external(None, synced=""), fleet.catalog).state == "waiting"


def test_of_a_failure_the_reference_that_is_missing_is_named_and_the_others_are_not_blamed(fleet: Fleet) -> None:
    of = of_asker(fleet)
    message = "error processing spec.data[1] (key: prod--shared--memory), err: Secret does not exist"
    failed = {"status": "False", "reason": "SecretSyncedError", "message": "could not get secret data from provider"}
    seen = external(failed)
    assert judged(of, seen, fleet.catalog).message == "could not get secret data from provider"
    seen.told = {("sales", "asker"): message}
    found = judged(of, seen, fleet.catalog)
    assert (found.state, found.failing, found.message) == ("failed", ("POSTGRES_URL",), message)
    _, _, table, *rest = screen([Row(of, "prod", "main", found)], {}, fleet.catalog, NOW, False)
    assert [row[-1] for row in getattr(table, "rows", ())] == ["unknown", "failed"]
    assert f"sales/asker in prod: failed: SecretSyncedError: {message}" in rest


def test_references_in_the_cluster_that_are_not_the_definitions_are_told(fleet: Fleet) -> None:
    other = [{"secretKey": "LAB_API_KEY", "remoteRef": {"key": "prod--shared--other", "property": "key"}}]
    assert judged(of_asker(fleet), external(READY, data=other), fleet.catalog).differs


def test_an_agent_without_an_external_secret_and_a_place_out_of_reach_are_told_apart(fleet: Fleet) -> None:
    seen = external(READY)
    assert judged(of_asker(fleet), Seen(seen.place, {}, {}), fleet.catalog).state == "absent"
    assert judged(of_asker(fleet), Seen(seen.place, None, fault="away"), fleet.catalog).state == "unknown"


def test_a_store_that_does_not_answer_is_told_though_external_secrets_calls_it_ready(fleet: Fleet) -> None:
    seen = external(READY)
    ready = {"type": "Ready", "status": "True", "reason": "ValidationUnknown", "message": "could not be validated"}
    seen.stores = {"sales": {"metadata": {}, "status": {"conditions": [ready]}}}
    assert judged(of_asker(fleet), seen, fleet.catalog).store_fault == "ValidationUnknown: could not be validated"


@pytest.mark.parametrize(
    "said",
    [
        f"could not read {VALUE} from the store",
        "permission denied: token=correct-horse-battery",
        'unexpected answer {"password": "correct-horse-battery"}',
        "Authorization: Bearer correct-horse-battery",
        "postgres://agent:correct-horse-battery@db/agents is no JSON",
    ],
)
def test_a_stores_message_is_shown_without_what_looks_like_a_secret(fleet: Fleet, said: str) -> None:
    of = of_asker(fleet)
    seen = external({"status": "False", "reason": "SecretSyncedError", "message": "could not get secret data"})
    seen.told = {("sales", "asker"): said}
    ready = {"type": "Ready", "status": "False", "reason": "ValidationFailed", "message": said}
    seen.stores = {"sales": {"metadata": {}, "status": {"conditions": [ready]}}}
    found = judged(of, seen, fleet.catalog)
    shown = str(screen([Row(of, "prod", "main", found)], {}, fleet.catalog, NOW, False))
    assert "the store of sales in prod: ValidationFailed: " in shown
    assert "sales/asker in prod: failed: SecretSyncedError: " in shown
    for text in (shown, str(found)):
        assert VALUE not in text
        assert "correct-horse" not in text


def test_a_long_message_is_cut_after_it_was_masked(fleet: Fleet) -> None:
    seen = external({"status": "False", "reason": "E", "message": "x" * 285 + " " + VALUE})
    found: Synced = judged(of_asker(fleet), seen, fleet.catalog)
    assert len(found.message) <= 300
    assert "sk-ant" not in found.message


def test_a_broken_definition_is_not_said_to_need_no_secret(folder: Path) -> None:
    path = folder / "agents/sales/asker.yaml"
    path.write_text(path.read_text("utf-8") + "secrets: {A: nope}\n", "utf-8")
    done = roster(folder, "secrets", "asker")
    assert done.stdout == ""
    assert "`roster check` finds errors in them: agents/sales/asker.yaml" in done.stderr
    assert "asker" not in roster(folder, "secrets", "writer").stderr, "nobody asked for it"
