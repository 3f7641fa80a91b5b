"""Decisions of the admission policies that need no cluster to be seen; tests/cluster and tests/images try them out."""

from __future__ import annotations

from typing import Any

import pytest
from small_fleet import fleet

from components.definition.image_settings import ImageSettings
from components.specs import pool_manifests
from components.specs.image_admission import POOL_LABEL, image_admission

REGISTRY = "registry.example.com/roster"
ISSUER = "https://token.actions.githubusercontent.com"
IDENTITY = "https://github.com/example/agents/.github/workflows/images.yaml@refs/heads/main"
KEY = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"


def policies(suffix: str = "", signing: dict[str, str] | None = None, **admission: Any) -> dict[str, dict[str, Any]]:
    """Kind → manifest."""
    settings = {"signing": signing or {"issuer": ISSUER, "identity": IDENTITY}, "admission": admission}
    made = image_admission(REGISTRY, ImageSettings.model_validate(settings), suffix)
    return {one["kind"]: one for one in made}


def test_where_nobody_signs_there_is_no_policy() -> None:
    assert image_admission(REGISTRY, ImageSettings.model_validate({}), "") == []


def test_all_that_a_binding_or_a_webhook_could_let_slip_is_closed() -> None:
    made = policies()
    assert made["ValidatingAdmissionPolicy"]["spec"]["failurePolicy"] == "Fail"
    assert made["ValidatingAdmissionPolicyBinding"]["spec"]["validationActions"] == ["Deny"]
    assert "matchResources" not in made["ValidatingAdmissionPolicyBinding"]["spec"], "nothing narrows the policy"
    spec = made["ImageValidatingPolicy"]["spec"]
    assert (spec["failurePolicy"], spec["validationActions"]) == ("Fail", ["Deny"])
    assert spec["validationConfigurations"] == {"mutateDigest": False, "verifyDigest": True, "required": True}


def test_every_pools_namespace_is_covered_in_every_environment_without_being_named() -> None:
    catalog = fleet({}).catalog
    made = policies()
    selector = [{"key": POOL_LABEL, "operator": "Exists"}]
    for kind in ("ValidatingAdmissionPolicy", "ImageValidatingPolicy"):
        assert made[kind]["spec"]["matchConstraints"]["namespaceSelector"] == {"matchExpressions": selector}
    for environment in catalog.environments:
        for pool in catalog.pools:
            (namespace,) = [one for one in pool_manifests(pool, environment, catalog) if one["kind"] == "Namespace"]
            assert POOL_LABEL in namespace["metadata"]["labels"]
            assert pool not in str(made).replace("pools", "")


def test_environments_that_share_a_cluster_have_policies_of_their_own_which_say_the_same() -> None:
    dev, staging = policies("-dev"), policies("-staging")
    for kind, policy in dev.items():
        assert policy["metadata"]["name"] == "roster-images-dev"
        assert policy["metadata"]["name"] != staging[kind]["metadata"]["name"]
    same = "ImageValidatingPolicy", "ValidatingAdmissionPolicy"
    assert [dev[kind]["spec"] for kind in same] == [staging[kind]["spec"] for kind in same]
    assert dev["ValidatingAdmissionPolicyBinding"]["spec"]["policyName"] == "roster-images-dev"


def test_one_job_signs_and_no_pattern_of_jobs() -> None:
    (attestor,) = policies()["ImageValidatingPolicy"]["spec"]["attestors"]
    assert attestor["cosign"] == {"keyless": {"identities": [{"issuer": ISSUER, "subject": IDENTITY}]}}


def test_a_keys_signatures_are_verified_without_a_service_of_somebody_else() -> None:
    (attestor,) = policies(signing={"key": KEY})["ImageValidatingPolicy"]["spec"]["attestors"]
    assert attestor["cosign"]["key"] == {"data": KEY}
    assert attestor["cosign"]["ctlog"]["insecureIgnoreTlog"] is True


def test_a_mode_that_only_reports_denies_nothing_in_either_policy() -> None:
    made = policies(mode="audit")
    assert made["ValidatingAdmissionPolicyBinding"]["spec"]["validationActions"] == ["Audit", "Warn"]
    assert made["ImageValidatingPolicy"]["spec"]["validationActions"] == ["Audit"]


def test_the_order_in_which_sidecars_are_written_changes_nothing() -> None:
    first, second = (f"docker.io/mesh/{name}@sha256:{'0' * 64}" for name in ("proxy", "init"))
    assert policies(sidecars=[first, second]) == policies(sidecars=[second, first])


@pytest.mark.parametrize("registry", ["localhost:5000/a", "registry.example.com", "r.example.com:443/a-b_c/d"])
def test_the_registrys_name_is_taken_literally(registry: str) -> None:
    settings = ImageSettings.model_validate({"signing": {"issuer": ISSUER, "identity": IDENTITY}})
    policy = image_admission(registry, settings, "")[0]
    (refused,) = [one for one in policy["spec"]["variables"] if one["name"] == "refused"]
    assert registry.replace(".", "\\\\.").replace("-", "\\\\-") + "/" in refused["expression"]
