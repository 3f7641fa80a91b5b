"""Precedence, layer by layer: runtime < tier < pool < environment < agent < agent's environment."""

from __future__ import annotations

import pytest
from small_fleet import MINIMAL, findings, fleet, rules

LAYERS = ("runtime", "tier", "pool", "environment", "agent", "override")


def _fleet_saying(said: set[str]) -> tuple[str, dict[str, str]]:
    def value(layer: str) -> str:
        return f"{{min: 1, max: {10 + LAYERS.index(layer)}}}" if layer in said else "{}"

    catalog = {
        "runtimes.yaml": (
            "plain:\n  description: x\n  image: a@sha256:" + "0" * 64 + "\n  needs_model: false\n  port: 8080\n"
            f"  probes: {{liveness: /l, readiness: /r}}\n  defaults: {{scaling: {value('runtime')}}}\n"
        ),
        "tiers.yaml": (
            "sized:\n  description: x\n  priority: 1\n  defaults:\n    resources:\n"
            "      requests: {cpu: 1m, memory: 1Mi}\n      limits: {cpu: 2m, memory: 2Mi}\n"
            f"    scaling: {value('tier')}\n"
        ),
        "pools.yaml": (
            "business:\n  description: x\n  owner: growth\n  quota: {cpu: '99', memory: 99Gi, pods: 99, storage: 1Gi}\n"
            f"  defaults: {{scaling: {value('pool')}}}\n"
        ),
        "environments.yaml": (
            "dev:\n  description: x\n  clusters: {c: {context: c}}\n  namespace_suffix: -dev\n"
            "  secrets: {refresh_hours: 1, store: {kind: gcp, project: p}}\n"
            f"  defaults: {{scaling: {value('environment')}}}\n"
        ),
    }
    agent = (
        "version: 1\ndescription: x\nowner: growth\nruntime: plain\ntier: sized\nenvironments: [dev]\n"
        f"scaling: {value('agent')}\noverrides: {{dev: {{scaling: {value('override')}}}}}\n"
    )
    return agent, catalog


@pytest.mark.parametrize("highest", LAYERS)
def test_the_highest_layer_that_speaks_wins(highest: str) -> None:
    below = set(LAYERS[: LAYERS.index(highest) + 1])
    agent, catalog = _fleet_saying(below)
    examined = fleet({"business/a.yaml": agent}, catalog).examine("agents/business/a.yaml")
    assert not examined.findings
    assert examined.resolved["dev"].scaling.max == 10 + LAYERS.index(highest)


def test_fields_of_one_mapping_come_from_different_layers() -> None:
    text = MINIMAL + "scaling: {max: 7}\noverrides: {prod: {scaling: {cpu: 33}}}\n"
    scaling = fleet({"business/a.yaml": text}).examine("agents/business/a.yaml").resolved["prod"].scaling
    assert (scaling.min, scaling.max, scaling.cpu) == (2, 7, 33), "the runtime's, the agent's, the override's"


def test_a_text_in_an_override_takes_the_place_of_a_file() -> None:
    text = (
        MINIMAL.replace("{text: You answer questions.}", "{file: p.md}") + "overrides: {dev: {prompt: {text: Now.}}}\n"
    )
    found = fleet({"business/a.yaml": text, "business/p.md": "Filed."}).examine("agents/business/a.yaml").resolved
    assert {name: agent.prompt.text for name, agent in found.items() if agent.prompt} == {
        "dev": "Now.",
        "staging": "Filed.",
        "prod": "Filed.",
    }


def test_a_list_is_replaced_and_not_added_to() -> None:
    text = MINIMAL + "hosts: [a.example.com]\noverrides: {dev: {hosts: [b.example.com]}}\n"
    found = fleet({"business/a.yaml": text}).examine("agents/business/a.yaml").resolved
    assert [one.host for one in found["dev"].hosts if one.why == "declared"] == ["b.example.com"]


def test_a_fault_is_placed_where_the_value_is_written() -> None:
    """min comes from the agent, max from its override: the finding stands at the value that it names."""
    text = MINIMAL + "scaling: {min: 8}\noverrides:\n  dev:\n    scaling: {max: 3}\n"
    (found,) = findings({"business/a.yaml": text})
    assert (found.rule, found.line, found.column) == ("min-above-max", 7, 16)
    agent, catalog = _fleet_saying({"runtime"})
    broken = {**catalog, "tiers.yaml": catalog["tiers.yaml"].replace("{}", "{min: 30}")}
    (found,) = findings({"business/a.yaml": agent}, broken)
    assert found.file == "agents/catalog/tiers.yaml"


def test_environments_in_clusters_of_their_own_may_use_one_namespace() -> None:
    """A call in one environment is answered in that one, though the namespaces have one name."""
    files = {
        "business/a.yaml": MINIMAL + "calls: [support/b]\nenvironments: [staging]\n",
        "support/b.yaml": MINIMAL + "environments: [staging, prod]\nexposure: {callers: []}\n"
        "overrides: {staging: {exposure: {callers: [business/a]}}}\n",
    }
    staging = (
        "staging:\n  description: x\n  clusters: {own: {context: own}}\n"
        "  secrets: {prefix: staging, refresh_hours: 1, store: {kind: gcp, project: p}}\n"
    )
    assert rules(files, {"environments.yaml": staging}) == []
