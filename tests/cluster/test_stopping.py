"""A kill switch on a real API server: the network is closed before pods are told to go, and nothing is left running."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from api import wait_until
from control_plane import ControlPlane
from programs import apply_program
from small_fleet import MINIMAL
from state import pods_of, wipe
from trial_fleets import PLATFORM, POOL, SHARD, define, namespace, trial_project

pytestmark = pytest.mark.xdist_group("cluster")

SCALED = MINIMAL + "overrides: {dev: {scaling: {min: 2, max: 8, cpu: 70}}}\n"


def test_a_stopped_agent_is_cut_off_before_its_pods_go_and_its_neighbour_stays(
    cluster: ControlPlane, tmp_path: Path
) -> None:
    suffix = f"stop{secrets.token_hex(4)}"
    top = trial_project(tmp_path, suffix, {"wild": SCALED, "calm": MINIMAL})
    first = apply_program(top, cluster.kubeconfig, PLATFORM, POOL, SHARD)
    assert first.good, first.said
    api, space = cluster.api, namespace(suffix)
    wait_until("it runs by its autoscaler's minimum", lambda: len(pods_of(api, space, "wild")) == 2)
    calm = pods_of(api, space, "calm")
    define(top, "wild", SCALED + "suspended: true\n")
    again = apply_program(top, cluster.kubeconfig, SHARD, previous=first.outputs)
    assert again.good, again.said
    order = [(one["kind"], one["metadata"]["name"]) for one in again.objects]
    assert order.index(("NetworkPolicy", "wild")) < order.index(("Deployment", "wild"))
    wall = api.get(f"/apis/networking.k8s.io/v1/namespaces/{space}/networkpolicies/wild")["spec"]
    assert not {"ingress", "egress"} & wall.keys()
    assert wall["policyTypes"] == ["Ingress", "Egress"]
    # The engine deletes last, so the autoscaler is there a while longer: it leaves a Deployment of no pods alone.
    assert api.exists(f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers/wild")
    wait_until("no pod is left", lambda: not pods_of(api, space, "wild"))
    path = f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers/wild"
    wait_until("the autoscaler saw it", lambda: _disabled(api.get(path)), seconds=30)
    assert not pods_of(api, space, "wild")
    assert pods_of(api, space, "calm") == calm
    wipe(api, first.objects)


def _disabled(scaler: dict[str, dict[str, list[dict[str, str]]]]) -> bool:
    return any(one["reason"] == "ScalingDisabled" for one in scaler["status"].get("conditions", []))
