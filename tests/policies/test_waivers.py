"""Waivers over time: for whom and until when they hold, who is told before they end, and what an end stops."""

from __future__ import annotations

import pytest
from small_fleet import MINIMAL, TODAY, catalog_files, findings, fleet, inspect

from ci.codeowners import codeowners
from ci.deploy.changes import change_of
from ci.deploy.offers import offers_of
from components.applied import Applied
from components.definition.findings import Finding
from components.digest import objects_digest
from components.specs import agent_manifests
from components.stacks import parse_stack
from policies.judge import Policies
from policies.lapsed import Lapsed
from policies.rule import Subject
from stacks.contents import contents
from stacks.decisions import Objects, decide
from stacks.instructions import Instructions

READY = "version: 1\ndescription: Runs workflows.\nowner: support\nruntime: agent-platform\n"
FLOW = {"support/flow.yaml": READY}
IMAGE = "docker.io/intelgraph/agent-platform:1.0.0"


def waiver(scope: str = "support/flow", rule: str = "image-pinned", expires: str = "2027-01-31", **rest: str) -> str:
    """A waiver's file; `rest` are fields to replace, empty to leave out."""
    fields = {"rule": rule, "scope": f'["{scope}"]', "reason": "Asked for, and tracked.", "owner": "security"}
    fields |= {"expires": f'"{expires}"'} | rest
    return "".join(f"{name}: {value}\n" for name, value in fields.items() if value)


def said(found: list[Finding]) -> list[tuple[str, str]]:
    """The rule and severity of what concerns waivers and pinned images."""
    mine = ("waiver-", "image-pinned", "unknown-rule")
    return sorted((one.rule, one.severity) for one in found if one.rule.startswith(mine))


def check(*waivers: str, today: str = TODAY, files: dict[str, str] | None = None) -> list[Finding]:
    """What check says with waivers of the names a, b, c …"""
    overlay = {f"waivers/{name}.yaml": text for name, text in zip("abcdef", waivers, strict=False)}
    return findings(files or FLOW, overlay, today)


@pytest.mark.parametrize("scope", ["support/flow", "support/*", "runtime:agent-platform", f"image:{IMAGE}"])
def test_a_waiver_holds_for_an_agent_a_pool_a_runtime_or_an_image(scope: str) -> None:
    assert said(check(waiver(scope))) == []


@pytest.mark.parametrize("scope", ["support/other", "business/*", "runtime:fastapi", "image:docker.io/other:1"])
def test_a_waiver_for_others_does_not_hold(scope: str) -> None:
    assert ("image-pinned", "error") in said(check(waiver(scope)))


@pytest.mark.parametrize("scope", ["*", "flow", "*/*", "image:*", "image:", "pool:support", "support/flow/x"])
def test_a_scope_that_is_none_is_refused_with_the_forms_that_there_are(scope: str) -> None:
    (found,) = check(waiver(scope))
    assert (found.file, found.line, found.severity) == ("agents/catalog/waivers/a.yaml", 2, "error")
    assert "pool/name, a pool as pool/*, runtime:NAME, image:REFERENCE or platform" in found.message


@pytest.mark.parametrize("field", ["rule", "scope", "reason", "owner", "expires"])
def test_every_field_is_required(field: str) -> None:
    (found,) = check(waiver(**{field: ""}))
    assert found.severity == "error"
    assert field in found.message


def test_a_waiver_of_another_rule_does_not_hold_and_an_unknown_one_is_refused() -> None:
    assert ("image-pinned", "error") in said(check(waiver(rule="container-privileged")))
    (found,) = [one for one in check(waiver(rule="image-pined")) if one.rule == "unknown-rule"]
    assert found.line == 1
    assert "'image-pinned'" in found.message


@pytest.mark.parametrize("rule", ["checkov/CKV_K8S_14", "kube-score/pod-probes"])
def test_a_check_of_another_scanner_may_be_waived_and_nothing_else_is_said_of_it(rule: str) -> None:
    assert check(waiver("support/*", rule), files={"business/a.yaml": MINIMAL}) == []
    found = check(waiver(rule="trivy/CVE-1"))
    assert [one.severity for one in found] == ["error"]
    assert "checkov/CKV_K8S_14" in found[0].message


@pytest.mark.parametrize(("today", "left"), [("2027-01-17", "14 days"), ("2027-01-30", "1 day.")])
def test_the_last_fortnight_is_told_with_rule_scope_owner_and_date(today: str, left: str) -> None:
    (found,) = check(waiver(), today=today)
    assert (found.rule, found.severity, found.line) == ("waiver-ends", "warning", 5)
    for word in ("image-pinned", "support/flow", "security", "2027-01-31", left):
        assert word in found.message, word
    assert said(check(waiver(), today="2027-01-16")) == []


def test_an_end_stops_nobody_by_itself_and_says_what_it_stops() -> None:
    ended = inspect(FLOW, {"waivers/w.yaml": waiver()}, "2027-01-31")
    assert ended.sound
    assert said(ended.findings) == [("image-pinned", "warning"), ("waiver-expired", "warning")]
    (agent,) = [one for one in ended.findings if one.rule == "image-pinned"]
    assert agent.agent == "support/flow"
    assert "no change of it is taken" in agent.message
    assert "agents/catalog/waivers/w.yaml" in agent.message
    assert "ask security to renew the waiver" in agent.message
    assert said(inspect(FLOW, {"waivers/w.yaml": waiver()}, "2027-01-30").findings) == [("waiver-ends", "warning")]


def test_a_renewal_by_a_second_file_holds_when_the_first_has_ended() -> None:
    found = check(waiver(), waiver(expires="2027-06-01"), today="2027-01-31")
    assert ("image-pinned", "error") not in said(found)
    assert ("image-pinned", "warning") not in said(found)


@pytest.mark.parametrize(("expires", "severities"), [("2027-11-22", []), ("2027-11-23", ["error"])])
def test_a_waiver_of_more_than_twelve_months_is_refused(expires: str, severities: list[str]) -> None:
    found = [one for one in check(waiver(expires=expires)) if one.rule == "waiver-too-long"]
    assert [one.severity for one in found] == severities
    assert all("2027-11-22" in one.message for one in found)


def test_a_day_that_does_not_exist_is_refused() -> None:
    (found,) = check(waiver(expires="2027-02-30"))
    assert "no such day" in found.message


@pytest.mark.parametrize(
    ("scope", "severity", "words"),
    [
        ("suport/*", "error", "no pool 'suport'. Did you mean 'support'?"),
        ("runtime:agent-platfrom", "error", "no runtime 'agent-platfrom'. Did you mean 'agent-platform'?"),
        ("support/flaw", "warning", "no such agent. Did you mean 'support/flow'?"),
        ("image:docker.io/nobody:1", "warning", "no agent runs that image"),
    ],
)
def test_a_scope_that_matches_nothing_is_told_with_the_nearest_name(scope: str, severity: str, words: str) -> None:
    found = [one for one in check(waiver(), waiver(scope)) if one.rule == "waiver-scope"]
    assert [(one.file, one.line, one.severity) for one in found] == [("agents/catalog/waivers/b.yaml", 2, severity)]
    assert words in found[0].message


def test_a_waiver_that_nobody_needs_any_more_is_told() -> None:
    files = {"support/flow.yaml": MINIMAL}
    (found,) = check(waiver(), files=files)
    assert (found.rule, found.severity) == ("waiver-unused", "warning")
    assert "remove the file" in found.message
    both = waiver(scope='support/flow", "support/other')
    found_there = check(both, files=FLOW | {"support/other.yaml": MINIMAL})
    assert [(one.rule, "support/other" in one.message) for one in found_there] == [("waiver-unused", True)]


def test_who_is_needed_is_not_guessed_while_a_definition_is_broken_or_only_a_part_is_seen() -> None:
    files = {"support/flow.yaml": READY + "scalling: {}\n"}
    assert [one for one in check(waiver(), files=files) if one.rule.startswith("waiver-")] == []
    from ci.inspection import Inspector

    seen = fleet({"support/flow.yaml": MINIMAL}, {"waivers/w.yaml": waiver()})
    assert Inspector(seen, TODAY, environments=["dev"]).inspect(processes=1).findings == []


@pytest.mark.parametrize("second", ["support/flow", "support/*"])
def test_two_waivers_for_the_same_are_told_while_both_hold(second: str) -> None:
    found = [one for one in check(waiver(), waiver(second)) if one.rule == "waiver-twice"]
    assert [one.severity for one in found] == ["warning"]
    assert "support/flow" in found[0].message


def test_a_waived_violation_is_kept_and_says_by_which_file() -> None:
    seen = fleet(FLOW, {"waivers/w.yaml": waiver("support/*")})
    agent = seen.examine("agents/support/flow.yaml").resolved["prod"]
    for today, waived, lapsed in (("2027-01-30", True, False), ("2027-01-31", False, True)):
        (found,) = [
            one
            for one in Policies(seen.catalog.waivers, today).judge(agent_manifests(agent), Subject.of(agent))
            if one.rule.id == "image-pinned"
        ]
        path = "agents/catalog/waivers/w.yaml"
        assert (found.waived, found.lapsed) == (path * waived, path * lapsed)


def test_waivers_are_the_security_teams_whatever_pools_there_are() -> None:
    catalog = fleet({"business/a.yaml": MINIMAL}).catalog
    reviewers = catalog.entries["teams"]["security"].reviewers
    lines = [line.split() for line in codeowners(catalog).splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if "/agents/catalog/waivers/x.yaml".startswith(line[0].removesuffix("*"))][-1] == [
        "/agents/catalog/waivers/",
        reviewers,
    ]


def test_a_stack_keeps_what_relies_on_an_ended_waiver_as_it_was_applied() -> None:
    files = {**FLOW, "support/other.yaml": MINIMAL}
    seen = fleet(files, {"waivers/w.yaml": waiver()})
    stack = parse_stack("dev.support.0", seen.catalog)
    parts = {part.name: part for part in contents(seen, stack, "2027-01-31").parts}
    assert "which ended on 2027-01-31" in parts["flow"].lapsed
    assert parts["other"].lapsed == ""
    assert [part.lapsed for part in contents(seen, stack, "2027-01-30").parts] == ["", ""]
    offered: dict[str, Objects] = {name: tuple(part.manifests) for name, part in parts.items()}
    before = offered["flow"][:-1]
    last = {"flow": Applied("c", objects_digest(before), before)}
    lapsed = {"flow": parts["flow"].lapsed}
    one, other = decide(offered, last, Instructions(), "d", lapsed=lapsed)
    assert (one.name, one.action, one.record, one.reason) == ("flow", "wait", last["flow"], lapsed["flow"])
    assert other.action == "apply"
    new = decide(offered, {}, Instructions(), "d", lapsed=lapsed)[0]
    assert (new.action, new.record) == ("wait", None), "what never ran does not begin to"
    (gone,) = decide({}, last, Instructions(allow_removals=True), "d", lapsed=lapsed)
    assert gone.action == "remove"


def test_a_deployment_waits_for_what_relies_on_an_ended_waiver_and_says_so() -> None:
    seen = fleet(FLOW, {"waivers/w.yaml": waiver()})
    stack = parse_stack("dev.support.0", seen.catalog)
    lapsed = Lapsed(seen.catalog.waivers, "2027-01-31")
    ((offer,), _) = offers_of(seen, "agents/support/flow.yaml", ["dev"], lapsed)
    (part,) = contents(seen, stack).parts
    # It runs the same image already, so that no missing record of it holds the change.
    objects = tuple(part.manifests[:-1])
    change = change_of(stack, "flow", offer, Applied("c", objects_digest(objects), objects), stack)
    assert change is not None
    assert change.barred == offer.lapsed
    assert "which ended on 2027-01-31" in offer.lapsed
    same = change_of(stack, "flow", offer, Applied("c", offer.digest, ()), stack)
    assert same is None, "what does not change waits for nothing"


def test_the_fixtures_have_no_waivers_of_their_own() -> None:
    assert not [path for path in catalog_files() if "waivers" in path]
