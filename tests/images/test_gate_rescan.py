"""The nightly scan of recorded images: which are blocked from new users, and which issues are open."""

from __future__ import annotations

from typing import Any

import pytest
from scan_documents import DIGEST, NOW, REPOSITORY, grype_inventory, grype_match, grype_report

from ci.images.exceptions import Exceptions, ScannedImage
from ci.images.gate import GatePolicy, Verdict, judge
from ci.images.grype_report import read_grype
from ci.images.reports import Rating, ScanFailure, Vulnerability
from ci.images.rescan import Issue, issue_name, rescan, unneeded
from components.definition.vulnerability_exceptions import VulnerabilityException

AGENTS = ("support/triage", "sales/lead-scorer")


def verdict(
    *matches: dict[str, Any], repository: str = REPOSITORY, exceptions: Exceptions | None = None, **changes: Any
) -> Verdict:
    scan = read_grype(grype_report(*matches, **changes), grype_inventory())
    image = ScannedImage(repository, DIGEST, runtimes=("fastapi",), agents=AGENTS)
    return judge(scan, image, GatePolicy(), exceptions or {}, NOW)


FAILED = judge(
    ScanFailure("scanner-missing", "grype is not on PATH"), ScannedImage(REPOSITORY, DIGEST), GatePolicy(), {}, NOW
)


def names(issues: tuple[Issue, ...]) -> list[str]:
    return [one.title for one in issues]


def test_a_new_finding_blocks_the_record_and_opens_one_issue_that_names_the_agents() -> None:
    changes = rescan({"fastapi": ()}, {"fastapi": verdict(grype_match())})
    assert changes.blocked == {"fastapi": ("CVE-2026-1000",)}
    (issue,) = changes.issues
    assert (issue.title, issue.name) == ("CVE-2026-1000 in openssl", issue_name("CVE-2026-1000", "openssl"))
    for part in ("critical", "3.0.11-1", "3.0.13-1", *AGENTS, "grype 0.120.1", "nothing is restarted"):
        assert part in issue.text


def test_the_same_findings_the_next_night_change_no_record_and_keep_the_issue() -> None:
    first = rescan({"fastapi": ()}, {"fastapi": verdict(grype_match())})
    again = rescan(first.blocked, {"fastapi": verdict(grype_match())})
    assert again.blocked == {}
    assert again.issues == first.issues


def test_a_finding_that_is_gone_unblocks_the_record_and_its_issue_may_be_closed() -> None:
    changes = rescan({"fastapi": ("CVE-2026-1000",)}, {"fastapi": verdict()})
    assert (changes.blocked, changes.issues, changes.closable) == ({"fastapi": ()}, (), True)


def test_one_finding_in_several_images_is_one_issue() -> None:
    both = {
        "fastapi": verdict(grype_match()),
        "eliza": verdict(grype_match(version="3.0.9"), repository="r.example.com/eliza"),
    }
    changes = rescan({"fastapi": (), "eliza": ()}, both)
    assert set(changes.blocked) == {"fastapi", "eliza"}
    (issue,) = changes.issues
    assert "r.example.com/eliza" in issue.text
    assert REPOSITORY in issue.text


def test_a_vulnerability_in_two_packages_is_two_issues_whatever_their_names_are_made_of() -> None:
    changes = rescan({"a": ()}, {"a": verdict(grype_match(package="@x/y"), grype_match(package="x-y"))})
    assert names(changes.issues) == ["CVE-2026-1000 in @x/y", "CVE-2026-1000 in x-y"]
    assert len({one.name for one in changes.issues}) == 2
    assert all(one.name.replace("-", "").replace(".", "").isalnum() for one in changes.issues)


def test_an_issue_keeps_its_name_when_the_scanner_reports_the_other_id() -> None:
    as_ghsa = grype_match("GHSA-aaaa-bbbb-cccc", related=[("CVE-2026-1000", "Critical")])
    one, other = (rescan({"a": ()}, {"a": verdict(match)}).issues[0].name for match in (grype_match(), as_ghsa))
    assert one == other


def test_a_scan_that_failed_changes_no_record_closes_no_issue_and_opens_one_of_its_own() -> None:
    changes = rescan({"fastapi": ("CVE-2026-1000",), "eliza": ()}, {"fastapi": FAILED, "eliza": verdict()})
    assert changes.blocked == {}
    assert not changes.closable
    assert names(changes.issues) == ["Recorded images could not be scanned"]
    assert "fastapi: scanner-missing: grype is not on PATH" in changes.issues[0].text


def test_a_record_that_was_not_scanned_is_named() -> None:
    changes = rescan({"fastapi": ()}, {})
    assert not changes.closable
    assert "fastapi: it was not scanned" in changes.issues[0].text


def test_what_was_judged_is_changed_whatever_could_not_be_seen() -> None:
    away = Verdict(ScannedImage(REPOSITORY, DIGEST), (ScanFailure("registry-away", "no connection"),))
    verdicts = {"images/a.yaml": away, "images/b.yaml": verdict(grype_match()), "images/old/b.yaml": verdict()}
    changes = rescan({"images/a.yaml": ("CVE-1",), "images/b.yaml": (), "images/old/b.yaml": ("CVE-2",)}, verdicts)
    assert changes.blocked == {"images/b.yaml": ("CVE-2026-1000",), "images/old/b.yaml": ()}
    assert names(changes.issues) == ["CVE-2026-1000 in openssl", "Recorded images could not be scanned"]
    assert "images/a.yaml: registry-away: no connection" in changes.issues[1].text
    assert not changes.closable


WHY = "nobody has signed it; images are signed by the job that builds them"
UNSIGNED = Vulnerability(
    "unsigned", (), REPOSITORY, DIGEST, "signature", Rating("critical", "settings.yaml", WHY), (), "not-fixed", ()
)


def test_a_bad_signature_blocks_the_record_and_opens_an_issue_of_its_own() -> None:
    changes = rescan({"fastapi": ()}, {"fastapi": verdict(grype_match())}, {"fastapi": UNSIGNED})
    assert changes.blocked == {"fastapi": ("CVE-2026-1000", "unsigned")}
    assert names(changes.issues)[1:] == [f"{REPOSITORY} is not signed by whom settings.yaml names"]
    for told in (DIGEST, "nobody has signed it", *AGENTS, "nothing is deleted or restarted"):
        assert told in changes.issues[1].text
    assert changes.issues[1].name.startswith("finding-"), "it is closed when the finding is gone"
    mended = rescan(changes.blocked, {"fastapi": verdict()})
    assert (mended.blocked, mended.issues, mended.closable) == ({"fastapi": ()}, (), True)


@pytest.mark.parametrize(("known", "now"), [((), None), (("unsigned",), None), (("CVE-2026-1000", "unsigned"), 1)])
def test_a_signature_that_nobody_could_look_at_is_as_it_was_and_the_rest_is_judged(
    known: tuple[str, ...], now: int | None
) -> None:
    away = ScanFailure("signature-unseen", "Sigstore is away")
    changes = rescan({"fastapi": known}, {"fastapi": verdict()}, {"fastapi": away})
    assert changes.blocked == ({"fastapi": ("unsigned",)} if now else {})
    assert "fastapi: signature-unseen: Sigstore is away" in changes.issues[-1].text
    assert not changes.closable


def test_a_bad_signature_is_told_of_an_image_that_could_not_be_scanned_too() -> None:
    changes = rescan({"fastapi": ("CVE-2026-1000",)}, {"fastapi": FAILED}, {"fastapi": UNSIGNED})
    assert changes.blocked == {"fastapi": ("CVE-2026-1000", "unsigned")}


def test_a_registry_that_is_away_is_told_once() -> None:
    away = ScanFailure("registry-away", "no connection")
    seen = Verdict(ScannedImage(REPOSITORY, DIGEST), (away,))
    (issue,) = rescan({"fastapi": ()}, {"fastapi": seen}, {"fastapi": away}).issues
    assert issue.text.count("no connection") == 1


def test_a_base_at_the_end_of_its_life_has_a_title_for_people() -> None:
    changes = rescan({"a": ()}, {"a": verdict(ended=[("debian", "10")])})
    assert names(changes.issues) == ["debian is mended no more"]


def test_exceptions_that_no_image_needs_are_named_but_not_after_a_scan_that_failed() -> None:
    written = {
        "vulnerability": "CVE-2026-1000", "package": "openssl", "images": ["runtime:fastapi"], "owner": "security",
        "reason": "The server of openssl is not started.", "created": "2026-11-01", "expires": "2026-12-20",
    }  # fmt: skip
    held = {"a": VulnerabilityException.model_validate(written)}
    held["b"] = VulnerabilityException.model_validate(written | {"package": "zlib"})
    seen = verdict(grype_match(), exceptions=held)
    assert unneeded(held, [seen]) == ["b"]
    unsure = ScannedImage(REPOSITORY, DIGEST, runtimes=("fastapi",))
    assert unneeded(held, [seen, judge(ScanFailure("scanner-timeout", "x"), unsure, GatePolicy(), held, NOW)]) == []
