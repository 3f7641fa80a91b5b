"""Exceptions of the gate: what they cover, for how long, and that they never cover more than they say."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from scan_documents import DIGEST, NOW, REPOSITORY, grype_inventory, grype_match, grype_report

from ci.images.exceptions import BaseImage, ScannedImage, exception_findings
from ci.images.gate import GatePolicy, Verdict, judge
from ci.images.grype_report import read_grype
from components.definition.explain_error import validate
from components.definition.vulnerability_exceptions import VulnerabilityException
from components.definition.yaml_reader import read_yaml

TOP = Path(__file__).parents[2]
PATH = "agents/catalog/exceptions/openssl.yaml"
WRITTEN: dict[str, Any] = {
    "vulnerability": "CVE-2026-1000",
    "package": "openssl",
    "images": ["runtime:fastapi"],
    "reason": "The server of openssl is not started in these images.",
    "owner": "security",
    "created": "2026-11-01",
    "expires": "2026-12-20",
}
IMAGE = ScannedImage(REPOSITORY, DIGEST, runtimes=("fastapi",), agents=("sales/lead-scorer", "support/triage"))


def exception(**changes: Any) -> VulnerabilityException:
    return VulnerabilityException.model_validate(WRITTEN | changes)


def verdict(
    *matches: dict[str, Any],
    image: ScannedImage = IMAGE,
    on: str = "2026-11-21",
    ended: tuple[tuple[str, str], ...] = (),
    **exceptions: VulnerabilityException,
) -> Verdict:
    scan = read_grype(grype_report(*matches, ended=ended), grype_inventory())
    now = datetime.combine(date.fromisoformat(on), NOW.time(), UTC)
    return judge(scan, image, GatePolicy(database_days=400), exceptions, now)


def passes(*matches: dict[str, Any], image: ScannedImage = IMAGE, **changes: Any) -> bool:
    return verdict(*(matches or (grype_match(),)), image=image, a=exception(**changes)).passed


def test_with_an_exception_the_image_passes_and_the_exception_is_named() -> None:
    found = verdict(grype_match(), a=exception())
    assert found.passed
    assert [(one.vulnerability.name, one.path) for one in found.excepted] == [("CVE-2026-1000", "a")]
    assert ("critical", 1) in found.counts


def test_an_exception_ends_on_its_day_and_the_gate_closes_again() -> None:
    assert verdict(grype_match(), a=exception(), on="2026-12-19").passed
    ended = verdict(grype_match(), a=exception(), on="2026-12-20")
    assert not ended.passed
    assert ended.blocking[0].ended == (("a", "2026-12-20"),)


def test_an_exception_does_not_hold_before_its_first_day() -> None:
    early = verdict(grype_match(), a=exception(), on="2026-10-31")
    assert early.blocking[0].later == (("a", "2026-11-01"),)


def test_one_that_holds_counts_beside_one_that_ended() -> None:
    past = exception(created="2026-09-01", expires="2026-10-01")
    found = verdict(grype_match(), past=past, held=exception())
    assert [one.path for one in found.excepted] == ["held"]


@pytest.mark.parametrize(
    "changes",
    [
        {"vulnerability": "CVE-2026-1001"},
        {"package": "openssl-libs"},
        {"versions": ["3.0.12-1"]},
        {"images": ["runtime:eliza"]},
        {"images": ["image:registry.example.com/roster/fastapi-2"]},
        {"images": ["support/other"]},
    ],
)
def test_an_exception_covers_nothing_that_it_does_not_name(changes: dict[str, Any]) -> None:
    assert passes()
    assert not passes(**changes)


def test_an_exception_for_a_version_ends_with_the_next_one() -> None:
    assert passes(grype_match(version="1.0"), versions=["1.0"])
    assert not passes(grype_match(version="1.0"), grype_match(version="1.1"), versions=["1.0"])


def test_an_exception_for_the_cve_covers_it_under_its_ghsa_and_the_other_way_round() -> None:
    reported = grype_match("GHSA-aaaa-bbbb-cccc", related=[("CVE-2026-1000", "Critical")])
    assert passes(reported)
    assert passes(reported, vulnerability="GHSA-aaaa-bbbb-cccc")


def test_an_exception_for_one_agent_does_not_spread_to_others_that_share_the_image() -> None:
    assert not passes(images=["support/triage"])
    assert passes(images=["support/triage", "sales/lead-scorer"])
    alone = ScannedImage(REPOSITORY, DIGEST, agents=("support/triage",))
    assert passes(image=alone, images=["support/triage"])


def test_an_exception_for_one_runtime_does_not_spread_to_another_with_the_same_image() -> None:
    shared = ScannedImage(REPOSITORY, DIGEST, runtimes=("fastapi", "batch"))
    assert not passes(image=shared)
    assert passes(image=shared, images=["runtime:batch", "runtime:fastapi"])
    assert passes(image=shared, images=[f"image:{REPOSITORY}"])


def test_an_exception_for_a_ready_image_holds_by_the_name_it_is_known_by_and_by_that_of_its_copy() -> None:
    copy = ScannedImage("registry.example.com/roster/mirror/docker.io/acme/app", DIGEST, named="docker.io/acme/app")
    assert passes(image=copy, images=["image:docker.io/acme/app"])
    assert passes(image=copy, images=[f"image:{copy.repository}"])
    assert not passes(image=copy, images=["image:docker.io/acme/other"])


def test_an_image_that_nobody_uses_is_covered_by_no_agent() -> None:
    assert not passes(image=ScannedImage(REPOSITORY, DIGEST), images=["support/triage"])


def test_the_end_of_a_distributions_life_can_be_excepted_by_its_name() -> None:
    end = exception(vulnerability="end-of-life", package="debian")
    assert verdict(ended=(("debian", "10"),), a=end).passed
    assert not verdict(ended=(("ubuntu", "18.04"),), a=end).passed
    image = ScannedImage(REPOSITORY, DIGEST, runtimes=("fastapi",), base=BaseImage("python", "2026-11-01"))
    assert verdict(image=image, a=exception(vulnerability="end-of-life", package="python")).passed


def test_an_exception_that_matches_nothing_is_said_to_be_stale() -> None:
    (note,) = verdict(grype_match(package="zlib"), a=exception()).notes
    assert note == "a matches nothing in this image: CVE-2026-1000 in openssl is not found"
    assert verdict(grype_match(package="zlib"), a=exception(images=["runtime:eliza"])).notes == ()


@pytest.mark.parametrize(("left", "warned"), [(15, False), (14, True), (1, True)])
def test_an_exception_warns_in_its_last_two_weeks(left: int, warned: bool) -> None:
    end = (NOW.date() + timedelta(days=left)).isoformat()
    notes = verdict(grype_match(), a=exception(expires=end)).notes
    told = f"a ends on {end}, in {left} day{'' if left == 1 else 's'}; security answers for it"
    assert notes == ((told,) if warned else ())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vulnerability": "openssl bug"}, "a vulnerability's id as the report names it, such as CVE-2026-12345"),
        ({"vulnerability": "*"}, "a vulnerability's id"),
        ({"images": ["*"]}, "an exception holds for images that are named, never for all of a kind"),
        ({"images": ["support/*"]}, "never for all of a kind"),
        ({"images": ["runtime:*"]}, "never for all of a kind"),
        ({"images": ["image:docker.io/acme/app:1.2"]}, "without a tag or digest"),
        ({"images": [f"image:{REPOSITORY}@{DIGEST}"]}, "without a tag or digest"),
        ({"images": ["fastapi"]}, "runtime:NAME, pool/agent, or image:REPOSITORY"),
        ({"images": []}, "too short; at least 1 needed"),
        ({"reason": "later"}, "too short; at least 20 needed"),
        ({"expires": "2027-05-01"}, "181 days after `created`, and 180 are allowed"),
        ({"expires": "2026-11-01"}, "it would end before it begins, on 2026-11-01"),
        ({"expires": "2027-02-31"}, "there is no such day"),
        ({"expires": "soon"}, 'a quoted date, such as "2027-01-31"'),
        ({"severity": "low"}, "unknown key 'severity'"),
    ],
)
def test_an_exception_that_says_too_little_or_takes_too_much_is_refused(changes: dict[str, Any], said: str) -> None:
    document = read_yaml(b"{}", PATH)
    messages = [one.message for one in validate(VulnerabilityException, WRITTEN | changes, document)]
    assert len(messages) == 1
    assert said in messages[0]


def test_the_longest_exception_is_allowed_and_every_part_is_needed() -> None:
    assert exception(expires="2027-04-30").expires == "2027-04-30"
    for part in WRITTEN:
        with pytest.raises(ValidationError):
            VulnerabilityException.model_validate({key: value for key, value in WRITTEN.items() if key != part})


def test_the_example_in_the_documentation_is_one_that_is_accepted() -> None:
    (example,) = re.findall(r"```yaml\n(vulnerability:.*?)```", (TOP / "docs" / "images.md").read_text(), re.DOTALL)
    document = read_yaml(example.encode(), PATH)
    assert (document.findings, validate(VulnerabilityException, document.value, document)) == ([], [])


def test_check_finds_scopes_that_name_nothing_and_days_that_are_past_or_to_come() -> None:
    text = "images:\n  - runtime:fastapy\n  - support/triag\n  - support/triage\ncreated: x\nexpires: y\n"
    scope = ["runtime:fastapy", "support/triag", "support/triage"]
    documents = {PATH: read_yaml(text.encode(), PATH)}

    def found(on: str) -> list[tuple[int, str, str]]:
        exceptions = {PATH: exception(images=scope)}
        findings = exception_findings(exceptions, documents, ["fastapi"], ["support/triage"], on)
        return [(one.line, one.rule, one.severity) for one in findings]

    unknown = [(2, "unknown-scope", "error"), (3, "unknown-scope", "error")]
    assert found("2026-11-21") == unknown
    assert found("2026-10-01") == [*unknown, (5, "exception-from-the-future", "error")]
    assert found("2026-12-20") == [*unknown, (6, "exception-expired", "warning")]
