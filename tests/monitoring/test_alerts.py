"""Every alert, by promtool's own unit tests: `alerts/<Alert>.yaml` beside this file."""

from __future__ import annotations

import copy
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from background import OWNER, punched, running, scraped
from debian_programs import program
from rendered_rules import groups
from small_fleet import fleet

from components.specs.monitoring.alerts import ALERTS
from components.specs.monitoring.objectives import recorded_objectives
from components.specs.monitoring.recorded import RECORDED
from components.specs.monitoring.rules import OWN

CASES = Path(__file__).parent / "alerts"
# What each alert is tried at. A case's name begins with one of these words.
WANTED = {
    "fires": "fires at the right moment, and not before it",
    "silent": "is silent just below the threshold",
    "gap": "survives a gap in the scrapes",
    "recovers": "ends when the fault does",
}
# What an alert cannot be tried at. Watchdog is always active: whoever receives it looks for its silence.
WITHOUT = {"Watchdog": {"silent", "gap", "recovers"}}
_WORD = re.compile(r"[\w:]+")
TEXTS = ("summary", "description")
needs_promtool = pytest.mark.skipif(not program("promtool"), reason="promtool is missing (Debian's package prometheus)")


def _rules() -> list[dict[str, Any]]:
    found = copy.deepcopy(groups())
    for rule in [rule for group in found for rule in group["rules"] if "alert" in rule]:
        # Links have tests of their own; promtool would compare them in every case.
        rule["annotations"] = {name: rule["annotations"][name] for name in rule["annotations"] if name in TEXTS}
    return found


@pytest.fixture(scope="session")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("rules") / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": _rules()}, width=10_000), "utf-8")
    return file


def _needed(alert: str) -> list[dict[str, Any]]:
    """The rules of one alert, and those whose series they read: promtool takes ten times as long for all of them."""
    found = _rules()
    every = [(_name(rule), rule) for group in found for rule in group["rules"]]
    words: dict[str, set[str]] = {name: set() for name, _ in every}
    for name, rule in every:
        # A marker names its alert, but reads nothing.
        words[name] |= set() if name == OWN else set(_WORD.findall(json.dumps(rule)))
    chosen, reached = {alert}, {alert}
    while reached:
        reached = {word for name in reached for word in words[name] if word in words} - chosen
        chosen |= reached
    for group in found:
        group["rules"] = [
            rule
            for rule in group["rules"]
            if _name(rule) in chosen and (_name(rule) != OWN or rule["labels"]["alert"] in chosen)
        ]
    return [group for group in found if group["rules"]]


def _name(rule: dict[str, Any]) -> str:
    return str(rule.get("alert") or rule["record"])


@needs_promtool
def test_promtool_finds_nothing_wrong_with_any_rule(rules: Path) -> None:
    done = subprocess.run([program("promtool"), "check", "rules", rules], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", [one.name for one in ALERTS])
def test_every_alert_has_its_cases(alert: str) -> None:
    words = {str(one["name"]).split()[0].rstrip(":") for one in _tests(alert)}
    wanted = {word: meaning for word, meaning in WANTED.items() if word not in WITHOUT.get(alert, ())}
    missing = [f"{word} ({meaning})" for word, meaning in wanted.items() if word not in words]
    if any(function in one for one in _read_by(alert) for function in ("rate(", "increase(")):
        missing += ["reset (survives a counter's reset)"] * ("reset" not in words)
    assert not missing, f"tests/monitoring/alerts/{alert}.yaml lacks: {', '.join(missing)}"


def test_there_is_no_case_of_an_alert_that_is_gone() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} == {one.name for one in ALERTS}


@needs_promtool
@pytest.mark.parametrize("alert", [one.name for one in ALERTS])
def test_alert(alert: str, tmp_path: Path) -> None:
    needed = _needed(alert)
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": needed}, width=10_000), "utf-8")
    tests = [_completed(alert, one) for one in _tests(alert)]
    given = {
        "rule_files": [str(rules)],
        "evaluation_interval": _evaluated_every(alert) or tests[0]["interval"],
        "group_eval_order": [group["name"] for group in needed],
        "tests": tests,
    }
    file = tmp_path / f"{alert}.yaml"
    file.write_text(yaml.safe_dump(given, sort_keys=False, width=10_000), "utf-8")
    done = subprocess.run([program("promtool"), "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _completed(alert: str, case: dict[str, Any]) -> dict[str, Any]:
    """A case as promtool wants it. `agents` (name → pods) and `samples` stand for series of agents that simply run.

    `missing` (how a series begins → gaps): when scrapes fail, as numbers of samples, such as 4-8.
    """
    agents, missing = case.pop("agents", {}), case.pop("missing", {})
    series = [*case.get("input_series", ()), *running(agents, case.pop("samples", 400))]
    looks = case.get("alert_rule_test")
    assert looks, f"{case['name']} looks at nothing"
    for one in series:
        assert isinstance(one["values"], str), f"{case['name']}: quote the values; YAML takes 0x40 for 64"
    for look in looks:
        look["alertname"] = alert
        look["exp_alerts"] = [_expected(alert, expected, agents) for expected in look.get("exp_alerts", ())]
    return {
        "interval": "30s",
        **case,
        "input_series": [{"series": scraped(one["series"]), "values": _values(one, missing)} for one in series],
    }


def _values(series: dict[str, str], missing: dict[str, list[str]]) -> str:
    gaps = [gap for begin, found in missing.items() if series["series"].startswith(begin) for gap in found]
    return punched(series["values"], gaps) if gaps else series["values"]


def _expected(alert: str, expected: dict[str, Any], agents: dict[str, int]) -> dict[str, Any]:
    """The labels that every alert of its kind has need not be said again in each case."""
    found = next(one for one in ALERTS if one.name == alert)
    given = expected.get("exp_labels", {})
    labels = {"environment": "prod", "severity": found.severity, "scope": found.scope, "cause": found.cause}
    if found.scope == "platform":
        labels |= {"owner": "platform"}
    else:
        labels |= {"owner": "growth", "pool": "business", "namespace": "business"}
        if found.scope == "agent" and given.get("agent_id") in agents:
            labels["owner"] = OWNER
    return {"exp_labels": {**labels, **given}, "exp_annotations": expected["exp_annotations"]}


def _read_by(alert: str) -> list[str]:
    """The alert's expression, and those of the series that it reads, and that these read."""
    found = [next(one.expression for one in ALERTS if one.name == alert)]
    unread = [*RECORDED, *recorded_objectives(fleet({}).catalog.entries["tiers"])]
    while read := [one for one in unread if any(one.name in text for text in found)]:
        found += [one.expression for one in read]
        unread = [one for one in unread if one not in read]
    return found


def _evaluated_every(alert: str) -> str:
    """How often the alert's group is evaluated; of what takes hours there is little to see in between."""
    found = next(one for one in ALERTS if one.name == alert)
    return "5m" if found.group == "objectives" or found.threshold.endswith("_hours") else ""


def _tests(alert: str) -> list[dict[str, Any]]:
    path = CASES / f"{alert}.yaml"
    assert path.is_file(), f"{path.name} is missing: promtool's unit tests of {alert}"
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))
    return found
