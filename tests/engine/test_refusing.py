"""What `roster` says when something is not as it should be: one message, an exit code, nothing half done."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from engine import IDLE, SHARD
from repository import Repository, new_repository, saying

OTHER_HOST = "runner-7"


@pytest.fixture(scope="module")
def made(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    made = new_repository(tmp_path_factory.mktemp("refusing"), {"one": IDLE, "two": IDLE})
    try:
        made.apply("--environment", "dev")
        yield made
    finally:
        made.remove()


@pytest.fixture
def repository(made: Repository) -> Iterator[Repository]:
    """The repository with a change of the agent `one` that is to be refused; nothing of it may reach the cluster."""
    prompt = f"Answer in {datetime.now(UTC):%H%M%S%f} words."
    made.write("one", saying(prompt))
    made.commit()
    yield made
    made.write("one", IDLE)
    made.git("checkout", "--quiet", "HEAD", "--", "agents/catalog")


def _kubeconfig(repository: Repository, tmp_path: Path, **user: Any) -> str:
    content = yaml.safe_load(Path(repository.environment["KUBECONFIG"]).read_text("utf-8"))
    if "token" in user:
        content["users"] = [{"name": one["name"], "user": user} for one in content["users"]]
    else:
        content["contexts"][0]["name"] = content["current-context"] = "another"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(content), "utf-8")
    path.chmod(0o600)
    return str(path)


def _up(repository: Repository, code: int, *words: str, **more: str) -> str:
    """`roster up` in dev, which ends with that code, says these words, and has changed nothing."""
    before = repository.versions()
    done = repository.roster("up", "--environment", "dev", "--wait-minutes", "0.02", **more)
    assert done.code == code, done.text
    assert [word for word in words if word not in done.text] == [], done.text
    assert repository.versions() == before
    return done.text


def test_a_stack_that_does_not_exist_is_named_with_the_nearest(repository: Repository) -> None:
    for command in ("up", "preview", "destroy", "unlock"):
        done = repository.roster(command, "dev.busines.0")
        assert (done.code, "Did you mean 'dev.business.0'" in done.text) == (2, True), done.text
    done = repository.roster("up", "--environment", "production")
    assert (done.code, "no environment 'production'" in done.text) == (2, True), done.text


def test_a_context_that_the_catalog_does_not_name_is_refused(repository: Repository, tmp_path: Path) -> None:
    _up(repository, 6, "context", KUBECONFIG=_kubeconfig(repository, tmp_path))


def test_credentials_that_are_no_longer_good_are_named(repository: Repository, tmp_path: Path) -> None:
    _up(repository, 6, "credentials", KUBECONFIG=_kubeconfig(repository, tmp_path, token="expired"))


def test_another_cluster_behind_the_same_context_is_refused(repository: Repository) -> None:
    def other(content: dict[str, Any]) -> None:
        content["dev"]["clusters"]["one"]["uid"] = "00000000-0000-0000-0000-000000000000"

    repository.catalog("environments", other)
    repository.commit()
    try:
        _up(repository, 6, "00000000-0000-0000-0000-000000000000")
    finally:
        repository.catalog("environments", lambda content: content["dev"]["clusters"]["one"].pop("uid"))
        repository.commit()


def test_a_backend_that_does_not_answer_is_named(repository: Repository) -> None:
    _up(repository, 6, "cannot be used", PULUMI_BACKEND_URL="file:///no/such/folder")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    url = f"s3://states?endpoint=http://127.0.0.1:{port}&region=x&s3ForcePathStyle=true"
    _up(repository, 6, "s3://states", PULUMI_BACKEND_URL=url, AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")


def test_a_missing_passphrase_is_asked_for(repository: Repository) -> None:
    before = repository.environment.pop("PULUMI_CONFIG_PASSPHRASE")
    try:
        _up(repository, 6, "PULUMI_CONFIG_PASSPHRASE")
    finally:
        repository.environment["PULUMI_CONFIG_PASSPHRASE"] = before


def test_without_a_pulumi_two_lines_say_how_to_get_one(repository: Repository) -> None:
    said = _up(repository, 7, "pulumi.com", PATH="/usr/bin:/bin")
    assert len(said.strip().splitlines()) <= 3, said


def test_a_damaged_state_is_named_and_nothing_of_its_stack_is_run(repository: Repository) -> None:
    path = repository.top / f"state/.pulumi/stacks/roster/{SHARD}.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    try:
        _up(repository, 4, SHARD, "its state is damaged", "pulumi stack import")
        said = repository.roster("stacks", "--since-applied", "--environment", "dev").text
        assert "its state cannot be read" in said
    finally:
        path.write_bytes(whole)


def test_a_broken_definition_is_named_with_its_line(repository: Repository) -> None:
    repository.write("two", IDLE + "scalling: {min: 1}\n")
    repository.commit()
    try:
        _up(repository, 1, "agents/business/two.yaml:8:1", "Did you mean 'scaling'")
    finally:
        repository.write("two", IDLE)
        repository.commit()


@contextmanager
def _locked(repository: Repository, since: datetime) -> Iterator[Path]:
    """A lock of a run on another machine."""
    path = repository.top / f"state/.pulumi/locks/organization/roster/{SHARD}/x.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = {"pid": 4711, "username": "ann", "hostname": OTHER_HOST, "timestamp": since.isoformat()}
    path.write_text(json.dumps(holder), "utf-8")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def test_a_lock_of_another_machine_is_named_and_unlock_asks_for_the_stacks_name(repository: Repository) -> None:
    with _locked(repository, datetime(2026, 1, 1, tzinfo=UTC)) as lock:
        _up(repository, 5, f"ann on {OTHER_HOST}", f"roster unlock {SHARD}")
        refused = repository.roster("unlock", SHARD, "--confirm", "dev.business")
        assert (refused.code, lock.exists()) == (5, True), refused.text
        done = repository.roster("unlock", SHARD, "--confirm", SHARD)
        assert (done.code, lock.exists()) == (0, False), done.text


def _reviewed_only(repository: Repository, wanted: bool) -> None:
    def change(content: dict[str, Any]) -> None:
        content["dev"]["rollout"]["reviewed_only"] = wanted

    repository.catalog("environments", change)
    repository.commit("who may apply what")


def test_reviewed_only_takes_what_a_plan_recorded_and_names_what_none_did(repository: Repository) -> None:
    _reviewed_only(repository, True)
    base = repository.git("rev-parse", "HEAD")
    repository.write("one", saying("Answer as was reviewed."))
    repository.commit()
    _up(repository, 4, "takes reviewed objects only", "names no record", "one")
    assert repository.roster("plan", "--base", base).code == 0
    repository.write("two", saying("Nobody saw this."))
    repository.commit()
    record = repository.top / "out/plan/reviewed.json"
    before = repository.versions()
    done = repository.roster("up", "--environment", "dev", "--reviewed", str(record))
    assert (done.code, "no reviewed commit explains them" in done.text) == (4, True), done.text
    assert "/two" in done.text
    assert repository.versions() == before or "as was reviewed" in repository.prompt("one")
    assert "Nobody saw" not in repository.prompt("two")
    repository.write("two", IDLE)
    repository.commit()
    done = repository.roster("up", "--environment", "dev", "--reviewed", str(record))
    assert done.code == 0, done.text
    assert "as was reviewed" in repository.prompt("one")
    _reviewed_only(repository, False)


def test_drift_names_the_field_and_who_edited_it(repository: Repository) -> None:
    repository.apply("--environment", "dev")
    assert repository.roster("drift", "--environment", "dev").code == 0
    edit = json.dumps({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}})
    repository.kubectl("patch", "deployment", "two", "--type=merge", "-p", edit, "--field-manager=ann-by-hand")
    done = repository.roster("drift", "--environment", "dev")
    assert done.code == 1, done.text
    for word in ("business/two", "terminationGracePeriodSeconds", "ann-by-hand"):
        assert word in done.text, done.text
    assert "business/one" not in done.text


def test_destroy_asks_for_the_name_and_refuses_what_others_need(repository: Repository) -> None:
    before = repository.versions()
    for stack, confirm, code in (
        (SHARD, "dev.business", 2),
        ("dev.business", "dev.business", 4),
        ("dev.platform", "dev.platform", 4),
        ("prod.business.0", "prod.business.0", 2),
    ):
        done = repository.roster("destroy", stack, "--confirm", confirm)
        assert done.code == code, done.text
        assert repository.versions() == before
    done = repository.roster("destroy", SHARD, "--confirm", SHARD)
    assert done.code == 0, done.text
    assert repository.agents() == set()
    protected = repository.roster("destroy", "dev.business", "--confirm", "dev.business")
    assert (protected.code, "protected" in protected.text) == (4, True), protected.text
