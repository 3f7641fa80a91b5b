"""Takes each piece of hardening out of what is rendered, and puts in what an attacker would: a check must notice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from mutations import Mutant, mutants
from small_fleet import CHARACTER, MINIMAL, TODAY, fleet

from ci.schema_check import schema_findings
from components.specs import agent_manifests, platform_manifests, pool_manifests
from policies.judge import Policies
from policies.rule import Manifest, Subject

# At least so many of a hundred must be noticed.
GOAL = 0.95

SERVES = (
    MINIMAL
    + """\
hosts: [api.example.com]
secrets: {CRM_API_KEY: business/crm#api-key}
storage: {databases: [agents-postgres]}
exposure: {host: plans.example.com, callers: [gateway, business/*]}
budget: {cost_per_day: 10}
"""
)
POLLS = CHARACTER + "channels: {discord: {}}\nbudget: {cost_per_day: 10}\n"
STOPPED = MINIMAL + "suspended: true\nbudget: {cost_per_day: 10}\n"
QUEUED = (
    MINIMAL + "budget: {cost_per_day: 10}\nscaling: {min: 0, max: 5, queue: {source: tasks, name: jobs, length: 10}}\n"
)
CILIUM = """\
prod:
  description: What customers talk to.
  clusters:
    eu: {context: prod-eu}
    us: {context: prod-us}
  network: {egress: {kind: cilium}}
  secrets:
    prefix: prod
    refresh_hours: 1
    store: {kind: vault, server: https://vault.example.com, mount: agents, auth_mount: kubernetes, role: roster}
"""
PROXY = CILIUM.replace(
    "{kind: cilium}",
    "{kind: proxy, host: proxy.egress, pods: {namespace: egress, labels: {app: squid}}, "
    "ports: {business: 3128, community: 3129, halted: 3130, support: 3131}}",
)
MESH = CILIUM.replace(
    "{egress: {kind: cilium}}",
    "{mesh: {kind: istio, gateway_account: gateway/public-istio, "
    "control_plane: {namespace: istio-system, labels: {app: istiod}}}}",
)
SIGNED = f"""\
images:
  signing:
    issuer: https://token.actions.githubusercontent.com
    identity: https://github.com/example/agents/.github/workflows/images.yaml@refs/heads/main
  admission: {{sidecars: ["docker.io/istio/proxyv2@sha256:{"0" * 64}"]}}
"""
GROUPS = """\
growth:
  description: Sales and marketing agents.
  email: growth@example.com
  groups: [growth-engineers]
  reviewers: "@example/growth"
"""
# Mutations that no check notices, and why that may be; `pytest -k survivors` tells when one is noticed after all.
_ISTIOD = "it opens a way, to istiod; what it does not close, the pool's default-deny closes"
SURVIVORS: dict[str, str] = {
    "NetworkPolicy agents: gone": "it opens a way, to istiod: without it there is one less",
    "NetworkPolicy agents: of ingress alone": _ISTIOD,
    "NetworkPolicy agents: of egress alone": _ISTIOD,
    "NetworkPolicy agents: without spec.policyTypes": _ISTIOD,
    "NetworkPolicy agents: without spec.policyTypes.0": _ISTIOD,
    "NetworkPolicy agents: without spec.policyTypes.1": _ISTIOD,
}


@dataclass(frozen=True)
class Case:
    """Objects of a subject, as rendered."""

    name: str
    manifests: list[Manifest]
    subject: Subject


def cases() -> Iterator[Case]:
    """Agents of several kinds, a pool and the platform; by plain policies, by Cilium's, a proxy and a mesh."""
    files = {
        "business/serves.yaml": SERVES,
        "community/polls.yaml": POLLS,
        "business/stopped.yaml": STOPPED,
        "business/queued.yaml": QUEUED,
        "business/halted.yaml": QUEUED + "suspended: true\n",
    }
    plain = {"teams.yaml": GROUPS, "settings.yaml": SIGNED}
    for word, more, paths in (
        ("", {}, [*files]),
        (" with cilium", {"environments.yaml": CILIUM}, [*files][:3]),
        (" with a proxy", {"environments.yaml": PROXY}, ["business/serves.yaml"]),
        (" with a mesh", {"environments.yaml": MESH}, ["business/serves.yaml", "business/stopped.yaml"]),
    ):
        made = fleet(files, plain | more)
        for path in paths:
            agent = made.examine(f"agents/{path}", ["prod"]).resolved["prod"]
            yield Case(agent.name + word, agent_manifests(agent), Subject.of(agent, made.catalog))
        if word in ("", " with a mesh"):
            pool = pool_manifests("business", "prod", made.catalog)
            yield Case(f"the pool business{word}", pool, Subject("prod", "business", None, made.catalog))
    catalog = fleet(files, plain).catalog
    yield Case("the platform", platform_manifests("prod", catalog), Subject("prod", "", None, catalog))


CASES = list(cases())
POLICIES = Policies({}, TODAY)


def noticed_by(manifests: list[Manifest], subject: Subject) -> set[str]:
    """The rules that refuse the objects, and `schema` where Kubernetes would."""
    found = {one.rule.id for one in POLICIES.judge(manifests, subject)}
    if schema_findings("agents/x.yaml", "business/x", manifests):
        found.add("schema")
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_rendered_breaks_no_rule(case: Case) -> None:
    assert noticed_by(case.manifests, case.subject) == set()


@pytest.fixture(scope="module")
def verdicts() -> dict[str, set[str]]:
    """Each mutant, by whose it is and what it changes: who notices."""
    return {
        f"{case.name}: {mutant.what}": noticed_by(mutant.manifests, case.subject)
        for case in CASES
        for mutant in _mutants(case)
    }


def _mutants(case: Case) -> Iterator[Mutant]:
    return mutants(case.manifests)


def test_nearly_every_mutation_is_noticed_and_the_rest_is_known(verdicts: dict[str, set[str]]) -> None:
    missed = {name for name, rules in verdicts.items() if not rules}
    unknown = sorted(name for name in missed if name.split(": ", 1)[1] not in SURVIVORS)
    assert len(verdicts) >= 500
    assert unknown == []
    assert len(missed) <= (1 - GOAL) * len(verdicts)


def test_survivors_are_still_missed(verdicts: dict[str, set[str]]) -> None:
    missed = {name.split(": ", 1)[1] for name, rules in verdicts.items() if not rules}
    assert missed >= SURVIVORS.keys()


def test_no_single_rule_notices_everything(verdicts: dict[str, set[str]]) -> None:
    """A rule that refuses all that differs would make the count above worthless."""
    by_rule = Counter(rule for rules in verdicts.values() for rule in rules)
    assert max(by_rule.values()) < 0.5 * len(verdicts)
    assert len(by_rule) >= 30
