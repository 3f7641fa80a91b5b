"""How a manifest becomes a resource: its type as the SDK spells it, its name, its place, and what cannot be one."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from components.resources.order import STAGES, logical_name, stage_of, type_token, unregistrable, wait_seconds
from components.specs import BUILDERS


def manifest(version: str, kind: str, name: str = "one", **more: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "space"}, **more}


def sdk_tokens() -> set[str]:
    """Every type token of pulumi_kubernetes' generated classes."""
    spec = find_spec("pulumi_kubernetes")
    assert spec is not None
    assert spec.origin is not None
    listed = re.findall(r'resource_modules="""(.*?)"""', Path(spec.origin).read_text("utf-8"), re.DOTALL)[0]
    return {token for module in json.loads(listed) for token in module["classes"]}


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "Namespace"),
        ("v1", "ResourceQuota"),
        ("v1", "LimitRange"),
        ("v1", "ServiceAccount"),
        ("v1", "ConfigMap"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "Service"),
        ("apps/v1", "Deployment"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("policy/v1", "PodDisruptionBudget"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
        ("scheduling.k8s.io/v1", "PriorityClass"),
    ],
)
def test_types_of_kubernetes_itself_are_those_that_the_sdk_knows(version: str, kind: str) -> None:
    assert type_token(manifest(version, kind)) in sdk_tokens()


def test_custom_resources_get_the_type_that_the_sdk_gives_them(monkeypatch: pytest.MonkeyPatch) -> None:
    import pulumi
    from pulumi_kubernetes.apiextensions import CustomResource

    seen: list[str] = []
    monkeypatch.setattr(pulumi.CustomResource, "__init__", lambda self, token, *rest: seen.append(token))
    one = manifest("external-secrets.io/v1", "ExternalSecret")
    CustomResource("name", api_version=one["apiVersion"], kind=one["kind"])
    assert seen == [type_token(one)]


def test_an_object_is_named_after_its_component_and_kind() -> None:
    assert logical_name("triage", manifest("apps/v1", "Deployment", "triage")) == "triage/deployment"
    assert logical_name("triage", manifest("v1", "ConfigMap", "more")) == "triage/configmap/more"


def test_a_kind_has_one_place_in_the_order() -> None:
    kinds = [kind for stage in STAGES for kind in stage]
    assert len(kinds) == len(set(kinds))
    with pytest.raises(ValueError, match="Secret space/one: the kind Secret has no place"):
        stage_of(manifest("v1", "Secret"))


def test_what_the_specs_build_first_is_not_created_later() -> None:
    """Both say an order of creation; they must not contradict each other."""
    built = [builder.__name__ for builder in BUILDERS]
    kinds = {name: name.title().replace("_", "") for name in built}
    known = {kind.lower(): stage for stage, stage_kinds in enumerate(STAGES) for kind in stage_kinds}
    before_deployment = [kinds[name].lower() for name in built[: built.index("deployment")]]
    assert before_deployment
    assert all(known[kind] < known["deployment"] for kind in before_deployment if kind in known)


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"a": [{"b": None}]}, "spec.a[0].b is null"),
        ({"a": 2**60}, "spec.a is a number that would be rounded"),
    ],
)
def test_values_that_pulumi_would_change_are_named(spec: dict[str, Any], problem: str) -> None:
    (found,) = unregistrable([manifest("apps/v1", "Deployment", spec=spec)])
    assert problem in found


def test_two_manifests_for_one_object_are_refused() -> None:
    twice = [
        manifest("autoscaling/v2", "HorizontalPodAutoscaler"),
        manifest("autoscaling/v1", "HorizontalPodAutoscaler"),
    ]
    assert any("two manifests for one object" in problem for problem in unregistrable(twice))


def test_a_deployment_is_waited_for_until_kubernetes_gives_up_itself() -> None:
    assert wait_seconds(manifest("apps/v1", "Deployment", spec={"progressDeadlineSeconds": 900})) == 960
    assert wait_seconds(manifest("v1", "Service", spec={})) is None
