"""What a stack remembers, read from a state as `pulumi stack export` prints it."""

from __future__ import annotations

from typing import Any

from ci.engine.records import Unreadable, clearable, record_in
from components.applied import Applied
from components.digest import objects_digest

MANIFEST = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}
APPLIED = Applied("abcdef0", objects_digest([MANIFEST]), (MANIFEST,))
PREFIX = "urn:pulumi:dev.a.0::roster"
ONE = f"{PREFIX}::roster:index:Agent::one"
CHILD = f"{PREFIX}::roster:index:Agent$kubernetes:core/v1:ConfigMap::one/configmap"


def _state(*resources: dict[str, Any], pending: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    operations = [{"type": what, "resource": {"urn": urn}} for what, urn in pending]
    return {"version": 3, "deployment": {"resources": list(resources), "pending_operations": operations}}


def _agent(urn: str = ONE, outputs: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"urn": urn, "outputs": APPLIED.outputs() if outputs is None else outputs}


def _child(urn: str = CHILD, parent: str = ONE, **more: Any) -> dict[str, Any]:
    return {"urn": urn, "parent": parent, "id": "ns/one", **more}


def test_a_whole_record_is_read_with_the_urns_of_its_objects() -> None:
    record = record_in("dev.a.0", _state(_agent(), _child()))
    assert record.agents == {"one": APPLIED}
    (part,) = record.components
    assert (part.kind, part.urn, part.children) == ("agent", ONE, (CHILD,))
    assert not record.empty


def test_a_component_that_was_stopped_half_way_is_unreadable_and_not_missing() -> None:
    assert record_in("dev.a.0", _state(_agent(outputs={}), _child())).agents == {"one": Unreadable(1)}


def test_pools_and_platforms_are_apart_from_agents() -> None:
    record = record_in(
        "dev.a", _state(_agent(f"{PREFIX}::roster:index:Pool::a"), _agent(f"{PREFIX}::roster:index:Platform::platform"))
    )
    assert (record.agents, record.pool.keys(), record.platform.keys()) == ({}, {"a"}, {"platform"})


def test_what_waits_to_be_deleted_is_no_part_of_a_component_any_more() -> None:
    record = record_in("dev.a.0", _state(_agent(), _child(delete=True)))
    assert record.components[0].children == ()


def test_a_stack_without_objects_is_empty_even_with_a_component_that_failed_at_once() -> None:
    assert record_in("dev.a.0", {"version": 3, "deployment": {}}).empty
    assert record_in("dev.a.0", _state(_agent(outputs={}))).empty
    assert not record_in("dev.a.0", _state(pending=(("creating", CHILD),))).empty


def test_only_creations_of_what_is_in_the_state_with_an_id_can_be_cleared() -> None:
    assert clearable(_state(_child(), pending=(("creating", CHILD),))) == {CHILD}
    assert clearable(_state(_child(), pending=(("deleting", CHILD),))) == set()
    assert clearable(_state(_child(id=""), pending=(("creating", CHILD),))) == set()
    assert clearable(_state(pending=(("creating", CHILD),))) == set()
