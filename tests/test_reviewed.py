"""Records of what reviewers saw: what they explain, and what is refused to be read as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.reviewed import PlanOf, Reviewed, merged, object_digest, object_key, parse_reviewed, read_reviewed

SCORER: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "lead-scorer", "namespace": "business"},
    "spec": {"replicas": 2},
}
BIGGER = SCORER | {"spec": {"replicas": 3}}
CLASS: dict[str, Any] = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "small"}}
KEY = "prod/eu/apps/Deployment/business/lead-scorer"
PLAN = PlanOf("c" * 40, "t" * 40, True, "b" * 40, ("prod",))


def record(*manifests: dict[str, Any], removed: tuple[str, ...] = ()) -> Reviewed:
    """What a plan says that adds or changes the manifests in prod's cluster eu."""
    digests = {object_key("prod", "eu", one): frozenset({object_digest(one)}) for one in manifests}
    return Reviewed((PLAN,), digests, frozenset(removed))


def test_a_key_names_the_object_and_where_it_is() -> None:
    assert object_key("prod", "eu", SCORER) == KEY
    assert object_key("prod", "eu", CLASS) == "prod/eu/scheduling.k8s.io/PriorityClass//small"
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}}
    assert object_key("dev", "main", config) == "dev/main/core/ConfigMap/b/a"


def test_a_digest_depends_on_values_and_not_on_the_order_of_keys() -> None:
    assert object_digest(dict(reversed(SCORER.items()))) == object_digest(SCORER)
    assert object_digest(BIGGER) != object_digest(SCORER)


def test_an_object_that_a_plan_recorded_is_explained() -> None:
    assert record(SCORER, CLASS).unexplained("prod", "eu", [SCORER, CLASS], []) == []


def test_an_object_that_no_plan_recorded_is_named() -> None:
    assert record(CLASS).unexplained("prod", "eu", [CLASS, SCORER], []) == ["Deployment business/lead-scorer"]
    assert Reviewed().unexplained("prod", "eu", [CLASS], []) == ["PriorityClass small"]


def test_an_object_that_differs_from_what_was_recorded_is_named() -> None:
    assert record(SCORER).unexplained("prod", "eu", [BIGGER], []) == ["Deployment business/lead-scorer"]


def test_what_was_recorded_for_another_cluster_or_environment_explains_nothing() -> None:
    assert record(SCORER).unexplained("prod", "us", [SCORER], []) != []
    assert record(SCORER).unexplained("staging", "eu", [SCORER], []) != []


def test_an_object_that_stays_as_it_was_applied_needs_no_plan() -> None:
    assert Reviewed().unexplained("prod", "eu", [SCORER], [SCORER]) == []
    assert Reviewed().unexplained("prod", "eu", [BIGGER], [SCORER]) == ["Deployment business/lead-scorer"]


def test_an_object_that_goes_needs_a_plan_that_removes_it() -> None:
    assert record().unexplained("prod", "eu", [], [SCORER]) == ["Deployment business/lead-scorer (removed)"]
    assert record(removed=(KEY,)).unexplained("prod", "eu", [], [SCORER]) == []
    assert record(removed=(KEY.replace("eu", "us"),)).unexplained("prod", "eu", [], [SCORER]) != []


def test_several_plans_explain_together_what_each_of_them_said() -> None:
    both = merged([record(SCORER), record(BIGGER, removed=("a/b/c/D/e/f",))])
    for one in (SCORER, BIGGER):
        assert both.unexplained("prod", "eu", [one], []) == []
    assert both.removed == {"a/b/c/D/e/f"}
    assert both.plans == (PLAN,), "the same plan is listed once"


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    whole = merged([record(SCORER, CLASS, removed=(KEY,)), record(BIGGER)])
    file = tmp_path / "reviewed.json"
    file.write_text(whole.as_json(), "utf-8")
    assert read_reviewed(file) == whole
    assert merged([read_reviewed(file)]).as_json() == whole.as_json()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "of version 2, and this Roster reads 1"),
        ({"version": "1"}, "no record of reviewed objects"),
        ({"objects": []}, "no record of reviewed objects"),
        ({"objects": {KEY: ["sha256:0"]}}, "damaged: 'sha256:0' is no digest"),
        ({"objects": {KEY: None}}, "damaged"),
        ({"objects": {"lead-scorer": []}}, "damaged: 'lead-scorer' names no object"),
        ({"removed": [7]}, "damaged: 7 names no object"),
        ({"plans": [{}]}, "damaged"),
        ({"plans": [{"commit": 1, "tree": "", "clean": True, "base": "", "environments": []}]}, "damaged"),
        ({"more": 1}, "damaged: a record has the parts"),
    ],
    ids=str,
)
def test_a_file_that_is_no_sound_record_is_refused(change: dict[str, Any], said: str) -> None:
    content = json.loads(record(SCORER).as_json()) | change
    with pytest.raises(ValueError, match=r"^reviewed\.json is ") as raised:
        parse_reviewed(json.dumps(content), "reviewed.json")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, record(SCORER).as_json()[:-10]])
def test_a_text_that_is_no_record_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"^x\.json is "):
        parse_reviewed(text, "x.json")


def test_a_file_that_is_not_there_or_not_text_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("missing", "binary"):
        with pytest.raises(ValueError, match=f"{name} cannot be read as a record"):
            read_reviewed(tmp_path / name)
