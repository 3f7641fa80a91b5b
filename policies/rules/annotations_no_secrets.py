"""No credential in labels and annotations, of objects and of pods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from components.definition.pasted_secrets import looks_secret, pasted_secrets
from policies.example import deployment, manifest, of_agent
from policies.manifest_reading import mapping
from policies.pods import pod_template
from policies.rule import Manifest, Rule, Subject


def _together(manifests: Sequence[Manifest], _subject: Subject) -> Iterator[tuple[Manifest, str]]:
    # Objects of one agent have the same labels: each value is looked at once, and only a hit is traced back.
    if not looks_secret("\n".join({value for one in manifests for value in _values(one)})):
        return
    for one in manifests:
        for value in _values(one):
            for _, kind in pasted_secrets(value):
                yield one, f"a label or annotation holds {kind}"


def _values(manifest: Manifest) -> Iterator[str]:
    for holder in (manifest, pod_template(manifest)):
        for part in ("annotations", "labels"):
            for value in mapping(holder, "metadata", part).values():
                if isinstance(value, str):
                    yield value


RULE = Rule(
    id="annotations-no-secrets",
    severity="error",
    why="Everybody who may list objects reads them, and they are copied into metrics and logs.",
    fix="Name the secret in `secrets`, and take the value back where it was made.",
    together=_together,
    field=("annotations",),
    source="CIS Kubernetes 1.9 5.4.2; NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (of_agent(deployment(annotations={"roster/restarts": "3"}), manifest("v1", "Service")),)
FAILING = (
    of_agent(deployment(annotations={"token": "ghp_" + "a" * 36})),
    of_agent({**deployment(), "metadata": {"name": "planner", "annotations": {"key": "sk-ant-" + "a" * 24}}}),
)
