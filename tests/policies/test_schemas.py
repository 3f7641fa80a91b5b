"""Strict schema validation: what is wrong is found, with its exact path; what is right passes, and passes fast."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_manifests import CORE, CUSTOM, MIX

from policies.schemas import DEFAULT_KUBERNETES_VERSION, SchemaChecker, SchemaError, available_versions

Manifest = dict[str, Any]
CONTAINER: tuple[str | int, ...] = ("spec", "template", "spec", "containers", 0)
# An idle core does 250,000 objects a second and the first check in 0.07 s; a busy machine gets room.
SLOWEST_RATE_PER_SECOND = 10_000
LATEST_FIRST_CHECK_SECONDS = 1.5


@pytest.fixture(scope="module")
def checker() -> SchemaChecker:
    return SchemaChecker()


def put(manifest: Manifest, path: tuple[str | int, ...], value: Any) -> None:
    target: Any = manifest
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value


def only_error(checker: SchemaChecker, manifest: Manifest) -> SchemaError:
    (error,) = checker.check(manifest)
    return error


def test_every_valid_manifest_passes(
    checker: SchemaChecker, core_manifests: list[Manifest], custom_manifests: list[Manifest]
) -> None:
    for manifest in core_manifests + custom_manifests:
        assert checker.check(manifest) == [], manifest["kind"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("spec", "replica"), 2, "unknown field; did you mean 'replicas'?"),
        ((*CONTAINER, "imagePullPolcy"), "Always", "unknown field; did you mean 'imagePullPolicy'?"),
        ((*CONTAINER, "LivenessProbe"), {}, "unknown field; did you mean 'livenessProbe'?"),
        ((*CONTAINER, "env", 1, "val"), "x", "unknown field; did you mean 'value'?"),
        (("metadata", "lables"), {}, "unknown field; did you mean 'labels'?"),
        (("sepc",), {}, "unknown field; did you mean 'spec'?"),
        (("spec", "replicas"), "2", "'2' is of type string; allowed: integer"),
        (("spec", "replicas"), 1.5, "1.5 is of type number; allowed: integer"),
        (("spec", "replicas"), 2**31, "2147483648 is out of range; allowed: -2147483648 to 2147483647"),
        (("spec", "replicas"), None, "must not be null; allowed: integer"),
        (("spec", "paused"), "yes", "'yes' is of type string; allowed: boolean"),
        ((*CONTAINER, "env", 1, "value"), 8000, "8000 is of type integer; allowed: string"),
        ((*CONTAINER, "image"), None, "must not be null; allowed: string"),
        ((*CONTAINER, "ports", 0, "containerPort"), "80a", "'80a' is of type string; allowed: integer"),
        ((*CONTAINER, "resources", "limits", "cpu"), [1], "a list of 1 is of type array; allowed: string or number"),
        (("metadata", "labels", "debug"), True, "true is of type boolean; allowed: string"),
        (("metadata", "name"), 7, "7 is of type integer; allowed: string"),
        (("spec", "template", "spec", "volumes"), {}, "a mapping of 0 is of type object; allowed: array"),
    ],
)
def test_a_broken_deployment_gives_the_path_the_value_and_what_is_allowed(
    checker: SchemaChecker, manifest: Callable[[str], Manifest], path: tuple[str | int, ...], value: Any, message: str
) -> None:
    deployment = manifest("Deployment")
    put(deployment, path, value)
    assert only_error(checker, deployment) == SchemaError(path, message)


@pytest.mark.parametrize(
    "path",
    [("metadata",), ("spec", "selector"), ("spec", "template"), (*CONTAINER, "name"), (*CONTAINER, "env", 0, "name")],
)
def test_a_missing_field_is_named(
    checker: SchemaChecker, manifest: Callable[[str], Manifest], path: tuple[str | int, ...]
) -> None:
    deployment = manifest("Deployment")
    target: Any = deployment
    for part in path[:-1]:
        target = target[part]
    del target[path[-1]]
    assert only_error(checker, deployment) == SchemaError(path, "required, but missing")


def test_an_unknown_field_near_to_none_lists_the_allowed_ones(
    checker: SchemaChecker, manifest: Callable[[str], Manifest]
) -> None:
    service = manifest("Service")
    service["zzz"] = 1
    assert only_error(checker, service).message == "unknown field; allowed: apiVersion, kind, metadata, spec, status"


def test_all_errors_come_at_once_and_in_order(checker: SchemaChecker, manifest: Callable[[str], Manifest]) -> None:
    deployment = manifest("Deployment")
    put(deployment, (*CONTAINER, "ports", 1, "name"), 3)
    put(deployment, (*CONTAINER, "env", 0, "valu"), "x")
    put(deployment, ("spec", "replicas"), "2")
    put(deployment, ("metadata", "surprise"), {})
    assert [error.path for error in checker.check(deployment)] == [
        ("metadata", "surprise"),
        ("spec", "replicas"),
        (*CONTAINER, "env", 0, "valu"),
        (*CONTAINER, "ports", 1, "name"),
    ]


@pytest.mark.parametrize("value", [1, "25%"])
def test_int_or_string_takes_both(checker: SchemaChecker, manifest: Callable[[str], Manifest], value: Any) -> None:
    budget = manifest("PodDisruptionBudget")
    budget["spec"]["maxUnavailable"] = value
    assert checker.check(budget) == []


@pytest.mark.parametrize("value", ["250m", 1, 0.5])
def test_a_quantity_is_text_or_a_number(
    checker: SchemaChecker, manifest: Callable[[str], Manifest], value: Any
) -> None:
    deployment = manifest("Deployment")
    put(deployment, (*CONTAINER, "resources", "requests", "cpu"), value)
    assert checker.check(deployment) == []


def test_maps_take_any_key(checker: SchemaChecker, manifest: Callable[[str], Manifest]) -> None:
    config = manifest("ConfigMap")
    config["data"]["any.key"] = "value"
    config["metadata"]["annotations"] = {"any.example/key": "value"}
    assert checker.check(config) == []


@pytest.mark.parametrize(
    ("api_version", "kind", "path", "message"),
    [
        ("apps/v1", "Deploymnet", ("kind",), "unknown kind 'Deploymnet' in 'apps/v1'; did you mean 'Deployment'?"),
        ("extensions/v1beta1", "Deployment", ("apiVersion",), "no version 'extensions/v1beta1'; allowed: apps/v1"),
        ("keda.sh/v1", "ScaledObject", ("apiVersion",), "allowed: keda.sh/v1alpha1"),
        ("example.com/v1", "Widget", ("kind",), "unknown kind 'Widget'"),
        ("v1", "List", ("kind",), "unknown kind 'List'"),
        ("v1", "../secrets", ("kind",), "unknown kind"),
        (None, "Service", ("apiVersion",), "required, and must be a string"),
        ("v1", ["Service"], ("kind",), "required, and must be a string"),
    ],
)
def test_an_unknown_kind_is_an_error_and_never_skipped(
    checker: SchemaChecker, api_version: Any, kind: Any, path: tuple[str], message: str
) -> None:
    error = only_error(checker, {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}})
    assert error.path == path
    assert message in error.message


@pytest.mark.parametrize(
    ("kind", "path", "value", "message"),
    [
        ("ExternalSecret", ("spec", "refreshIntervall"), "1h", "did you mean 'refreshInterval'?"),
        ("ExternalSecret", ("spec", "target", "creationPolicy"), "Owned", "did you mean 'Owner'?"),
        ("SecretStore", ("spec", "provider", "vualt"), {}, "did you mean 'vault'?"),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 1, "for"), "5 minutes", "has the wrong form"),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 1), {"expr": "up"}, "give exactly one of alert, record"),
        ("PodMonitor", ("spec", "podMetricsEndpoints", 0, "scheme"), "HTTP", "did you mean 'http'?"),
        ("ScaledObject", ("spec", "maxReplicaCount"), 0, "0 is out of range; allowed: 1 to 2147483647"),
        ("ScaledObject", ("spec", "triggers", 0, "metadata", "listLength"), 5, "5 is of type integer; allowed: string"),
        ("TriggerAuthentication", ("spec", "podIdentity", "provider"), "azure", "is not allowed"),
        ("HTTPRoute", ("spec", "rules", 0, "backendRefs", 0, "port"), 70000, "allowed: 1 to 65535"),
        ("CiliumNetworkPolicy", ("spec", "egress", 1, "toFQDNs", 0, "matchNmae"), "x", "did you mean 'matchName'?"),
    ],
)
def test_a_broken_custom_object_gives_the_path_and_the_reason(
    checker: SchemaChecker,
    manifest: Callable[[str], Manifest],
    kind: str,
    path: tuple[str | int, ...],
    value: Any,
    message: str,
) -> None:
    broken = manifest(kind)
    put(broken, path, value)
    found = [error for error in checker.check(broken) if error.path == path]
    assert [message in error.message for error in found] == [True]


def test_the_value_of_a_secret_is_not_in_the_message(
    checker: SchemaChecker, manifest: Callable[[str], Manifest]
) -> None:
    secret = manifest("Secret")
    secret["stringData"]["pin"] = 424242
    error = only_error(checker, secret)
    assert error.path == ("stringData", "pin")
    assert "424242" not in error.message


def test_values_that_json_lacks_are_errors_with_their_path(
    checker: SchemaChecker, manifest: Callable[[str], Manifest]
) -> None:
    config = manifest("ConfigMap")
    config["data"] = {80: "x", "date": {"at": b"x"}}
    assert checker.check(config) == [
        SchemaError(("data",), "key 80 is integer; allowed: string"),
        SchemaError(("data", "date", "at"), "a value of type bytes cannot be written as JSON"),
    ]


def test_a_structure_that_contains_itself_is_an_error(
    checker: SchemaChecker, manifest: Callable[[str], Manifest]
) -> None:
    config = manifest("ConfigMap")
    config["data"]["self"] = config["data"]
    assert "nested" in checker.check(config)[0].message


def test_another_kubernetes_version_is_another_set_of_kinds() -> None:
    assert DEFAULT_KUBERNETES_VERSION in available_versions()
    old = SchemaChecker(available_versions()[0])
    assert old.kinds() != SchemaChecker().kinds()


def test_a_kubernetes_version_without_schemas_names_the_ones_that_have_them() -> None:
    with pytest.raises(ValueError, match=r"no schemas for Kubernetes '1\.2'; available: .*1\.37"):
        SchemaChecker("1.2")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in [(*path, key), *_paths(item, (*path, key))]]


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_value_anywhere_gives_a_traceback(data: st.DataObject, checker: SchemaChecker) -> None:
    broken = deepcopy(data.draw(st.sampled_from(CORE + CUSTOM)))
    for _ in range(data.draw(st.integers(1, 3))):
        put(broken, data.draw(st.sampled_from(_paths(broken))), data.draw(JSON))
    errors = checker.check(broken)
    assert all(error.message and "\n" not in error.message for error in errors)


def test_the_mix_of_an_agents_objects_is_checked_at_full_speed(
    checker: SchemaChecker, manifest: Callable[[str], Manifest]
) -> None:
    fleet = [manifest(kind) for kind in MIX] * 300
    rate = 0.0
    for _ in range(3):
        start = time.perf_counter()
        assert not any(checker.check(item) for item in fleet)
        rate = max(rate, len(fleet) / (time.perf_counter() - start))
    assert rate > SLOWEST_RATE_PER_SECOND


def test_the_first_check_of_a_new_process_comes_soon() -> None:
    program = (
        "import time; start = time.perf_counter()\n"
        "from policies.schemas import SchemaChecker\n"
        "SchemaChecker().check({'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {}, 'spec': {}})\n"
        "print(time.perf_counter() - start)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert float(done.stdout) < LATEST_FIRST_CHECK_SECONDS
