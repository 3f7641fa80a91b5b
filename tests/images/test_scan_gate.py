"""The gate's decision: what stops an image, and that nothing passes of which nothing is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from scan_documents import (
    DIGEST,
    IMAGE_ID,
    NOW,
    OTHER,
    REPOSITORY,
    grype_descriptor,
    grype_inventory,
    grype_match,
    grype_report,
    trivy_about,
    trivy_finding,
    trivy_report,
)

from ci.images.exceptions import BaseImage, ScannedImage
from ci.images.gate import GatePolicy, Verdict, joined, judge
from ci.images.grype_report import read_grype
from ci.images.reports import Report, ScanFailure
from ci.images.trivy_report import read_trivy

IMAGE = ScannedImage(REPOSITORY, DIGEST, runtimes=("fastapi",), agents=("support/triage", "sales/lead-scorer"))


def report(*matches: dict[str, Any], packages: int = 3, **changes: Any) -> Report:
    digest = changes.get("digest", DIGEST)
    return read_grype(grype_report(*matches, **changes), grype_inventory(packages, digest))


def verdict(
    scan: Report | ScanFailure,
    policy: GatePolicy | None = None,
    image: ScannedImage = IMAGE,
    now: datetime = NOW,
) -> Verdict:
    return judge(scan, image, policy or GatePolicy(), {}, now)


def reasons(found: Verdict) -> list[str]:
    assert not found.passed
    return [one.reason for one in found.failures]


def test_an_image_without_critical_vulnerabilities_passes_and_tells_its_counts() -> None:
    found = verdict(report(grype_match("CVE-2026-1", "High"), grype_match("CVE-2026-2", "Low")))
    assert found.passed
    assert [one for one in found.counts if one[1]] == [("high", 1), ("low", 1)]
    assert (found.scanner, found.scanner_version, found.database, found.packages) == (
        "grype",
        "0.120.1",
        "2026-11-20",
        3,
    )


def test_a_critical_vulnerability_stops_the_image_in_either_scanners_report() -> None:
    for scan in (report(grype_match()), read_trivy(trivy_report(trivy_finding()), trivy_about())):
        found = verdict(scan)
        assert not found.passed
        assert [one.vulnerability.name for one in found.blocking] == ["CVE-2026-1000"]


def test_the_catalog_may_stop_images_at_high_too() -> None:
    scan = report(grype_match("CVE-2026-1", "High"), grype_match("CVE-2026-2", "Medium"))
    assert verdict(scan).passed
    stopped = verdict(scan, GatePolicy(block_at="high")).blocking
    assert [one.vulnerability.id for one in stopped] == ["CVE-2026-1"]


@pytest.mark.parametrize("state", ["not-fixed", "wont-fix", "unknown", ""])
def test_that_there_is_no_fix_lets_nothing_pass(state: str) -> None:
    assert not verdict(report(grype_match(fix={"versions": [], "state": state}))).passed


def test_a_vulnerability_that_nobody_rated_is_said_and_stops_nothing() -> None:
    found = verdict(report(grype_match("CVE-2026-1", "Unknown")), GatePolicy(block_at="high"))
    assert found.passed
    assert found.notes == ("CVE-2026-1 in openssl 3.0.11-1: nobody has rated it, so it stops nothing; look at it",)


def test_a_rating_that_would_have_changed_the_decision_is_said() -> None:
    milder = verdict(report(grype_match(severity="Low", related=[("CVE-2026-1000", "Critical")])))
    assert milder.passed
    assert "nvd says critical, debian says low; debian publishes the advisory for this package" in milder.notes[0]
    worse = verdict(report(grype_match(related=[("CVE-2026-1000", "Medium")])))
    assert not worse.passed
    assert "nvd says medium, debian says critical" in worse.notes[0]
    assert verdict(report(grype_match(severity="Low", related=[("CVE-2026-1000", "High")]))).notes == ()


def test_a_distribution_at_the_end_of_its_life_stops_the_image() -> None:
    found = verdict(report(ended=[("debian", "10")]))
    (one,) = found.blocking
    assert (one.vulnerability.id, one.vulnerability.package, one.vulnerability.version) == (
        "end-of-life",
        "debian",
        "10",
    )
    assert verdict(report(ended=[("debian", "10")]), GatePolicy(end_of_life="high")).passed


def test_the_catalogs_own_date_ends_a_base_on_that_day() -> None:
    def on(day: str) -> Verdict:
        image = ScannedImage(REPOSITORY, DIGEST, base=BaseImage("python", day))
        return verdict(report(), image=image)

    assert on("2026-11-22").passed
    assert on("").passed
    (one,) = on("2026-11-21").blocking
    assert (one.vulnerability.package, one.vulnerability.rating.source) == ("python", "the catalog")


def test_end_of_life_is_no_vulnerability_in_the_counts() -> None:
    assert not any(count for _, count in verdict(report(ended=[("debian", "10")])).counts)


def test_a_scan_that_failed_closes_the_gate_with_its_reason() -> None:
    failure = ScanFailure("scanner-crashed", "grype was ended by SIGKILL")
    found = verdict(failure)
    assert found.failures == (failure,)
    assert not found.passed
    assert not found.judged


def test_a_report_about_another_image_closes_the_gate() -> None:
    assert reasons(verdict(report(digest=OTHER))) == ["another-image"]
    assert DIGEST in verdict(report(digest=OTHER)).failures[0].message


def test_an_image_id_is_compared_where_both_sides_know_it() -> None:
    def known_as(image_id: str) -> ScannedImage:
        return ScannedImage(REPOSITORY, DIGEST, image_id)

    # Trivy tells no digest of an image that it read from a file.
    scan = read_trivy(trivy_report(RepoDigests=[]), trivy_about())
    assert verdict(scan, image=known_as(IMAGE_ID)).passed
    assert reasons(verdict(scan, image=known_as(OTHER))) == ["another-image"]
    assert reasons(verdict(report(), image=known_as(OTHER))) == ["another-image"]
    assert reasons(verdict(scan, image=known_as(""))) == ["another-image"]
    # An archive is packed anew, so its manifest has another digest.
    assert verdict(report(digest=OTHER), image=known_as(IMAGE_ID)).passed


def test_a_report_of_an_image_in_which_nothing_was_read_closes_the_gate() -> None:
    assert reasons(verdict(report(packages=0))) == ["nothing-read"]
    assert reasons(verdict(read_trivy(trivy_report(packages=0), trivy_about()))) == ["nothing-read"]


def test_a_scan_without_a_database_closes_the_gate() -> None:
    assert reasons(verdict(report(descriptor=grype_descriptor(db={"status": None})))) == ["database-missing"]
    assert reasons(verdict(read_trivy(trivy_report(), b'{"Version": "0.66.0"}'))) == ["database-missing"]


def test_a_database_counts_for_as_many_days_as_the_catalog_says() -> None:
    built = report().database
    assert built is not None
    assert verdict(report(), now=built + timedelta(days=5)).passed
    late = verdict(report(), now=built + timedelta(days=5, seconds=1))
    assert reasons(late) == ["database-too-old"]
    assert "is of 2026-11-20, 5 days old; 5 are allowed" in late.failures[0].message
    assert verdict(report(), GatePolicy(database_days=9), now=built + timedelta(days=9)).passed


def test_a_database_from_the_future_closes_the_gate() -> None:
    built = report().database
    assert built is not None
    assert verdict(report(), now=built - timedelta(hours=23)).passed
    assert reasons(verdict(report(), now=built - timedelta(days=2))) == ["database-from-the-future"]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    scan = report(digest=OTHER, packages=0, descriptor=grype_descriptor(db={"status": None}))
    assert reasons(verdict(scan)) == ["another-image", "nothing-read", "database-missing"]


def test_the_same_report_gives_the_same_verdict_in_any_order() -> None:
    matches = [grype_match(f"CVE-2026-{number}", package=f"p{number % 3}") for number in range(9)]
    assert verdict(report(*matches)) == verdict(report(*reversed(matches)))


def test_an_image_for_several_platforms_passes_when_all_of_them_do() -> None:
    other = ScannedImage(REPOSITORY, OTHER, agents=IMAGE.agents)
    clean = verdict(report(grype_match("CVE-2026-1", "High")))
    stopped = verdict(report(grype_match(), grype_match("CVE-2026-1", "High"), digest=OTHER), image=other)
    assert joined([clean, clean]) == clean
    both = joined([clean, stopped])
    assert [one.vulnerability.name for one in both.blocking] == ["CVE-2026-1000"]
    assert [one for one in both.counts if one[1]] == [("critical", 1), ("high", 1)]
    assert joined([stopped, stopped]).blocking == stopped.blocking
    assert reasons(joined([clean, verdict(ScanFailure("nothing-read", "x"), image=other)])) == ["nothing-read"]
    with pytest.raises(ValueError, match="without a verdict"):
        joined([])
