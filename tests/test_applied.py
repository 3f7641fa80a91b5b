"""What a stack remembers is read back as it was, or not at all."""

from __future__ import annotations

import json

import pytest

from components.applied import Applied, Held, applied_from
from components.digest import objects_digest

OBJECTS = (
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}, "data": {"text": "Grüße\n"}},
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "one"}, "spec": {"replicas": 2}},
)
HELD = Held("sha256:" + "b" * 64, "c0ffee0", "failed", "its pods crash")
RECORD = Applied("abcdef0", objects_digest(OBJECTS), OBJECTS, ("sha256:" + "a" * 64,), HELD)


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
    ],
    ids=str,
)
def test_a_damaged_record_is_none_instead_of_half_of_one(damage: dict[str, object]) -> None:
    assert applied_from(RECORD.outputs() | damage) is None


@pytest.mark.parametrize("missing", ["commit", "digest", "earlier", "held", "manifests"])
def test_a_record_that_lacks_a_part_is_none(missing: str) -> None:
    outputs = RECORD.outputs()
    del outputs[missing]
    assert applied_from(outputs) is None
