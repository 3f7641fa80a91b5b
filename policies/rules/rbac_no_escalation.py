"""No role gives more rights than it has."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, role
from policies.manifest_reading import mappings, words
from policies.rbac import ROLES
from policies.rule import Manifest, Rule, Subject

_VERBS = frozenset({"escalate", "bind", "impersonate", "*"})


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for rule in mappings(manifest, "rules"):
        for verb in words(rule, "verbs"):
            if verb in _VERBS:
                yield f"it allows {verb} on {', '.join(words(rule, 'resources')) or 'addresses'}"


RULE = Rule(
    id="rbac-no-escalation",
    severity="error",
    why="These three verbs end in every right there is.",
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=_judge,
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.8",
)

PASSING = (alone(role()),)
FAILING = (
    alone(role(verbs=["escalate"], resources=["roles"])),
    alone(role(verbs=["bind"])),
    alone(role(verbs=["impersonate"], resources=["users"])),
    alone(role(verbs=["*"])),
)
