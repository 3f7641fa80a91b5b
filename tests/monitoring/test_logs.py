"""Logs: what is shipped for the collector and for Loki's ruler, and what of it Alloy and Loki have seen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from log_digests import digests
from log_rendering import LOGS, collector, config_maps, rules
from small_fleet import findings, fleet

from components.definition.logs import FIXED_LABELS, MORE_LABELS, SEARCHED
from components.specs import platform_manifests
from components.specs.monitoring.alloy_config import LEVELS

CHECKED = Path(__file__).with_name("logs_checked.txt")


def catalog(**logs: Any) -> dict[str, str]:
    """Settings whose monitoring.logs is this."""
    settings = yaml.safe_load((Path(__file__).parents[1] / "fixtures/catalog/settings.yaml").read_text("utf-8"))
    return {"settings.yaml": yaml.safe_dump({"monitoring": {**settings["monitoring"], "logs": logs}})}


def test_collector_and_rules_are_among_what_the_platform_gets_and_bear_the_environments_suffix() -> None:
    for environment, suffix in (("prod", ""), ("dev", "-dev")):
        found = {
            one["metadata"]["name"]: one
            for one in platform_manifests(environment, fleet({}).catalog)
            if one["kind"] == "ConfigMap"
        }
        assert f"alloy-agents{suffix}" in found
        assert found[f"loki-rules-agents{suffix}"]["metadata"]["labels"]["loki_rule"] == "1"


def test_without_a_loki_nothing_is_set_up() -> None:
    settings = yaml.safe_load((Path(__file__).parents[1] / "fixtures/catalog/settings.yaml").read_text("utf-8"))
    del settings["monitoring"]["logs"]
    without = fleet({}, {"settings.yaml": yaml.safe_dump({"monitoring": settings["monitoring"]})}).catalog
    names = [one["metadata"]["name"] for one in platform_manifests("prod", without)]
    assert not [name for name in names if "alloy" in name or "loki" in name]


def test_only_pods_of_the_environments_own_pools_are_read() -> None:
    assert 'names = ["business-dev", "community-dev"' in collector("dev")
    assert "business-dev" not in collector("prod")
    assert 'label = "app.kubernetes.io/managed-by=roster,role=agent"' in collector("prod")


def test_a_credential_is_a_file_and_two_environments_do_not_share_a_components_name() -> None:
    assert 'bearer_token_file = "/etc/loki/token"' in collector("prod")
    basic = {"loki": "https://loki.example.com", "credentials": {"file": "/etc/loki/password", "username": "agents"}}
    text = config_maps("prod", catalog(**basic))["alloy-agents"]["agents.alloy"]
    assert 'password_file = "/etc/loki/password"' in text
    assert "bearer_token" not in text
    names = [set(re.findall(r'^[a-z.]+ "(\w+)" \{', collector(one), re.MULTILINE)) for one in ("dev", "prod")]
    assert not names[0] & names[1]


def test_an_agent_has_few_streams_however_much_it_says() -> None:
    # Of all labels just the level differs between two lines of an agent that is not changed.
    assert set(re.findall(r"label_keep \{\s+values = \[(.*)\]", collector("prod"))) == {
        ", ".join(f'"{name}"' for name in FIXED_LABELS)
    }
    assert not {*FIXED_LABELS, *MORE_LABELS} & {*SEARCHED}
    assert len(LEVELS) == 6
    # Loki's own limit of labels is 15.
    assert len(FIXED_LABELS) + len(MORE_LABELS) <= 15


@pytest.mark.parametrize("label", SEARCHED)
def test_a_label_that_each_request_or_pod_would_have_its_own_of_is_refused(label: str) -> None:
    found = findings({}, catalog(**LOGS, labels=["runtime", label]))
    assert [(one.rule, one.file) for one in found] == [("unbounded-label", "agents/catalog/settings.yaml")]


def test_an_alert_on_logs_has_the_labels_that_routing_needs() -> None:
    # These are labels of the stream, so the expression keeps them.
    of_the_line = {"namespace", "pool", "owner", "agent_id"}
    for rule in rules("prod"):
        kept = re.match(r"sum by \(([a-z_, ]+)\)", rule["expr"])
        assert kept, rule["expr"]
        assert set(kept[1].split(", ")) == of_the_line
        assert set(rule["labels"]) == {"environment", "severity", "scope", "cause"}
        assert {"summary", "runbook_url", "dashboard_url", "changes_url"} <= set(rule["annotations"])
        assert "<" not in re.sub(r"<=", "", rule["expr"]), "a place was not filled in"


def test_loki_and_alloy_have_seen_what_is_shipped() -> None:
    seen = CHECKED.read_text("utf-8").split()
    assert seen == digests(), (
        "the collector's configuration or an alert's expression has changed; `bash ci/monitoring_test.sh` holds it "
        "against Alloy's and Loki's own code (needs Go, and minutes the first time), and writes logs_checked.txt here"
    )
