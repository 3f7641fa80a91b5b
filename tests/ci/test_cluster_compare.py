"""Differences from what an API server said: tests/ci/cluster_drifted.json was recorded from one (1.36).

After the apply somebody scaled it to 3, set the variable B to 3, and added a variable C and an annotation.
"""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest

from ci.cluster.compare import differences, same_quantity
from ci.cluster.drift import Difference, compared
from ci.cluster.drift_report import as_json, as_markdown, as_text
from components.specs import Manifest

RECORDED = json.loads((Path(__file__).parent / "cluster_drifted.json").read_text("utf-8"))
APPLIED: Manifest = RECORDED["applied"]
LIVE: Manifest = RECORDED["live"]
ENV = "spec.template.spec.containers[agent].env"


def found(applied: Manifest = APPLIED, live: Manifest = LIVE) -> dict[str, Difference]:
    return {one.path: one for one in compared({"good": [applied]}, [live])}


def changed(path: str, value: Any, thing: Manifest = LIVE) -> Manifest:
    """The object with another value; a number in the path is a position, None takes away."""
    whole: Any = copy.deepcopy(thing)
    inside: Any = whole
    *above, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    for step in above:
        inside = inside[step]
    if value is None:
        del inside[last]
    else:
        inside[last] = value
    return dict(whole)


def test_what_was_changed_and_added_is_all_that_is_told() -> None:
    assert {path: (one.what, one.applied, one.live) for path, one in found().items()} == {
        "spec.replicas": ("changed", "2", "3"),
        f"{ENV}[B].value": ("changed", "2", "3"),
        f"{ENV}[C]": ("added", None, '{"name": "C", "value": "4"}'),
    }


def test_each_difference_says_who_made_it() -> None:
    owners = {path: str(one.owner) for path, one in found().items()}
    assert owners["spec.replicas"] == "kubectl (Update through scale)"
    assert owners[f"{ENV}[B].value"] == "kubectl-set (Update, 2026-11-21T14:22:09Z)"
    assert owners[f"{ENV}[C]"] == owners[f"{ENV}[B].value"]


def test_of_several_who_set_a_field_the_last_one_is_named() -> None:
    live = changed("spec/replicas", 4)
    fields = {"fieldsV1": {"f:spec": {"f:replicas": {}}}, "operation": "Update"}
    for manager, moment in (("early", "2026-01-01T00:00:00Z"), ("late", "2026-12-01T00:00:00Z")):
        live["metadata"]["managedFields"].append({"manager": manager, "time": moment, **fields})
    assert str(found(live=live)["spec.replicas"].owner) == "late (Update, 2026-12-01T00:00:00Z)"


def test_what_an_autoscaler_sets_by_the_scale_subresource_is_not_added_by_anybody() -> None:
    assert "spec.replicas" not in found(changed("spec/replicas", None, APPLIED))


def test_a_long_text_is_shown_where_it_begins_to_differ() -> None:
    def config(text: str) -> Manifest:
        meta = {"name": "one", "namespace": "business"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"prompt": text}}

    text = "You answer questions. " * 200
    one = found(config(text + "Be kind."), config(text + "Be rude."))["data.prompt"]
    assert (one.applied or "").endswith("Be kind.")
    assert (one.live or "").endswith("Be rude.")
    assert len(one.live or "") < 400


def test_a_part_of_a_whole_that_is_owned_as_one_has_that_owner() -> None:
    name = "app.kubernetes.io/name"
    one = found(live=changed("spec/selector/matchLabels", {name: "other"}))[f'spec.selector.matchLabels["{name}"]']
    assert str(one.owner) == "pulumi-kubernetes-1a2b (Apply, 2026-11-21T14:22:07Z)"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1000m", "1", True),
        ("1", 1, True),
        ("0.5", "500m", True),
        ("1Gi", "1024Mi", True),
        ("1G", "1Gi", False),
        ("1e3", "1k", True),
        ("100M", "100m", False),
        ("1.5Gi", "1536Mi", True),
        ("", "0", False),
        ("fast", "fast", False),
    ],
)
def test_quantities_are_compared_as_amounts(one: Any, other: Any, same: bool) -> None:
    assert same_quantity(one, other) is same


def test_a_text_that_looks_like_a_quantity_is_compared_as_a_text() -> None:
    live = changed("spec/template/spec/containers/0/env/0/value", "1000m")
    assert found(live=live)[f"{ENV}[A].value"].live == "1000m"


def test_the_order_of_a_list_with_names_does_not_matter() -> None:
    env = LIVE["spec"]["template"]["spec"]["containers"][0]["env"]
    live = changed("spec/template/spec/containers/0/env", env[::-1])
    assert set(found(live=live)) == set(found())


def test_what_the_server_leaves_out_because_it_is_empty_is_no_difference() -> None:
    for empty in ({}, [], "", 0, False):
        assert set(found(changed("spec/paused", empty, APPLIED))) == set(found())
    assert found(changed("spec/paused", True, APPLIED))["spec.paused"].what == "removed"


def test_true_is_not_one() -> None:
    assert "spec.paused" in found(changed("spec/paused", True, APPLIED), changed("spec/paused", 1))


def test_a_field_that_nobody_owns_is_the_servers_own_default() -> None:
    assert not [one for one in differences(APPLIED, changed("spec/minReadySeconds", 5)) if "minReady" in str(one.path)]


def test_a_restart_by_hand_is_no_drift_another_note_beside_it_is() -> None:
    def annotated(**notes: str) -> Manifest:
        live = changed("spec/template/metadata/annotations", notes)
        fields = {"f:annotations": {".": {}, **{f"f:{name}": {} for name in notes}}}
        owned = {"f:spec": {"f:template": {"f:metadata": fields}}}
        entry = {"manager": "kubectl-rollout", "operation": "Update", "fieldsV1": owned}
        live["metadata"]["managedFields"].append(entry)
        return live

    restart = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    assert set(found(live=annotated(**restart))) == set(found())
    noted = found(live=annotated(**restart, note="x"))
    assert set(noted) - set(found()) == {"spec.template.metadata.annotations.note"}


def test_a_value_of_a_secret_is_never_shown() -> None:
    meta = {"name": "keys", "namespace": "business"}
    applied = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"KEY": "b25l"}}
    live = applied | {"data": {"KEY": "dHdv"}}
    some = compared({"good": [applied]}, [live])
    assert [one.path for one in some] == ["data.KEY"]
    for report in (as_text(some), as_markdown(some), as_json(some)):
        assert "b25l" not in report
        assert "dHdv" not in report
        assert "(hidden)" in report


@pytest.mark.parametrize("secret", ["sk-ant-" + "aB3d" * 8, "postgres://a:swordfish@db"])
def test_a_credential_in_a_value_is_masked(secret: str) -> None:
    live = changed("spec/template/spec/containers/0/env/1/value", f"x {secret}")
    assert secret not in as_json([*found(live=live).values()])


def test_agents_that_do_not_fit_into_an_issue_are_counted() -> None:
    some = compared({f"agent-{number}": [changed("metadata/name", f"a{number}", APPLIED)] for number in range(50)}, [])
    report = as_markdown(some, 3000)
    assert len(report) <= 3000
    assert "more agents do not fit here" in report
    assert report.startswith("# Roster drift\n\n**50 agents differ from what was applied last.**")


def test_a_fleet_of_1500_agents_is_compared_at_once() -> None:
    names = [f"agent-{number}" for number in range(1500)]
    records = {name: [changed("metadata/name", name, APPLIED)] for name in names}
    live = [changed("metadata/name", name) for name in names]
    start = time.process_time()
    assert len(compared(records, live)) == 3 * 1500
    assert time.process_time() - start < 3
