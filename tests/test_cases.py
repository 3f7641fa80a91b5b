"""Golden cases: what a definition becomes, or everything that is wrong with it.

A case is a folder below `tests/cases/`, over the fixture catalog:

- `agent.yaml`: the definition; it becomes `agents/business/CASE.yaml`, and files beside it lie beside it there,
- `catalog/`: entries that replace those of the fixture catalog, or are added to it,
- `agents/`: more files below `agents/`,
- `expected.yaml` (in prod) or `expected.ENVIRONMENT.yaml`: the agent's manifests; or `error.txt`: what is printed.

`pytest tests/test_cases.py --update-golden` writes the last two anew; read the difference before you commit it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from small_fleet import TODAY, findings, fleet

from ci.formats import as_text
from ci.inspection import Inspector
from components.definition.findings import errors
from components.manifest_yaml import dump_all
from components.resolve import references
from components.specs import agent_manifests
from policies.rules import RULES

HERE = Path(__file__).parent
CASES = HERE / "cases"
NAMES = sorted(folder.name for folder in CASES.iterdir())
ROOT = HERE.parent
_RULE_ID = re.compile(r"(?!error|warning)[a-z]+(-[a-z0-9]+)*")

# Rules that no file in Git can show, and the tests that show them.
ELSEWHERE = {
    "not-a-file": "test_bad_input.py::test_what_is_no_regular_file_is_refused",
    "not-utf-8": "test_bad_input.py::test_bytes_that_are_not_utf_8_are_placed",
    "symbolic-link": "test_bad_input.py::test_symbolic_links_are_named_and_never_followed",
    "unreadable": "test_bad_input.py::test_files_of_others_are_named",
    "package-not-locked": "builds/test_contexts.py::test_what_the_lock_lacks_is_said_of_the_catalog_with_the_way_out",
    "wrong-lock": "builds/test_contexts.py::test_a_damaged_lock_is_said_where_it_lies",
    "pool-too-large": "test_bad_input.py::test_a_pool_stays_within_what_a_namespace_holds",
    "pool-many-pods": "test_bad_input.py::test_a_pool_stays_within_what_a_namespace_holds",
    "schema": "policies/test_rules.py::test_what_kubernetes_would_refuse_is_a_finding",
}


def _inputs(case: str) -> tuple[dict[str, bytes], dict[str, str]]:
    folder = CASES / case
    files: dict[str, bytes] = {}
    catalog: dict[str, str] = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        name = str(path.relative_to(folder))
        if name == "agent.yaml":
            files[f"business/{case}.yaml"] = path.read_bytes()
        elif name.startswith("catalog/"):
            catalog[name.removeprefix("catalog/")] = path.read_text("utf-8")
        elif name.startswith("agents/"):
            files[name.removeprefix("agents/")] = path.read_bytes()
        elif name != "error.txt" and not name.startswith("expected."):
            files[f"business/{name}"] = path.read_bytes()
    return files, catalog


def _outputs(case: str) -> dict[str, str]:
    """The golden files that the case should have."""
    files, catalog = _inputs(case)
    found = findings(files, catalog)
    if found:
        return {"error.txt": as_text(found)}
    existing = [path.name for path in (CASES / case).glob("expected*.yaml")] or ["expected.yaml"]
    opened = fleet(files, catalog)
    written = {}
    for name in existing:
        environment = name.removeprefix("expected").removesuffix("yaml").strip(".") or "prod"
        agent = opened.examine(f"agents/business/{case}.yaml").resolved[environment]
        written[name] = dump_all(agent_manifests(agent))
    return written


@pytest.mark.parametrize("case", NAMES)
def test_the_case_gives_what_is_recorded(case: str, update_golden: bool) -> None:
    folder = CASES / case
    golden = {path.name: path for path in (*folder.glob("expected*.yaml"), *folder.glob("error.txt"))}
    outputs = _outputs(case)
    if update_golden:
        for name in golden.keys() - outputs.keys():
            golden[name].unlink()
        for name, text in outputs.items():
            (folder / name).write_text(text, "utf-8")
        return
    assert {name: path.read_text("utf-8") for name, path in golden.items()} == outputs


@pytest.mark.parametrize("case", [name for name in NAMES if not (CASES / name / "error.txt").exists()])
def test_a_case_without_findings_renders_in_each_environment(case: str) -> None:
    files, catalog = _inputs(case)
    inspection = Inspector(fleet(files, catalog), TODAY, schemas=True).inspect(processes=1)
    assert not errors(inspection.findings)
    assert inspection.objects > 0


def test_every_rule_is_shown_by_a_case_or_by_a_named_test() -> None:
    shown = {
        rule for path in CASES.glob("*/error.txt") for rule in re.findall(r"\[([a-z0-9-]+)\]$", path.read_text(), re.M)
    }
    declared = set(_rule_ids())
    # Policies are shown by the examples in their own files (policies/test_rules.py).
    examples = {rule.id for rule in RULES}
    assert declared - shown - ELSEWHERE.keys() - examples == set(), "give each of these rules a case in tests/cases"
    assert ELSEWHERE.keys() <= declared, "these are no rules any more"
    assert shown <= declared, "a printed rule is not declared where this test looks"


@pytest.mark.parametrize("test", sorted(set(ELSEWHERE.values())))
def test_the_tests_that_stand_in_for_cases_exist(test: str) -> None:
    file, name = test.split("::")
    assert f"def {name}(" in (HERE / file).read_text("utf-8")


def _rule_ids() -> Iterator[str]:
    """Every rule's id in the source: the words given to what makes findings, and the few that are put together."""
    yield from (rule.id for rule in RULES)
    yield from (f"unknown-{word.replace(' ', '-')}" for word in references._WORDS.values())
    yield from (f"character-{rule}" for rule in ("unknown-key", "missing-key", "wrong-type", "wrong-value"))
    makers = {"Finding", "FileProblem", "finding", "_finding", "_report", "replace"}
    for folder in ("components/definition", "components/resolve", "policies"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield from _words_given(ast.parse(path.read_text("utf-8")), makers)
    for path in (
        *sorted((ROOT / "components").glob("fleet*.py")),
        ROOT / "ci/schema_check.py",
        ROOT / "ci/inspection.py",
    ):
        yield from _words_given(ast.parse(path.read_text("utf-8")), makers)


def _words_given(module: ast.AST, makers: set[str]) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "rule" for one in node.targets):
            yield from _words(node.value)
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in makers:
            for argument in node.args:
                yield from _words(argument)


def _words(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _words(node.body)
        yield from _words(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _RULE_ID.fullmatch(node.value):
        yield node.value
