"""What the real scanners find: planted faults, each where it is mended; what is waived; and never a secret's value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from scanned_pieces import KEY, kind_of, piece, pieces_of, program, small, waiver

from ci.formats import FORMATS
from ci.scan.build_files import dockerfiles
from ci.scan.checkov import checkov, checkov_python
from ci.scan.piece import Hit, Piece, ScannerFailure
from ci.scan.scan import scan
from ci.scan.staging import stage
from ci.scan.verdict import Verdict, judge, unused
from components.definition.findings import Finding
from components.fleet import Fleet

TODAY = "2026-11-21"
WRITER, SIZED, ADA = "agents/business/writer.yaml", "agents/business/sized.yaml", "agents/community/ada.yaml"
WORKFLOW = """\
on: [issues]
permissions: {}
jobs:
  greet:
    runs-on: ubuntu-24.04
    steps:
      - run: echo "${{ github.event.issue.title }}"
"""
EXCUSED = f"""\
# checkov:skip=CKV_DOCKER_8: it must
FROM a:1
USER root
ENV KEY={KEY} # pragma: allowlist secret
"""
KEYED = """\
version: 1
description: Holds a key that somebody pasted.
owner: growth
runtime: fastapi
model: {name: claude-sonnet-4-5}
prompt: {file: keyed.md}
"""
# What scanners find of every agent; the sample fleet's waivers say why.
BY_DESIGN = {
    "checkov/CKV_K8S_15",
    "checkov/CKV_K8S_43",
    "kube-score/container-image-pull-policy",
    "kube-score/deployment-has-host-podantiaffinity",
    "kube-score/deployment-replicas",
    "kube-score/deployment-strategy",
}


def planted(of: Fleet) -> list[Piece]:
    """Objects of agents, each with one fault."""
    privileged = kind_of(of, WRITER, "Deployment")
    container(privileged)["securityContext"]["privileged"] = True
    unlimited = kind_of(of, SIZED, "Deployment")
    del container(unlimited)["resources"]["limits"]
    keyed = kind_of(of, "agents/business/keyed.yaml", "ConfigMap")
    keyed["data"]["prompt.md"] = f"Be kind.\nThe key is {KEY}.\n"
    # Given only because others are judged by it: it is another change's to mend.
    seen = kind_of(of, "agents/business/keyed.yaml", "Deployment")
    container(seen)["securityContext"]["privileged"] = True
    return [
        replace(piece(seen, "agents/business/keyed.yaml", of), context=True),
        piece(privileged, WRITER, of),
        piece(unlimited, SIZED, of),
        piece(kind_of(of, ADA, "Deployment"), ADA, of),
        piece(keyed, "agents/business/keyed.yaml", of),
    ]


def container(deployment: dict[str, object]) -> dict[str, dict[str, object]]:
    """Its only container."""
    found: dict[str, dict[str, object]] = deployment["spec"]["template"]["spec"]["containers"][0]  # type: ignore[index]
    return found


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    # The prompt with the key is not read through `check`, which would refuse it before any scanner.
    return small({"business/keyed.yaml": KEYED, "business/keyed.md": "Be kind.\n"})


@pytest.fixture(scope="module")
def hits(fleet: Fleet) -> list[Hit]:
    programs = {name: program(name) for name in ("kube-score", "kubeconform")}
    unknown = kind_of(fleet, WRITER, "Service")
    unknown["spec"]["portz"] = []
    excused = kind_of(fleet, SIZED, "ConfigMap")
    excused["data"]["prompt.md"] = f"Use {KEY} # pragma: allowlist secret\n"
    pieces = [
        *planted(fleet),
        piece(unknown, WRITER, fleet),
        piece(excused, SIZED, fleet),
        Piece("dockerfile", "FROM debian:latest\nUSER 1\n", "agents/business/writer/Dockerfile"),
        Piece("dockerfile", EXCUSED, "agents/x/Dockerfile"),
        Piece("workflow", WORKFLOW, ".github/workflows/greet.yaml"),
    ]
    return scan(pieces, checkov_python(), programs).hits


@pytest.fixture(scope="module")
def findings(hits: list[Hit], fleet: Fleet) -> list[Finding]:
    return judge(hits, fleet, TODAY).findings


def of_rule(findings: list[Finding], rule: str) -> list[Finding]:
    return [one for one in findings if one.rule == rule]


def test_a_privileged_container_is_found_by_two_scanners(findings: list[Finding]) -> None:
    (found,) = of_rule(findings, "checkov/CKV_K8S_16")
    assert (found.file, found.agent, found.severity) == (WRITER, "business/writer", "error")
    assert "Deployment writer in prod" in found.message
    assert of_rule(findings, "kube-score/container-security-context-privileged")


def test_missing_limits_are_shown_at_the_definitions_resources(findings: list[Finding]) -> None:
    for rule in ("checkov/CKV_K8S_11", "checkov/CKV_K8S_13", "kube-score/container-resources"):
        (found,) = of_rule(findings, rule)
        assert (found.file, found.line, found.column) == (SIZED, 7, 12)


def test_what_an_object_says_of_itself_excuses_it_from_nothing(findings: list[Finding], fleet: Fleet) -> None:
    annotations = kind_of(fleet, SIZED, "Deployment")["metadata"]["annotations"]
    assert annotations["kube-score/ignore"] == "container-resources"
    assert of_rule(findings, "kube-score/container-resources")


def test_the_newest_of_an_image_and_root_are_found_in_a_dockerfile(findings: list[Finding]) -> None:
    (found,) = of_rule(findings, "checkov/CKV_DOCKER_7")
    assert (found.file, found.line) == ("agents/business/writer/Dockerfile", 1)


def test_a_title_put_into_a_workflows_script_is_found(findings: list[Finding]) -> None:
    (found,) = of_rule(findings, "checkov/CKV_GHA_2")
    assert found.file == ".github/workflows/greet.yaml"
    assert found.line in (6, 7)


def test_a_field_that_kubernetes_does_not_know_is_found_by_kubeconform(findings: list[Finding]) -> None:
    (found,) = of_rule(findings, "kubeconform/invalid")
    assert "portz" in found.message
    assert "waiver" not in found.message


def test_a_pasted_key_is_found_and_its_value_stands_nowhere(findings: list[Finding]) -> None:
    found = of_rule(findings, "checkov/CKV_SECRET_2")
    assert {one.file for one in found} == {"agents/business/keyed.yaml", SIZED, "agents/x/Dockerfile"}
    assert all("AWS Access Key" in one.message for one in found)
    for shape in FORMATS.values():
        text = shape(findings)
        assert KEY not in text
        assert KEY[4:12] not in text


def test_a_text_that_asks_detectors_to_look_away_is_read_all_the_same(findings: list[Finding]) -> None:
    found = {one.file: one.line for one in of_rule(findings, "checkov/CKV_SECRET_2")}
    assert SIZED in found
    assert found["agents/x/Dockerfile"] == 4


def test_a_made_up_key_of_the_scans_own_is_no_finding(hits: list[Hit]) -> None:
    assert {one.piece.source for one in hits if one.check.startswith("CKV_SECRET_")} == {
        "agents/business/keyed.yaml",
        SIZED,
        "agents/x/Dockerfile",
    }


def test_a_check_that_an_object_or_a_file_skips_by_itself_is_a_finding(findings: list[Finding]) -> None:
    (annotated,) = of_rule(findings, "checkov/CKV_K8S_20")
    assert annotated.file == ADA
    assert "asks scanners to look away" in annotated.message
    (commented,) = of_rule(findings, "checkov/CKV_DOCKER_8")
    assert commented.file == "agents/x/Dockerfile"


def test_a_waiver_lets_a_skipped_check_pass_until_it_ends(hits: list[Hit]) -> None:
    def verdict(expires: str) -> Verdict:
        files = {"catalog/waivers/skip.yaml": waiver("checkov/CKV_K8S_20", "community/ada", expires)}
        return judge([one for one in hits if one.check == "CKV_K8S_20"], small(files), TODAY)

    held = verdict("2026-11-22")
    assert (held.findings, held.waived) == ([], 1)
    (found,) = verdict("2026-11-21").findings
    assert "agents/catalog/waivers/skip.yaml held it back until 2026-11-21" in found.message


def test_a_waiver_holds_for_what_it_names_and_no_more(hits: list[Hit]) -> None:
    of = small({"catalog/waivers/limits.yaml": waiver("checkov/CKV_K8S_11", "community/*")})
    assert of_rule(judge(hits, of, TODAY).findings, "checkov/CKV_K8S_11")
    of = small({"catalog/waivers/limits.yaml": waiver("checkov/CKV_K8S_11", "business/*")})
    verdict = judge(hits, of, TODAY)
    assert not of_rule(verdict.findings, "checkov/CKV_K8S_11")
    assert of_rule(verdict.findings, "checkov/CKV_K8S_13")


def test_a_waiver_that_no_scanner_needs_is_said(hits: list[Hit]) -> None:
    files = {
        "catalog/waivers/none.yaml": waiver("checkov/CKV_K8S_1", "business/*"),
        "catalog/waivers/used.yaml": waiver("checkov/CKV_K8S_11", "business/*"),
        "catalog/waivers/other.yaml": waiver("kube-score/none", "business/*"),
    }
    of = small(files)
    found = unused(of, judge(hits, of, TODAY), ["checkov"], TODAY)
    assert [(one.file, one.severity) for one in found] == [("agents/catalog/waivers/none.yaml", "warning")]


def test_of_agents_as_they_are_rendered_scanners_find_nothing_but_what_is_so_by_design() -> None:
    of = small()
    programs = {name: program(name) for name in ("kube-score", "kubeconform")}
    pieces = [one for path in (WRITER, SIZED, ADA) for one in pieces_of(of, path)]
    scanned = scan([*pieces, *dockerfiles(of, None)], checkov_python(), programs)
    assert scanned.passed > 100
    assert {one.rule for one in scanned.hits if not one.skipped} <= BY_DESIGN
    assert any(one.manifest and one.manifest["kind"] == "ExternalSecret" for one in pieces)


def test_neither_the_repository_nor_the_user_nor_the_environment_makes_checkov_look_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = checkov_python()
    (tmp_path / ".checkov.yaml").write_text("skip-check: [CKV_DOCKER_7]\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CKV_SKIP_CHECK", "CKV_DOCKER_7")
    monkeypatch.setenv("CKV_FRAMEWORK", "kubernetes")
    found = scan([Piece("dockerfile", "FROM debian:latest\nUSER 1\n", "agents/x/Dockerfile")], python, {}).hits
    assert "CKV_DOCKER_7" in {one.check for one in found}


def test_a_file_that_is_not_searched_for_secrets_is_a_failure(tmp_path: Path) -> None:
    of = small()
    config = kind_of(of, WRITER, "ConfigMap")
    # More than Checkov opens for its secrets.
    config["data"]["prompt.md"] = f"Use {KEY}.\n" + "word " * 1_100_000
    staged = stage(tmp_path / "staged", [piece(config, WRITER, of)])
    # The objects' own run takes seconds for such a file, and is not what is tried here.
    staged.objects.clear()
    with pytest.raises(ScannerFailure, match=r"Checkov read 0 of 1 \(secrets, secrets\)"):
        checkov(staged, checkov_python())


def test_an_object_that_checkov_does_not_read_is_a_failure_and_not_clean() -> None:
    of = small()
    first, second = kind_of(of, WRITER, "Deployment"), kind_of(of, WRITER, "Service")
    both = piece(first, WRITER, of)
    two = Piece(
        "object",
        f"{both.text}---\n{piece(second, WRITER, of).text.replace('kind: Service', 'kind: 7')}",
        WRITER,
        "prod",
        "business",
        both.agent,
        first,
    )
    alone = Piece("object", "- not\n- an object\n", WRITER, "prod", "business", both.agent, second)
    with pytest.raises(ScannerFailure, match=r"Checkov read \d of \d \(kubernetes, prod/business\)"):
        scan([two, alone], checkov_python(), {})
