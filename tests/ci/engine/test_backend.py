"""Which backend is in use, and what is said before it is asked. `pulumi` is a script that echoes its URL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ci.engine.backend import Backend, open_backend
from ci.engine.failure import EngineError
from ci.engine.program import Engine

EMPTY = {"PULUMI_CONFIG_PASSPHRASE": ""}


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    path = tmp_path / "pulumi"
    path.write_text('#!/bin/sh\necho "{\\"url\\": \\"${PULUMI_BACKEND_URL:-chosen by pulumi}\\"}"\n', "utf-8")
    path.chmod(0o755)
    (tmp_path / "Pulumi.yaml").write_text("name: roster\n", "utf-8")
    return Engine(path, (3, 300, 0))


def _open(engine: Engine, **environ: str) -> Backend:
    top = engine.path.parent
    return open_backend(engine, top, {"PATH": "/usr/bin:/bin", "PULUMI_HOME": str(top / "home")} | environ)


def _kind(engine: Engine, **environ: str) -> tuple[str, str]:
    with pytest.raises(EngineError) as caught:
        _open(engine, **environ)
    return caught.value.kind, str(caught.value)


def test_with_nothing_said_it_is_the_file_backend_for_every_run(engine: Engine) -> None:
    backend = _open(engine, **EMPTY)
    assert backend == Backend("file://~", "passphrase", {"PULUMI_BACKEND_URL": "file://~"})


def test_a_url_goes_before_the_project_and_the_project_before_the_login(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home/credentials.json").write_text(json.dumps({"current": "https://api.pulumi.com"}), "utf-8")
    assert _open(engine).secrets_provider == ""
    (tmp_path / "Pulumi.yaml").write_text("name: roster\nbackend: {url: gs://states}\n", "utf-8")
    assert _open(engine, **EMPTY) == Backend("chosen by pulumi", "passphrase")
    assert _open(engine, **EMPTY, PULUMI_BACKEND_URL="s3://b").url == "s3://b"


def test_a_job_in_ci_must_name_a_backend_that_outlives_it(engine: Engine) -> None:
    kind, message = _kind(engine, **EMPTY, CI="true")
    assert kind == "no-backend"
    assert "PULUMI_BACKEND_URL" in message


@pytest.mark.parametrize("url", ["file:///states", "s3://b", "gs://b", "azblob://b"])
def test_a_missing_passphrase_is_named_and_an_empty_one_is_set(engine: Engine, url: str) -> None:
    kind, message = _kind(engine, PULUMI_BACKEND_URL=url)
    assert kind == "no-passphrase"
    assert "PULUMI_CONFIG_PASSPHRASE" in message
    assert "ROSTER_SECRETS_PROVIDER" in message
    assert _open(engine, PULUMI_BACKEND_URL=url, **EMPTY).secrets_provider == "passphrase"
    assert _open(engine, PULUMI_BACKEND_URL=url, PULUMI_CONFIG_PASSPHRASE_FILE="/f").secrets_provider == "passphrase"


def test_another_secrets_provider_needs_no_passphrase(engine: Engine) -> None:
    key = "awskms://alias/roster?region=eu-west-1"
    assert _open(engine, PULUMI_BACKEND_URL="s3://b", ROSTER_SECRETS_PROVIDER=key).secrets_provider == key


def test_a_password_in_the_url_is_not_shown(engine: Engine) -> None:
    engine.path.write_text("#!/bin/sh\necho 'error: AccessDenied' >&2; exit 1\n", "utf-8")
    kind, message = _kind(engine, PULUMI_BACKEND_URL="s3://key:hunter2@b?x=hunter2", **EMPTY)
    assert kind == "backend-refused"
    assert "s3://b" in message
    assert "hunter2" not in message


def test_a_folder_without_a_project_is_named(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").unlink()
    assert _kind(engine, **EMPTY)[1].startswith(f"{tmp_path} has no Pulumi.yaml")
