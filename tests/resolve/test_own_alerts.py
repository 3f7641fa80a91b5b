"""An agent's own alert reads this agent's series, whatever its author wrote."""

from __future__ import annotations

import promql_parser
import pytest
from debian_programs import program
from hypothesis import given
from hypothesis import strategies as st

from components.resolve.own_alerts import of_agent

WHOSE = {"namespace": "business", "agent_id": "a"}
VALUES = st.text(st.sampled_from('ab{}"\\\n,= |.*é'), max_size=6)
NAMES = st.sampled_from(["kind", "namespaced", "agent_id_of", "le"])


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def visit(one: object) -> None:
        if isinstance(one, promql_parser.VectorSelector):
            found.append(one)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def said(one: promql_parser.VectorSelector) -> list[tuple[str, str, str]]:
    return sorted((match.name, str(match.op), match.value) for match in one.matchers.matchers)


@pytest.mark.parametrize(
    "expression",
    [
        "up_a",
        'a{kind="x"} offset 5m',
        "rate(a[5m] @ end()) / ignoring (kind) group_left rate(b[5m])",
        "max_over_time((sum by (kind) (a{}) > bool 0)[1h:1m] offset 1d)",
        'label_replace(a, "x", "$1", "kind", "(.+)") or vector(0) and absent(b{kind!~"{}"})',
        '-a ^ 2 unless on (kind) count_values("n", b)',
        "topk(3, a) * scalar(b) + time()",
    ],
)
def test_every_selector_is_narrowed_and_nothing_else_changes(expression: str) -> None:
    before, after = selectors(expression), selectors(of_agent(expression, namespace="business", agent="a"))
    assert [(one.name, one.offset, one.at is None) for one in before] == [
        (one.name, one.offset, one.at is None) for one in after
    ]
    for old, new in zip(before, after, strict=True):
        added = [(name, str(promql_parser.MatchOp.Equal), value) for name, value in WHOSE.items()]
        assert said(new) == sorted([*said(old), *added])


@given(st.dictionaries(NAMES, VALUES, max_size=3))
def test_whatever_stands_in_a_matcher_stays_what_it_is(matchers: dict[str, str]) -> None:
    quoted = {name: promql_quote(value) for name, value in matchers.items()}
    expression = f"rate(a{{{','.join(f'{name}={value}' for name, value in quoted.items())}}}[5m]) > 1"
    [one] = selectors(of_agent(expression, "business", "a"))
    assert {match.name: match.value for match in one.matchers.matchers} == {**matchers, **WHOSE}


def promql_quote(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@pytest.mark.skipif(not program("promtool"), reason="promtool is missing (Debian's package prometheus)")
def test_prometheus_itself_reads_what_was_narrowed(tmp_path) -> None:  # type: ignore[no-untyped-def]
    import json
    import subprocess

    expression = of_agent('max_over_time((sum by (kind) (a{kind=~"x{1,2}|\\"b\\""}) > 0)[1h:1m] offset 1d)', "b", "a")
    rules = {"groups": [{"name": "g", "rules": [{"alert": "A", "expr": expression}]}]}
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    done = subprocess.run(
        [program("promtool"), "check", "rules", tmp_path / "rules.json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
