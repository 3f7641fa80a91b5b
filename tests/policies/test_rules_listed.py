"""docs/policies.md lists every rule, and what is listed beside the rules is really found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from policies.beside import BESIDE, Beside
from policies.listing import with_rules
from policies.rules import RULES

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = ROOT / "docs" / "policies.md"


def test_the_document_lists_the_rules_as_they_are(update_golden: bool) -> None:
    text = DOCUMENT.read_text("utf-8")
    if update_golden:
        DOCUMENT.write_text(with_rules(text), "utf-8")
        return
    assert text == with_rules(text), "run pytest tests/policies/test_rules_listed.py --update-golden"
    listed = re.findall(r"^\| `([a-z-]+)`", text, re.M)
    assert listed == [rule.id for rule in RULES] + [one.id for one in BESIDE]
    assert "|" not in "".join(rule.why + rule.fix + rule.source for rule in RULES), "it would break the table"


def test_every_rule_that_the_prose_names_exists() -> None:
    prose = DOCUMENT.read_text("utf-8").partition("## The rules")[0]
    known = {rule.id for rule in RULES}
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", prose))
    assert named
    assert named <= known


@pytest.mark.parametrize("beside", BESIDE, ids=lambda one: one.id)
def test_a_finding_beside_the_rules_is_found_where_it_is_said_to_be(beside: Beside) -> None:
    assert f'"{beside.id}"' in (ROOT / beside.found_by).read_text("utf-8")
    assert beside.id not in {rule.id for rule in RULES}
    shown = [path for path in (ROOT / "tests" / "cases").glob("*/error.txt") if f"[{beside.id}]" in path.read_text()]
    assert shown, "a case in tests/cases shows it"
