"""What people and programs read of a verdict: all of it, and nothing in it does harm where it is shown."""

from __future__ import annotations

import json
from typing import Any

from markdown_it import MarkdownIt
from scan_documents import DIGEST, NOW, REPOSITORY, grype_inventory, grype_match, grype_report

from ci.images.exceptions import ScannedImage
from ci.images.gate import GatePolicy, Verdict, judge
from ci.images.grype_report import read_grype
from ci.images.reports import ScanFailure
from ci.images.scan_report import as_json, as_markdown, headline


def verdict(*matches: dict[str, Any], agents: tuple[str, ...] = ("support/triage",), **changes: Any) -> Verdict:
    scan = read_grype(grype_report(*matches, **changes), grype_inventory())
    return judge(scan, ScannedImage(REPOSITORY, DIGEST, agents=agents), GatePolicy(), {}, NOW)


def rendered(text: str) -> str:
    return str(MarkdownIt("gfm-like", {"linkify": False}).render(text))


def test_an_image_that_passed_says_so_with_scanner_and_counts() -> None:
    text = as_markdown([verdict(grype_match(severity="High"))])
    assert f"### {REPOSITORY} passed: 1 high" in text
    assert "1 high in 3 packages, by grype 0.120.1 with its database of 2026-11-20." in text
    assert "It goes to `support/triage`." in text


def test_an_image_that_is_stopped_names_package_versions_severity_ids_place_and_agents() -> None:
    text = as_markdown([verdict(grype_match("GHSA-aaaa-bbbb-cccc", related=[("CVE-2026-1", "High")]))])
    assert f"{REPOSITORY} is stopped by CVE-2026-1 in openssl" in text
    assert "It does not get to `support/triage`." in text
    row = "critical | GHSA-aaaa-bbbb-cccc = CVE-2026-1 | openssl | 3.0.11-1 | 3.0.13-1 | (deb) /var/lib/dpkg/status"
    assert row in text


def test_what_has_no_fix_says_what_its_makers_said() -> None:
    def told(state: str) -> str:
        return as_markdown([verdict(grype_match(fix={"versions": [], "state": state}))])

    assert "| no fix yet |" in told("not-fixed")
    assert "| will not be fixed |" in told("wont-fix")
    assert "| no fix known |" in told("")


def test_a_failed_scan_gives_the_reason_and_the_scanners_words() -> None:
    image = ScannedImage(REPOSITORY, DIGEST, agents=("support/triage",))
    words = "grype ended with exit code 1 on oci-dir:x:\n```\ncannot </code> read"
    found = judge(ScanFailure("scanner-crashed", words), image, GatePolicy(), {}, NOW)
    assert headline(found) == f"{REPOSITORY} is stopped: grype ended with exit code 1 on oci-dir:x"
    html = rendered(as_markdown([found]))
    assert html.count("<pre>") == 1
    assert "cannot &lt;/code&gt; read" in html


def test_names_from_an_image_cannot_break_out_of_the_table() -> None:
    odd = "a|b`<img src=x onerror=alert(1)>\n| x | <!-- roster:plan -->"
    html = rendered(as_markdown([verdict(grype_match(package=odd, version="1|2"))]))
    assert html.count("<tr>") == 2
    assert "<img" not in html
    assert "<!--" not in html


def test_a_thousand_agents_and_findings_are_counted_and_not_all_listed() -> None:
    agents = tuple(f"pool/agent-{number}" for number in range(1000))
    found = verdict(*(grype_match(package=f"p{number}") for number in range(300)), agents=agents)
    text = as_markdown([found])
    assert "and 988 more agents" in text
    assert "200 more findings stop it" in text
    assert "and 297 more" in headline(found)
    assert len(text) < 60_000
    assert len(json.loads(as_json([found]))["images"][0]["blocking"]) == 300


def test_the_json_has_all_that_a_program_needs_and_is_the_same_every_time() -> None:
    found = verdict(grype_match(), grype_match("CVE-2026-2", "Low"))
    whole = json.loads(as_json([found]))
    (image,) = whole["images"]
    assert (whole["passed"], image["passed"]) == (False, False)
    assert (image["counts"]["critical"], image["counts"]["low"]) == (1, 1)
    assert image["scanner"] == {"name": "grype", "version": "0.120.1", "database": "2026-11-20"}
    assert (
        image["blocking"][0] | {"id": "CVE-2026-1000", "rated_by": "debian", "fixed": ["3.0.13-1"]}
        == image["blocking"][0]
    )
    assert as_json([found]) == as_json([found])


def test_stopped_images_come_first() -> None:
    text = as_markdown([verdict(), verdict(grype_match())])
    assert text.index("is stopped by") < text.index("passed:")
