"""An ExternalSecret holds references and no values."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.pasted_secrets import pasted_secrets
from policies.example import alone, external_secret, of_agent
from policies.manifest_reading import mapping
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    template = mapping(manifest, "spec", "target", "template")
    if subject.agent and (template.get("data") or template.get("templateFrom")):
        yield "a template makes values of an agent's Secret"
    for key, value in mapping(template, "data").items():
        for _, kind in pasted_secrets(value if isinstance(value, str) else ""):
            yield f"the template's {key} holds {kind}"


RULE = Rule(
    id="external-secret-no-values",
    severity="error",
    why="What a template adds to a Secret stands in Git like anything else.",
    fix="Put the value into the secret store.",
    kinds=frozenset({"ExternalSecret"}),
    judge=_judge,
    source="CIS Kubernetes 1.9 5.4.2; NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (
    of_agent(external_secret()),
    alone(external_secret(target={"template": {"data": {"url": "https://slack.com/api/chat.postMessage"}}})),
)
FAILING = (
    of_agent(external_secret(target={"name": "planner", "template": {"data": {"KEY": "value"}}})),
    alone(external_secret(target={"template": {"data": {"KEY": "xoxb-" + "1" * 12}}})),
)
