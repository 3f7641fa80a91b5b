"""The benchmark of the policies judges what it says it does: a sound fleet, in three environments, by every rule."""

from __future__ import annotations

from pathlib import Path

from bench.policies import ENVIRONMENTS, Measured, as_markdown, judged, rendered, three_environments
from bench.synthetic import write_fleet
from components.definition.tree import WorkTree
from components.fleet import Fleet
from policies.judge import Policies
from policies.rules import RULES


def test_the_synthetic_fleet_breaks_no_rule(tmp_path: Path) -> None:
    write_fleet(tmp_path, 40)
    three_environments(tmp_path)
    work = rendered(Fleet.open(WorkTree(tmp_path)))
    agents = [subject.agent for _, subject in work if subject.agent]
    assert len(agents) == 40 * len(ENVIRONMENTS)
    judge = Policies({}, "2027-01-01").judge
    broken = {one.rule.id for manifests, subject in work for one in judge(manifests, subject)}
    assert broken == set()
    assert judged(work, RULES) == 0
    # Without their first object, a ServiceAccount or a pool's Namespace, it is not silent.
    assert judged([(manifests[1:], subject) for manifests, subject in work], RULES) > 0


def test_the_table_says_whether_the_goal_was_met() -> None:
    shares = {rule.id: 1.0 for rule in RULES}
    table = as_markdown(Measured(1500, 36_576, 900, 2.0, 2.5, shares, 9.0), 5)
    assert "| 2.00 | ≤ 3 | yes |" in table
    assert "| 3.01 | ≤ 3 | no |" in as_markdown(Measured(1500, 36_576, 900, 3.01, 3.5, shares, 9.0), 5)
    assert f"| the other {len(RULES) - 15} |" in table
