"""How a job logs in to a registry, with command line tools that write down how they were called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
# What a tool prints is its own name; what it is told, by arguments and on standard input, is kept.
TOOL = """#!/usr/bin/env bash
echo "$(basename "$0") $*" >>"$CALLS"
[ "$(basename "$0")" != docker ] || cat >>"$CALLS"
[ -z "${FAILING:-}" ] || { echo "no such role" >&2; exit 1; }
echo "token-of-$(basename "$0")"
"""
AZURE = {"AZURE_CLIENT_ID": "client", "AZURE_TENANT_ID": "tenant"}


class Job:
    """A job of a CI: tools, and what is set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        for name in ("docker", "aws", "gcloud", "az"):
            (folder / name).write_text(TOOL, "utf-8")
            (folder / name).chmod(0o755)

    def login(self, registry: str, **variables: str) -> tuple[int, str, list[str]]:
        """Exit code, what was said, and how the tools were called."""
        environ = {"PATH": f"{self.folder}:{os.environ['PATH']}", "CALLS": str(self.calls), "PYTHONPATH": str(TOP)}
        done = subprocess.run(
            [sys.executable, "-m", "ci.registry_access", registry],
            env=environ | variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        called = self.calls.read_text("utf-8").splitlines() if self.calls.exists() else []
        return done.returncode, done.stdout + done.stderr, called


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


@pytest.mark.parametrize(
    ("registry", "variables", "called"),
    [
        (
            "ghcr.io/example/roster",
            {"GITHUB_ACTOR": "bot", "GITHUB_TOKEN": "given"},
            ["docker login ghcr.io --username bot --password-stdin", "given"],
        ),
        (
            "registry.git.example.com/platform/roster",
            {"CI_REGISTRY": "registry.git.example.com", "CI_REGISTRY_USER": "job", "CI_REGISTRY_PASSWORD": "given"},
            ["docker login registry.git.example.com --username job --password-stdin", "given"],
        ),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/roster",
            {},
            [
                "aws ecr get-login-password --region eu-west-1",
                "docker login 123456789012.dkr.ecr.eu-west-1.amazonaws.com --username AWS --password-stdin",
                "token-of-aws",
            ],
        ),
        (
            "europe-west1-docker.pkg.dev/project/roster",
            {},
            [
                "gcloud auth application-default print-access-token",
                "docker login europe-west1-docker.pkg.dev --username oauth2accesstoken --password-stdin",
                "token-of-gcloud",
            ],
        ),
    ],
    ids=["GitHub", "GitLab", "AWS", "Google"],
)
def test_each_registry_is_given_what_it_takes_and_no_secret_stands_on_a_command_line(
    job: Job, registry: str, variables: dict[str, str], called: list[str]
) -> None:
    code, said, did = job.login(registry, **variables)
    assert code == 0, said
    assert did == called
    assert "given" not in said
    assert "token-of" not in said


def test_azure_takes_the_jobs_identity(job: Job, tmp_path: Path) -> None:
    (tmp_path / "federated").write_text("identity", "utf-8")
    code, said, did = job.login(
        "example.azurecr.io/roster", **AZURE, AZURE_FEDERATED_TOKEN_FILE=str(tmp_path / "federated")
    )
    assert code == 0, said
    assert did[0].startswith("az login --service-principal --username client --tenant tenant --federated-token ")
    assert did[-1] == "token-of-az"


@pytest.mark.parametrize(
    ("registry", "variables", "missing"),
    [
        ("ghcr.io/example/roster", {"GITHUB_ACTOR": "bot"}, "GITHUB_TOKEN is not set"),
        ("example.azurecr.io/roster", {}, "ROSTER_AZURE_CLIENT and ROSTER_AZURE_TENANT are not set"),
        ("1.dkr.ecr.eu-west-1.amazonaws.com/x", {"FAILING": "1"}, "aws ecr failed: no such role"),
    ],
)
def test_what_is_missing_is_named_and_nobody_is_logged_in(
    job: Job, registry: str, variables: dict[str, str], missing: str
) -> None:
    code, said, did = job.login(registry, **variables)
    assert code == 2
    assert missing in said
    assert "Traceback" not in said
    assert not [one for one in did if one.startswith("docker")]


def test_a_registry_that_nobody_knows_is_left_to_the_login_that_is_there(job: Job) -> None:
    code, said, did = job.login("registry.example.com/roster")
    assert (code, did) == (0, [])
    assert "a login that is there already is used" in said
