"""What a change of one agent does to the others, and what a pool's namespace keeps out."""

from __future__ import annotations

from pathlib import Path

import pytest
from api import ApiError, Manifest, wait_until
from control_plane import ControlPlane
from programs import apply_program
from state import pods_of, replica_sets, settled, versions
from trial_fleets import AGENTS, PLATFORM, POOL, SHARD, bad_image, define, namespace, trial_project

pytestmark = pytest.mark.xdist_group("cluster")

PRIVILEGED: Manifest = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "intruder"},
    "spec": {
        "containers": [
            {
                "name": "shell",
                "image": "shell",
                "securityContext": {"privileged": True},
                "resources": {
                    "requests": {"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"},
                    "limits": {"cpu": "1m", "memory": "1Mi", "ephemeral-storage": "1Mi"},
                },
            }
        ]
    },
}


def test_a_changed_prompt_restarts_its_agent_and_touches_no_other(cluster: ControlPlane, tmp_path: Path) -> None:
    top, space, api = trial_project(tmp_path, "prompt"), namespace("prompt"), cluster.api
    first = apply_program(top, cluster.kubeconfig, PLATFORM, POOL, SHARD)
    assert first.good, first.said
    of_others = [one for one in first.objects if one["metadata"]["name"] != "plain"]
    before = settled(api, of_others)
    pods = {name: pods_of(api, space, name) for name in AGENTS}
    sets = replica_sets(api, space)
    define(top, "plain", MINIMAL_WITH_ANOTHER_PROMPT)
    second = apply_program(top, cluster.kubeconfig, SHARD, previous=first.outputs)
    assert second.good, second.said

    wait_until("the old pods are gone", lambda: pods_of(api, space, "plain").isdisjoint(pods["plain"]))
    assert {name: pods_of(api, space, name) for name in ("other", "twins")} == {
        name: pods[name] for name in ("other", "twins")
    }
    new = {uid: name for uid, name in replica_sets(api, space).items() if uid not in sets}
    assert sorted(new.values()) == ["plain"]
    # The pool's quota counts pods, so its status moved.
    ours = {name: version for name, version in before.items() if not name.startswith("ResourceQuota")}
    assert {name: versions(api, of_others)[name] for name in ours} == ours


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("image-cannot-be-pulled", "[ImagePullBackOff]"),
        ("probe-fails", "[ContainersNotReady]"),
        ("crash-loops", "[CrashLoopBackOff]"),
    ],
)
def test_a_bad_image_fails_its_own_agent_whose_old_pods_go_on(
    cluster: ControlPlane, tmp_path: Path, what: str, said: str
) -> None:
    top, space, api = trial_project(tmp_path, what), namespace(what), cluster.api
    first = apply_program(top, cluster.kubeconfig, PLATFORM, POOL, SHARD)
    assert first.good, first.said
    pods = {name: pods_of(api, space, name) for name in AGENTS}
    define(top, "plain", AGENTS["plain"] + bad_image(what))
    define(top, "other", MINIMAL_WITH_ANOTHER_PROMPT)
    second = apply_program(
        top, cluster.kubeconfig, SHARD, previous=first.outputs, wait_seconds=6, continue_on_error=True
    )
    (failure,) = second.failures
    assert failure.startswith(f"Deployment {space}/plain: not ready after 6 s: ")
    assert said in failure
    assert pods_of(api, space, "plain") > pods["plain"]
    assert pods_of(api, space, "twins") == pods["twins"]
    assert pods_of(api, space, "other").isdisjoint(pods["other"])


def test_a_pools_namespace_refuses_a_privileged_pod_by_pod_security(cluster: ControlPlane, tmp_path: Path) -> None:
    top, api = trial_project(tmp_path, "security"), cluster.api
    applied = apply_program(top, cluster.kubeconfig, POOL)
    assert applied.good, applied.said
    pods = "/api/v1/namespaces/{}/pods"
    with pytest.raises(ApiError, match=r'violates PodSecurity "restricted.*privileged'):
        api.call("POST", pods.format(namespace("security")), PRIVILEGED, dryRun="All")
    # Elsewhere it is admitted: it was the namespace's label that kept it out.
    api.call("POST", pods.format("default"), PRIVILEGED, dryRun="All")


MINIMAL_WITH_ANOTHER_PROMPT = AGENTS["plain"].replace("You answer questions.", "You answer in one word.")
