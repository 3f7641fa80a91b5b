"""Findings stand in the file that somebody wrote, at the field that decides."""

from __future__ import annotations

from pathlib import Path

import pytest
from scanned_pieces import FILES, KEY, kind_of, piece, small
from small_fleet import MINIMAL

from ci.scan.choice import everything
from ci.scan.fields import BY_CHECK, BY_KIND
from ci.scan.piece import Hit, Piece
from ci.scan.places import Places
from ci.scan.verdict import judge
from components.definition.agent import Settings
from components.fleet import Fleet

WRITER = "agents/business/writer.yaml"
FULL = (
    MINIMAL
    + """\
image: docker.io/example/writer:1
resources: {limits: {memory: 2Gi}}
probes: {liveness: /live}
hosts: [crm.example.com]
scaling: {min: 3, max: 4}
overrides:
  dev:
    image: docker.io/example/writer:2
"""
)


def place(text: str, check: str, kind: str = "Deployment", environment: str = "prod") -> tuple[str, int, int]:
    """Where a finding of a check stands in a definition."""
    of = small({"business/writer.yaml": text})
    return Places(of).of(Hit("checkov", check, "", piece(kind_of(of, WRITER, kind), WRITER, of, environment)))


@pytest.mark.parametrize(
    ("check", "kind", "line"),
    [
        ("CKV_K8S_43", "Deployment", 7),
        ("CKV_K8S_11", "Deployment", 8),
        ("container-resources", "Deployment", 8),
        ("pod-probes", "Deployment", 9),
        ("CKV2_K8S_6", "Deployment", 10),
        ("deployment-replicas", "Deployment", 11),
        ("CKV_K8S_1", "PodDisruptionBudget", 11),
        ("CKV_K8S_1", "NetworkPolicy", 10),
        ("CKV_K8S_1", "ConfigMap", 6),
        ("CKV_K8S_1", "ServiceAccount", 4),
    ],
)
def test_a_finding_stands_at_the_field_that_decides_what_is_checked(check: str, kind: str, line: int) -> None:
    assert place(FULL, check, kind)[:2] == (WRITER, line)


def test_without_the_field_it_stands_at_the_runtime() -> None:
    assert place(MINIMAL, "CKV_K8S_11") == (WRITER, 4, 10)


def test_what_an_environment_overrides_comes_first_there() -> None:
    assert place(FULL, "CKV_K8S_43", environment="dev")[:2] == (WRITER, 14)


def test_the_fields_are_fields_of_a_definition() -> None:
    known = {*Settings.model_fields, "runtime"}
    for fields in (*BY_CHECK.values(), *BY_KIND.values()):
        assert set(fields) <= known


def test_a_secret_stands_in_the_file_and_line_that_it_was_pasted_into() -> None:
    text = MINIMAL.replace("{text: You answer questions.}", "{file: writer.md}")
    of = small({"business/writer.yaml": text, "business/writer.md": f"Be kind.\n\nUse {KEY}.\n"})
    config = Piece("object", "", WRITER, "prod", "business", small().examine(WRITER).resolved["prod"], {"kind": "x"})
    assert Places(of).of(Hit("checkov", "CKV_SECRET_2", "", config)) == ("agents/business/writer.md", 3, 1)


def test_a_pools_object_stands_at_the_pool_and_the_platforms_at_the_environment() -> None:
    of = small()
    pools = of.catalog.documents["pools"].text.splitlines()
    environments = of.catalog.documents["environments"].text.splitlines()
    for one in everything(of, Path("/nowhere")):
        if one.kind != "object" or one.agent is not None:
            continue
        file, line, _ = Places(of).of(Hit("checkov", "CKV_K8S_1", "", one))
        if one.pool:
            assert (file, pools[line - 1]) == ("agents/catalog/pools.yaml", f"{one.pool}:")
        else:
            assert (file, environments[line - 1]) == ("agents/catalog/environments.yaml", f"{one.environment}:")


def test_a_dockerfile_and_a_workflow_stand_at_their_own_line() -> None:
    of = small()
    for kind, source in (
        ("dockerfile", "components/images/fastapi/Dockerfile.j2"),
        ("workflow", ".github/workflows/a.yaml"),
    ):
        assert Places(of).of(Hit("checkov", "x", "", Piece(kind, "", source), 12)) == (source, 12, 1)  # type: ignore[arg-type]


def test_what_is_so_in_several_environments_is_said_once() -> None:
    of: Fleet = small()
    hits = [
        Hit(
            "checkov",
            "CKV_K8S_43",
            "Image should use digest",
            piece(kind_of(of, WRITER, "Deployment"), WRITER, of, one),
        )
        for one in ("dev", "prod")
    ]
    (found,) = judge(hits, of, "2026-11-21").findings
    assert found.message == (
        "Deployment writer in dev, prod: Image should use digest; mend it, or have the security team answer for it "
        "with a waiver (docs/scanning.md)"
    )
    assert (found.file, found.agent, found.rule) == (WRITER, "business/writer", "checkov/CKV_K8S_43")
    assert FILES["business/writer.yaml"].splitlines()[found.line - 1] == "runtime: fastapi"
