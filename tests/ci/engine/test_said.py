"""The engine's words, as a real one said them, and what they are taken for."""

from __future__ import annotations

import pytest

from ci.engine.said import backend_failure, cluster_failure, engine_failure, last_words, refusal, state_failure

UNREACHABLE = "configured Kubernetes cluster is unreachable: unable to load "


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            f'{UNREACHABLE}schema information from the API server: Get "https://x": dial tcp: connection refused',
            "unreachable-cluster",
        ),
        (
            f"{UNREACHABLE}schema information: the server has asked for the client to provide credentials",
            "expired-credentials",
        ),
        (f"{UNREACHABLE}Kubernetes client configuration from kubeconfig file. Make sure you have:", "wrong-cluster"),
    ],
)
def test_three_failures_that_begin_alike_are_told_apart(text: str, kind: str) -> None:
    failure = cluster_failure(f"something else\n{text}\n")
    assert failure is not None
    assert failure.kind == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("error: saving checkpoint: write /states/x.json: no space left on device", "no-disk"),
        ('error: read ".pulumi/meta.yaml": blob (code=Unknown): dial tcp: connection refused', "unreachable-backend"),
        (
            'error: read ".pulumi/meta.yaml": blob: https response error StatusCode: 403, AccessDenied',
            "backend-refused",
        ),
        ("error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions", "backend-refused"),
        ("error: get stack secrets manager: passphrase must be set with PULUMI_CONFIG_PASSPHRASE", "no-passphrase"),
        ("error: get stack secrets manager: incorrect passphrase", "no-passphrase"),
    ],
)
def test_failures_of_a_backend_are_told_apart(text: str, kind: str) -> None:
    failure = backend_failure(text)
    assert failure is not None
    assert failure.kind == kind


def test_a_state_that_cannot_be_read_says_the_stack_and_the_way_back() -> None:
    failure = state_failure("dev.a.0", "error: failed to load checkpoint: place 1: unexpected end of JSON input")
    assert failure is not None
    assert failure.kind == "damaged-state"
    assert failure.message.startswith("dev.a.0: its state is damaged (failed to load checkpoint")
    assert "pulumi stack import --stack dev.a.0" in failure.message


def test_a_plugin_that_cannot_be_fetched_is_named_with_the_command_that_gets_it() -> None:
    text = "error: Could not automatically download and install resource plugin 'pulumi-resource-kubernetes'"
    failure = engine_failure(text)
    assert failure is not None
    assert failure.kind == "missing"
    assert "pulumi plugin install resource kubernetes v4." in failure.message


def test_an_ordinary_error_is_none_of_these() -> None:
    text = "error: Deployment business/a: progress deadline exceeded; exceeded quota: pool"
    assert cluster_failure(text) is None
    assert engine_failure(text) is None
    assert state_failure("dev.a.0", text) is None


def test_the_programs_refusal_is_what_it_said_and_no_more() -> None:
    said = "agents/a/b.yaml:1:1: error: x\nagents/a/c.yaml:2:1: error: y"
    assert refusal(f"{said}\nnothing was registered; everything stays as it is") == said
    assert refusal("something else") == ""


def test_the_last_words_leave_out_what_every_failure_says() -> None:
    assert last_words("warning: x\nerror: the real one\nerror: update failed\n") == "the real one"


@pytest.mark.parametrize(
    ("text", "kind", "way_out"),
    [
        (
            (
                "error: Program failed with an unhandled exception:\n"
                "ModuleNotFoundError: No module named 'pulumi_policy'\n"
                "error: policy pack not started: could not read policy pack port: io: read/write on closed pipe"
            ),
            "missing",
            "ci/environment.sh",
        ),
        (
            'error: failed to load Pulumi policy project located at "policies": open policies/PulumiPolicy.yaml',
            "broken",
            "policies/PulumiPolicy.yaml",
        ),
    ],
)
def test_policies_that_cannot_be_judged_begin_nothing_and_say_the_way_out(text: str, kind: str, way_out: str) -> None:
    failure = engine_failure(text)
    assert failure is not None
    assert failure.kind == kind
    assert way_out in failure.message
    assert "nothing was begun" in failure.message
