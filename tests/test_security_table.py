"""docs/security.md names rules, objects and tests: each must exist, and no item that it answers may be missing."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from small_fleet import CHARACTER, MINIMAL, fleet

from components.specs import agent_manifests, platform_manifests, pool_manifests
from policies.rules import RULES

TOP = Path(__file__).parents[1]
TEXT = (TOP / "docs/security.md").read_text("utf-8")
NOTHING = "—"
AGENTIC = (
    "ASI01 Agent Goal Hijack",
    "ASI02 Tool Misuse and Exploitation",
    "ASI03 Identity and Privilege Abuse",
    "ASI04 Agentic Supply Chain Vulnerabilities",
    "ASI05 Unexpected Code Execution",
    "ASI06 Memory and Context Poisoning",
    "ASI07 Insecure Inter-Agent Communication",
    "ASI08 Cascading Failures",
    "ASI09 Human-Agent Trust Exploitation",
    "ASI10 Rogue Agents",
)
# What the platforms' checklists and security sections ask for, by a word that its row must have.
ASKED = (
    "API keys, hashed",
    "JWT",
    "RBAC",
    "ingress by default",
    "Egress control",
    "mTLS",
    "TLS for traffic",
    "Secrets in a store",
    "Rotation",
    "Images scanned",
    "Signed images",
    "private registry",
    "Dependencies updated",
    "Audit log",
    "Rate limits",
    "Input validation",
    "Injection, PII and moderation",
    "Filtering of answers",
    "Pod security",
    "Encrypted database",
    "Backup and recovery",
    "row-level security",
    "Limits of resources",
)
# A setting that the table names behind an object, as an overlay of the catalog.
PROD = """\
prod:
  description: What customers talk to.
  clusters: {eu: {context: prod-eu}, us: {context: prod-us}}
  secrets: {prefix: prod, refresh_hours: 1, store: {kind: kubernetes, namespace: prod-secrets}}
"""
SIGNING = (
    "images: {signing: {issuer: https://token.actions.githubusercontent.com, identity: "
    "https://github.com/example/agents/.github/workflows/images.yaml@refs/heads/main}}\n"
)
GROUPS = """\
growth:
  description: Sells.
  email: growth@example.com
  groups: [growth-engineers]
  reviewers: "@example/growth"
"""
MESH = (
    "{mesh: {kind: istio, gateway_account: gateway/public-istio, "
    "control_plane: {namespace: istio-system, labels: {app: istiod}}}}"
)
SETTINGS: dict[str, dict[str, str]] = {
    "": {},
    "teams.groups": {"teams.yaml": GROUPS},
    "network.egress: cilium": {"environments.yaml": f"{PROD}  network: {{egress: {{kind: cilium}}}}\n"},
    "network.mesh": {"environments.yaml": f"{PROD}  network: {MESH}\n"},
    "images.signing": {"settings.yaml": SIGNING},
}
FILES = {
    "business/seller.yaml": MINIMAL + "exposure: {host: a.example.com}\nstorage: {databases: [agents-postgres]}\n",
    "community/bard.yaml": CHARACTER + "channels: {telegram: {}}\nstorage: {volume: {size: 1Gi, path: /data}}\n",
}


def rows() -> list[list[str]]:
    """The cells of the two tables that name proofs: the last three are rule, object and proof."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", TEXT, re.M):
        table = [[cell.strip() for cell in line.strip("|\n ").split(" | ")] for line in block.splitlines()]
        if table[0][-3:] == ["rule", "object", "proof"]:
            found += table[2:]
    return found


ROWS = rows()


def names(cell: str) -> list[str]:
    """What stands in code marks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


@cache
def kinds(setting: str) -> frozenset[str]:
    """The kinds that a small fleet is rendered to, with a setting of the catalog."""
    opened = fleet(FILES, SETTINGS[setting])
    catalog = opened.catalog
    found = []
    for environment in catalog.environments:
        found += platform_manifests(environment, catalog)
        for pool in catalog.pools:
            if environment in catalog.pool_environments(pool):
                found += pool_manifests(pool, environment, catalog)
    for path in opened.definitions:
        examined = opened.examine(path)
        assert examined.resolved, "\n".join(map(str, examined.findings))
        for agent in examined.resolved.values():
            found += agent_manifests(agent)
    return frozenset(one["kind"] for one in found)


@cache
def names_of_tests(path: str) -> frozenset[str]:
    """The names of a module's tests."""
    tree = ast.parse((TOP / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_both_tables_are_read() -> None:
    assert len(ROWS) >= len(AGENTIC) + len(ASKED)
    assert {len(row) for row in ROWS} == {5}, "a cell too many or too few: a | within a cell?"


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_what_a_row_names_is_there(row: list[str]) -> None:
    rules, objects, proofs = row[2:]
    unknown = set(names(rules)) - {rule.id for rule in RULES}
    assert not unknown, f"no such rule: {unknown}"
    for kind, setting in re.findall(r"`(\w+)`(?: \(`([^`]+)`\))?", objects):
        assert kind in kinds(setting), f"{kind} is not rendered with {setting or 'nothing set'}"
        if setting:
            assert kind not in kinds(""), f"{kind} needs no setting"
    for proof in names(proofs):
        path, _, name = proof.partition("::")
        assert (TOP / path).is_file(), proof
        assert name.startswith("test_"), proof
        name, _, case = name.rstrip("]").partition("[")
        assert name in names_of_tests(path), proof
        assert not case or (TOP / "tests/cases" / case).is_dir(), proof


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_proves_something_or_says_who_must(row: list[str]) -> None:
    rules, objects, proofs = row[2:]
    for cell in (rules, objects):
        assert names(cell) or cell == NOTHING, f"neither names nor a dash: {cell}"
    assert names(proofs) or proofs.startswith(f"{NOTHING}; "), "no proof, and nobody who must"


@pytest.mark.parametrize("risk", AGENTIC)
def test_each_of_owasps_ten_risks_of_agents_has_its_row(risk: str) -> None:
    assert [row[0] for row in ROWS].count(risk) == 1


@pytest.mark.parametrize("item", ASKED)
def test_each_item_of_the_platforms_lists_has_a_row(item: str) -> None:
    assert any(item in row[0] for row in ROWS)


def test_a_made_up_rule_object_or_test_would_be_noticed() -> None:
    for broken in (
        ["x", "①", "`no-such-rule`", "—", "—; nobody"],
        ["x", "①", "—", "`NoSuchKind`", "—; nobody"],
        ["x", "①", "—", "`CiliumNetworkPolicy`", "—; nobody"],
        ["x", "①", "—", "`ServiceAccount` (`network.mesh`)", "—; nobody"],
        ["x", "①", "—", "—", "`tests/test_security_table.py::test_that_is_not_there`"],
        ["x", "①", "—", "—", "`tests/test_cases.py::test_the_case_gives_what_is_recorded[no-such-case]`"],
    ):
        with pytest.raises(AssertionError):
            test_what_a_row_names_is_there(broken)
    with pytest.raises(AssertionError):
        test_a_row_proves_something_or_says_who_must(["x", "①", "—", "—", "—"])


def test_links_of_the_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert (TOP / "docs" / target).exists(), target
