"""What `roster check` says of records of images, and of runtimes that cannot be built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_fleet import roster, write_fleet

from ci.images.fleet_checks import image_findings, template_findings
from components.definition.findings import Finding, InvalidInput
from components.definition.tree import WorkTree
from components.fleet import Fleet

TODAY = "2026-11-21"
RECORD, OTHER = "agents/catalog/images/service-1.yaml", "agents/catalog/images/service-2.yaml"
EXCEPTION = "agents/catalog/exceptions/openssl.yaml"
EXCEPTED = {
    "vulnerability": "CVE-2026-1000", "package": "openssl", "version": "3.0.11-1",
    "exception": EXCEPTION, "findings": 1,
}  # fmt: skip


@pytest.fixture
def top(tmp_path: Path) -> Path:
    write_fleet(tmp_path)
    (tmp_path / "components/images/service/Dockerfile.j2").write_text("FROM {{ base_image }}\n")
    (tmp_path / "components/images/character/Dockerfile.j2").write_text("FROM {{ base_image }}\n")
    return tmp_path


def record(top: Path, path: str = RECORD, scan: dict[str, Any] | None = None, **changes: Any) -> None:
    """A record that nothing is wrong with but for the changes."""
    counts = {"scanner": "trivy 0.70.0", "database": TODAY, "critical": 0, "high": 3, "medium": 2, "low": 1}
    content = {
        "image": "registry.example.com/roster/service", "context_hash": "c0" * 32, "digest": f"sha256:{'1d' * 32}",
        "built": TODAY, "scan": counts | (scan or {}),
    }  # fmt: skip
    write(top, path, {key: value for key, value in (content | changes).items() if value is not None})


def write(top: Path, path: str, content: dict[str, Any]) -> None:
    """JSON is YAML too, and every text is in quotes there."""
    (top / path).parent.mkdir(parents=True, exist_ok=True)
    (top / path).write_text(json.dumps(content, indent=1))


def exception(top: Path, **changes: Any) -> None:
    content = {
        "vulnerability": "CVE-2026-1000", "package": "openssl", "images": ["runtime:service"], "owner": "red",
        "reason": "The server of openssl is not started.", "created": "2026-11-01", "expires": "2026-12-20",
    }  # fmt: skip
    write(top, EXCEPTION, content | changes)


def found(top: Path, today: str = TODAY) -> list[Finding]:
    """What is said of images."""
    fleet = Fleet.open(WorkTree(top))
    return sorted([*image_findings(fleet, today), *template_findings(fleet)])


def rules(top: Path, today: str = TODAY) -> list[tuple[str, str]]:
    """File and rule of what is said."""
    return [(one.file, one.rule) for one in found(top, today)]


def test_a_record_that_the_images_job_makes_is_believed(top: Path) -> None:
    record(top)
    assert found(top) == []


def test_check_says_all_of_it_on_the_day_that_it_is_asked_for(top: Path) -> None:
    record(top, built="2026-11-22", scan={"critical": 1})
    (top / "components/images/service/Dockerfile.j2").unlink()
    done = roster(top, "check", "--today", TODAY)
    assert done.returncode == 1
    for rule in ("record-from-the-future", "record-above-gate", "missing-file"):
        assert f"[{rule}]" in done.stdout
    assert "record-from-the-future" not in roster(top, "check", "--today", "2026-11-22").stdout


def test_a_day_that_is_not_come_yet_is_refused_at_its_line_and_believed_once_it_has_come(top: Path) -> None:
    record(top, built="2026-11-22", scan={"database": "2026-11-24"})
    said = found(top)
    assert [one.rule for one in said] == ["record-from-the-future"] * 2
    lines = (top / RECORD).read_text().splitlines()
    for one, day in zip(said, ("2026-11-22", "2026-11-24"), strict=True):
        assert day in lines[one.line - 1]
        assert day in one.message
    assert found(top, "2026-11-23") == [], "a database may be a day ahead, as at the gate"


def test_a_day_that_no_calendar_has_is_refused(top: Path) -> None:
    record(top, built="2026-02-30")
    with pytest.raises(InvalidInput, match="built: '2026-02-30': there is no such day"):
        found(top)


@pytest.mark.parametrize(("block_at", "level"), [("critical", "critical"), ("high", "high"), ("medium", "high")])
def test_findings_that_the_gate_stops_are_in_no_record(top: Path, block_at: str, level: str) -> None:
    settings = top / "agents/catalog/settings.yaml"
    settings.write_text(f"{settings.read_text()}images: {{gate: {{block_at: {block_at}}}}}\n")
    record(top, scan={level: 1})
    (one,) = found(top)
    assert (one.rule, one.file) == ("record-above-gate", RECORD)
    assert level in (top / RECORD).read_text().splitlines()[one.line - 1]
    assert "roster images rescan" in one.message, "the way out is said"


def test_findings_below_the_gate_and_blocked_records_are_nobodys_fault(top: Path) -> None:
    record(top, scan={"high": 300})
    record(top, OTHER, context_hash="c1" * 32, digest=f"sha256:{'2e' * 32}", scan={"critical": 1}, blocked=["CVE-1"])
    assert found(top) == []


def test_what_an_exception_covers_is_believed_as_long_as_there_is_that_exception(top: Path) -> None:
    exception(top)
    record(top, scan={"critical": 1, "excepted": [EXCEPTED]})
    assert found(top) == []
    record(top, scan={"critical": 2, "excepted": [EXCEPTED]})
    assert rules(top) == [(RECORD, "record-above-gate")], "it covers one of two"
    record(top, scan={"critical": 2, "excepted": [EXCEPTED | {"findings": 2}]})
    assert found(top) == []
    (top / EXCEPTION).unlink()
    (one,) = found(top)
    assert (one.file, one.rule) == (RECORD, "record-without-exception")
    assert f"passed by {EXCEPTION}, and there is no such exception" in one.message


def test_an_exception_for_something_else_covers_nothing(top: Path) -> None:
    record(top, scan={"critical": 1, "excepted": [EXCEPTED]})
    for changes in ({"package": "zlib"}, {"versions": ["3.0.12-1"]}):
        exception(top, **changes)
        assert rules(top) == [(RECORD, "record-without-exception")]
    exception(top, versions=["3.0.11-1"])
    assert found(top) == []


def test_an_exception_that_has_ended_is_the_nightly_scans_business(top: Path) -> None:
    """Time alone makes no check fail: the scan blocks the image."""
    exception(top)
    record(top, scan={"critical": 1, "excepted": [EXCEPTED]})
    assert [(one.rule, one.severity) for one in found(top, "2027-01-05")] == [("exception-expired", "warning")]


def test_an_end_of_life_that_is_excepted_covers_no_vulnerability(top: Path) -> None:
    exception(top, vulnerability="end-of-life", package="debian")
    ended = EXCEPTED | {"vulnerability": "end-of-life", "package": "debian", "version": "10"}
    record(top, scan={"excepted": [ended]})
    assert found(top) == []
    record(top, scan={"critical": 1, "excepted": [ended]})
    assert rules(top) == [(RECORD, "record-above-gate")]


def test_one_digest_is_not_what_two_contexts_became(top: Path) -> None:
    record(top)
    record(top, OTHER, context_hash="c1" * 32)
    (one,) = found(top)
    assert (one.file, one.rule) == (OTHER, "duplicate-value")
    assert RECORD in one.message
    record(top, OTHER, image="docker.io/acme/app:1", context_hash=None, repository="registry.example.com/roster/app")
    assert found(top) == [], "a ready image may be one that was built here"


def test_a_runtime_without_a_dockerfile_is_said_before_anybody_builds(top: Path) -> None:
    (top / "components/images/service/Dockerfile.j2").unlink()
    (one,) = found(top)
    assert (one.file, one.rule, one.severity) == ("agents/catalog/runtimes.yaml", "missing-file", "error")
    assert "components/images/service has no Dockerfile.j2" in one.message
    assert "build: service" in (top / one.file).read_text().splitlines()[one.line - 1]


def test_a_runtime_whose_context_is_not_there_at_all_is_said_once(top: Path) -> None:
    for file in (top / "components/images/service").iterdir():
        file.unlink()
    try:
        fleet = Fleet.open(WorkTree(top))
    except InvalidInput as refused:
        said = [one for one in refused.findings if "components/images/service" in one.message]
    else:
        said = [one for one in [*fleet.findings, *template_findings(fleet)] if "images/service" in one.message]
    assert len(said) == 1
