"""Reports of both scanners are read into the same form, and one that says less than it should is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from scan_documents import (
    BUILT,
    DIGEST,
    IMAGE_ID,
    LAYER,
    OTHER,
    grype_descriptor,
    grype_inventory,
    grype_match,
    grype_report,
    trivy_about,
    trivy_finding,
    trivy_report,
)

from ci.images.grype_report import read_grype
from ci.images.reports import EndedDistribution, Report, ReportError
from ci.images.trivy_report import read_trivy


def grype(*matches: dict[str, Any], **changes: Any) -> Report:
    return read_grype(grype_report(*matches, **changes), grype_inventory())


def trivy(*found: dict[str, Any], **changes: Any) -> Report:
    return read_trivy(trivy_report(*found, **changes), trivy_about())


def refused(read: Callable[[], Report]) -> tuple[str, str]:
    with pytest.raises(ReportError) as caught:
        read()
    return caught.value.failure.reason, caught.value.failure.message


def test_both_scanners_findings_come_out_the_same() -> None:
    (one,), (other,) = grype(grype_match()).vulnerabilities, trivy(trivy_finding()).vulnerabilities
    for part in ("id", "package", "version", "fixed", "fix", "layers"):
        assert getattr(one, part) == getattr(other, part)
    assert one.rating == other.rating
    assert (one.rating.severity, one.rating.source, one.fixed) == ("critical", "debian", ("3.0.13-1",))
    assert (one.kind, one.paths, one.layers) == ("deb", ("/var/lib/dpkg/status",), (LAYER,))


def test_both_tell_image_database_and_number_of_packages() -> None:
    for report, version in ((grype(), "0.120.1"), (trivy(), "0.66.0")):
        assert report.digests == (DIGEST,)
        assert (report.image_id, report.packages, report.scanner_version) == (IMAGE_ID, 3, version)
        assert report.database == datetime.fromisoformat(BUILT)


def test_a_vulnerability_at_two_places_is_one_finding_with_both() -> None:
    (one,) = grype(grype_match(path="/a"), grype_match(path="/b")).vulnerabilities
    assert one.paths == ("/a", "/b")


def test_the_same_package_in_two_versions_is_two_findings() -> None:
    assert [one.version for one in grype(grype_match(version="1"), grype_match(version="2")).vulnerabilities] == [
        "1",
        "2",
    ]


def test_a_ghsa_is_known_by_its_cve_too() -> None:
    match = grype_match("GHSA-aaaa-bbbb-cccc", namespace="github:language:python", related=[("CVE-2026-7", "High")])
    (one,) = grype(match).vulnerabilities
    assert (one.name, one.id, one.rating.source) == ("CVE-2026-7", "GHSA-aaaa-bbbb-cccc", "github")
    assert one.names == {"CVE-2026-7", "GHSA-aaaa-bbbb-cccc"}


def test_the_severity_of_who_ships_the_package_counts_and_the_other_is_kept() -> None:
    for report in (
        grype(grype_match(severity="Low", related=[("CVE-2026-1000", "Critical")])),
        trivy(trivy_finding(severity="LOW", VendorSeverity={"debian": 1, "nvd": 4})),
    ):
        (one,) = report.vulnerabilities
        assert (one.rating.severity, one.rating.source) == ("low", "debian")
        assert one.ratings == (("nvd", "critical"),)


def test_what_the_vendor_has_not_rated_has_the_worst_of_the_other_ratings() -> None:
    for report in (
        grype(grype_match(severity="Unknown", related=[("CVE-2026-1000", "Critical")])),
        trivy(trivy_finding(severity="UNKNOWN", VendorSeverity={"nvd": 4, "ghsa": 3})),
    ):
        (one,) = report.vulnerabilities
        assert (one.rating.severity, one.rating.source) == ("critical", "nvd")
        assert "debian has not rated it" in one.rating.why


@pytest.mark.parametrize(
    ("state", "status", "fix"),
    [("not-fixed", "affected", "not-fixed"), ("wont-fix", "will_not_fix", "wont-fix"), ("", "", "unknown")],
)
def test_both_tell_whether_a_fix_is_to_come(state: str, status: str, fix: str) -> None:
    (one,) = grype(grype_match(fix={"versions": [], "state": state})).vulnerabilities
    (other,) = trivy(trivy_finding(FixedVersion="", Status=status)).vulnerabilities
    assert one.fix == other.fix == fix


def test_a_distribution_at_the_end_of_its_life_is_told_by_both() -> None:
    ended = (EndedDistribution("debian", "10"),)
    assert grype(ended=[("debian", "10"), ("debian", "10")]).ended == ended
    assert trivy(OS={"Family": "debian", "Name": "10", "EOSL": True}).ended == ended
    assert grype().ended == trivy().ended == ()


@pytest.mark.parametrize("data", [b"", b" \n"])
def test_an_empty_report_is_refused_as_empty(data: bytes) -> None:
    assert refused(lambda: read_grype(data, grype_inventory()))[0] == "report-empty"
    assert refused(lambda: read_grype(grype_report(), data))[0] == "report-empty"
    assert refused(lambda: read_trivy(data, trivy_about()))[0] == "report-empty"


@pytest.mark.parametrize("scanner", ["grype", "trivy"])
def test_a_report_cut_off_anywhere_is_refused(scanner: str) -> None:
    whole = {"grype": grype_report(grype_match()), "trivy": trivy_report(trivy_finding(PkgName="löschen"))}[scanner]
    whole = json.dumps(json.loads(whole), ensure_ascii=False).encode()
    for length in range(1, len(whole)):
        part = whole[:length]
        with pytest.raises(ReportError) as caught:
            read_grype(part, grype_inventory()) if scanner == "grype" else read_trivy(part, trivy_about())
        assert (length, caught.value.failure.reason) == (length, "report-cut-off")


def test_a_page_that_is_no_report_is_refused() -> None:
    reason, message = refused(lambda: read_trivy(b"<html>Bad gateway</html>", trivy_about()))
    assert (reason, message) == ("report-unreadable", "Trivy's report is no JSON: line 1, Expecting value")
    assert refused(lambda: read_trivy(b"[" * 100_000, trivy_about()))[0] in ("report-unreadable", "report-cut-off")
    assert refused(lambda: read_trivy(b"\xff\xfe{}", trivy_about()))[0] == "report-unreadable"


@pytest.mark.parametrize(
    "read",
    [
        lambda: read_trivy(trivy_report(schema=3), trivy_about()),
        lambda: read_trivy(b"[]", trivy_about()),
        lambda: read_trivy(trivy_report(trivy_finding(Severity="URGENT")), trivy_about()),
        lambda: read_trivy(trivy_report(trivy_finding(VendorSeverity={"nvd": 9})), trivy_about()),
        lambda: read_trivy(trivy_report(trivy_finding(PkgName=None)), trivy_about()),
        lambda: read_trivy(trivy_report(), trivy_about(VulnerabilityDB={"Version": 2, "UpdatedAt": "yesterday"})),
        lambda: grype(descriptor=grype_descriptor(name="snort")),
        lambda: grype(descriptor=grype_descriptor(db={"status": {"schemaVersion": "v7.0.0", "built": BUILT}})),
        lambda: grype(grype_match(severity="Apocalyptic")),
        lambda: grype(matches=None),
        lambda: grype(matches={}),
    ],
)
def test_a_report_in_another_form_is_refused(read: Callable[[], Report]) -> None:
    assert refused(read)[0] == "report-of-another-kind"


def test_a_report_about_something_else_than_an_image_is_refused() -> None:
    assert refused(lambda: trivy(kind="filesystem"))[0] == "another-image"
    assert refused(lambda: grype(source={"type": "directory", "target": "/srv"}))[0] == "another-image"


def test_two_reports_of_one_scan_that_disagree_are_refused() -> None:
    reason, message = refused(lambda: read_grype(grype_report(), grype_inventory(digest=OTHER)))
    assert (reason, DIGEST in message, OTHER in message) == ("reports-disagree", True, True)
    tool = json.dumps(json.loads(trivy_report()) | {"Trivy": {"Version": "0.50.0"}}).encode()
    assert refused(lambda: read_trivy(tool, trivy_about()))[0] == "reports-disagree"


@pytest.mark.parametrize(
    "settings",
    [{"only-fixed": True}, {"only-notfixed": True}, {"ignore-wontfix": "wont-fix"}, {"exclude": ["/usr/**"]},
     {"vex-documents": ["/x"]}],
)  # fmt: skip
def test_a_report_that_was_told_to_leave_findings_out_is_refused(settings: dict[str, Any]) -> None:
    reason, message = refused(lambda: grype(descriptor=grype_descriptor(configuration=settings)))
    assert (reason, next(iter(settings)) in message) == ("report-filtered", True)


def test_a_finding_that_was_ignored_outside_of_the_catalog_is_refused() -> None:
    ignored = grype_match("CVE-2026-5") | {"appliedIgnoreRules": [{"vulnerability": "CVE-2026-5", "namespace": ""}]}
    reason, message = refused(lambda: grype(ignoredMatches=[ignored]))
    assert (reason, "CVE-2026-5 in openssl" in message) == ("report-filtered", True)
    hidden = [{"Type": "vulnerability", "Status": "ignored", "Source": ".trivyignore", "Finding": {}}]
    assert refused(lambda: trivy(result={"ExperimentalModifiedFindings": hidden}))[0] == "report-filtered"


def test_kernel_headers_that_grype_always_sets_aside_are_no_filter() -> None:
    rule = {"namespace": "", "package": {"name": "linux-libc-dev", "type": "deb"}, "match-type": "exact-indirect-match"}
    assert grype(ignoredMatches=[grype_match() | {"appliedIgnoreRules": [rule]}]).vulnerabilities == ()


def test_a_scanner_without_a_database_is_told_as_such() -> None:
    assert trivy().database is not None
    assert read_trivy(trivy_report(), b'{"Version": "0.66.0"}').database is None
    assert grype(descriptor=grype_descriptor(db={"status": None})).database is None
