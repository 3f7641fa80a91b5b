"""The one factor by which the end-to-end test is faster, wherever a rule names a duration."""

from __future__ import annotations

import pytest
from durations import milliseconds, scaled, scaled_groups, scaled_promql
from rendered_rules import groups

from components.specs.monitoring.recorded import growth


@pytest.mark.parametrize(
    ("given", "wanted"), [("1h", 3_600_000), ("1h30m", 5_400_000), ("90s", 90_000), ("500ms", 500)]
)
def test_a_duration_is_read_as_prometheus_reads_it(given: str, wanted: int) -> None:
    assert milliseconds(given) == wanted


@pytest.mark.parametrize("given", ["", "5", "m", "5 m", "1h-5m"])
def test_what_is_no_duration_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        milliseconds(given)


def test_ranges_subqueries_and_offsets_are_scaled_and_nothing_else() -> None:
    assert scaled("0s") == "0ms"
    assert scaled_promql("rate(a[5m])") == "rate(a[5000ms])"
    assert scaled_promql("max_over_time(a[1d:5m] offset 1h)") == "max_over_time(a[1440000ms:5000ms] offset 60000ms)"
    assert scaled_promql("a[6h:]") == "a[360000ms:]"
    assert scaled_promql('a{b="5m"} > 300') == 'a{b="5m"} > 300'


def test_a_count_is_divided_by_the_seconds_that_its_range_has_now() -> None:
    assert ") / 5 or rate(a[5000ms])" in scaled_promql(growth("a", 5))


def test_every_rule_is_scaled_whole() -> None:
    for before, after in zip(groups(), scaled_groups(groups()), strict=True):
        for rule, short in zip(before["rules"], after["rules"], strict=True):
            assert rule.keys() == short.keys()
            if "for" in rule:
                assert milliseconds(short["for"]) * 60 == milliseconds(rule["for"])
            assert "m]" not in short["expr"].replace("ms]", "")
