"""What a stack remembers is read back as it was, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from components.applied import REMEMBERED, Applied, Held, applied_from
from components.digest import objects_digest

OBJECTS = (
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"text": "Grüße\n"}},
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "one"}, "spec": {"replicas": 2}},
)
HELD = Held("sha256:" + "b" * 64, "c0ffee0", "failed", "its pods crash")
RECORD = Applied(
    "abcdef0",
    objects_digest(OBJECTS),
    OBJECTS,
    ("sha256:" + "a" * 64,),
    HELD,
    Applied("1234567", objects_digest(OBJECTS[:1]), OBJECTS[:1]),
)


@pytest.mark.parametrize(
    "record", [RECORD, Applied("", "", (), (), HELD), Applied("", objects_digest(OBJECTS), OBJECTS)]
)
def test_a_record_survives_the_state_it_lies_in(record: Applied) -> None:
    assert applied_from(json.loads(json.dumps(record.outputs()))) == record


@pytest.mark.parametrize(
    "damage",
    [
        {"digest": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"},
        {"digest": ""},
        {"manifests": "H4sI"},
        {"manifests": "not base 64"},
        {"manifests": Applied("", "", OBJECTS[:1]).outputs()["manifests"]},
        {"held": {"digest": "x"}},
        {"earlier": None},
        {"previous": {"commit": "", "digest": "", "manifests": RECORD.outputs()["manifests"]}},
    ],
    ids=str,
)
def test_a_damaged_record_is_none_instead_of_half_of_one(damage: dict[str, object]) -> None:
    assert applied_from(RECORD.outputs() | damage) is None


@pytest.mark.parametrize("missing", ["commit", "digest", "earlier", "held", "manifests", "previous", "proven"])
def test_a_record_that_lacks_a_part_is_none(missing: str) -> None:
    outputs = RECORD.outputs()
    del outputs[missing]
    assert applied_from(outputs) is None


ONE, TWO, THREE = (
    Applied(f"{number}234567", objects_digest(objects), objects)
    for number, objects in enumerate((OBJECTS, OBJECTS[:1], OBJECTS[1:]))
)


def test_what_is_applied_over_another_remembers_it_to_go_back_to() -> None:
    now = TWO.over(ONE)
    assert (now.digest, now.previous, now.earlier) == (TWO.digest, ONE, (ONE.digest,))
    back = now.without(TWO.digest)
    assert (back.digest, back.manifests, back.earlier) == (ONE.digest, ONE.manifests, ())


def test_what_failed_is_no_rollbacks_goal_and_what_ran_before_is() -> None:
    now = THREE.over(TWO.over(ONE))
    assert now.earlier == (TWO.digest, ONE.digest)
    back = now.without(THREE.digest)
    assert (back.digest, back.earlier) == (TWO.digest, (ONE.digest,))
    assert ONE.over(now).earlier == (THREE.digest, TWO.digest)


def test_what_was_never_applied_leaves_what_is_there() -> None:
    assert TWO.over(ONE).without(THREE.digest) == TWO.over(ONE)


def test_a_new_agent_goes_back_to_nothing() -> None:
    assert ONE.without(ONE.digest) == Applied("", "", ())


def test_memory_is_bounded() -> None:
    record = ONE
    for number in range(20):
        record = Applied("", "sha256:" + f"{number:064x}", OBJECTS).over(record)
    assert len(record.earlier) == REMEMBERED
    assert record.previous is not None
    assert record.previous.previous is None


def test_what_was_not_proven_is_nothing_to_go_back_to() -> None:
    unproven = replace(TWO.over(ONE), proven=False)
    now = THREE.over(unproven)
    assert now.previous == ONE
    assert TWO.digest not in now.earlier
