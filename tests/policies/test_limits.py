"""Kubernetes' own limits: each is found at its exact path, and nothing valid is refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_manifests import CORE, CUSTOM, MIX

from policies.limits import ANNOTATIONS_BYTES, DATA_BYTES, check_limits
from policies.syntax import label_key_problem, label_value_problem, port_name_problem, quantity, subdomain_problem

Manifest = dict[str, Any]
Path = tuple[str | int, ...]
POD: Path = ("spec", "template", "spec")
AGENT: Path = (*POD, "containers", 0)
# An idle core does 65,000 objects a second; a busy machine gets room.
SLOWEST_RATE_PER_SECOND = 15_000


def put(manifest: Manifest, path: Path, value: Any) -> None:
    target: Any = manifest
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value


def test_every_valid_manifest_keeps_the_limits(
    core_manifests: list[Manifest], custom_manifests: list[Manifest]
) -> None:
    for manifest in core_manifests + custom_manifests:
        assert check_limits(manifest) == [], manifest["kind"]


@pytest.mark.parametrize(
    ("kind", "path", "value", "error_path", "message"),
    [
        ("Deployment", ("metadata", "name"), "Invoice_Reader", None, "must be at most 253 of a-z"),
        ("Deployment", ("metadata", "name"), "a" * 254, None, "must be at most 253"),
        ("Deployment", ("metadata", "name"), "a\n", None, "must be at most 253"),
        ("Deployment", ("metadata",), {}, ("metadata", "name"), "required, but missing"),
        ("Service", ("metadata", "name"), "9lives", None, "start with a letter"),
        ("Service", ("metadata", "name"), "a.b", None, "must be at most 63"),
        ("Service", ("metadata", "name"), "a" * 64, None, "must be at most 63"),
        ("Namespace", ("metadata", "name"), "a.b", None, "must be at most 63"),
        ("CronJob", ("metadata", "name"), "a" * 53, None, "longer than the 52 characters of a CronJob"),
        ("ConfigMap", ("metadata", "namespace"), "a.b", None, "must be at most 63"),
        ("Service", ("metadata", "labels", "role"), "x" * 64, None, "must be at most 63"),
        ("Service", ("metadata", "labels", "role"), "-x", None, "a letter or digit at both ends"),
        ("Service", ("metadata", "labels", "a b"), "x", None, "as a label's key: the name must be"),
        ("Service", ("metadata", "labels", "A.example/b"), "x", None, "as a label's key: the prefix must be"),
        ("Deployment", (*POD[:-1], "metadata", "labels", "x"), "no spaces", None, "must be at most 63"),
        ("Deployment", ("metadata", "annotations", "a/b/c"), "x", None, "as an annotation's key"),
        ("Deployment", ("spec", "selector", "matchLabels", "role"), "bot", None, "but the pod template has 'agent'"),
        ("Deployment", ("spec", "selector", "matchLabels", "pool"), "x", None, "but the pod template lacks it"),
        ("Deployment", ("spec", "selector"), {}, None, "an empty selector is refused"),
        (
            "Deployment",
            ("spec", "selector", "matchExpressions", 0, "operator"),
            "NotIn",
            ("spec", "selector", "matchExpressions", 0),
            "the pod template does not match",
        ),
        ("Deployment", (*AGENT, "name"), "Agent", None, "must be at most 63 of a-z"),
        ("Deployment", (*AGENT, "name"), "warm-up", None, "already taken at spec.template.spec.initContainers.0.name"),
        ("Deployment", (*AGENT, "env", 1, "name"), "1ST", None, "not start with a digit"),
        ("Deployment", (*AGENT, "env", 1, "name"), "CLAUDE_MODEL", None, "is given twice"),
        ("Deployment", (*AGENT, "env", 2, "value"), "x", (*AGENT, "env", 2, "valueFrom"), "not both"),
        ("Deployment", (*AGENT, "ports", 1, "name"), "http", None, "already given at position 0"),
        ("Deployment", (*AGENT, "ports", 1, "name"), "a-name-of-sixteen", None, "must be at most 15"),
        ("Deployment", (*AGENT, "ports", 1, "containerPort"), 65536, None, "allowed: 1 to 65535"),
        ("Deployment", (*AGENT, "livenessProbe", "httpGet", "port"), 0, None, "allowed: 1 to 65535"),
        ("Deployment", (*AGENT, "volumeMounts", 1, "name"), "cofnig", None, "volumes: config, scratch"),
        ("Deployment", (*AGENT, "volumeMounts", 1, "mountPath"), "/tmp", None, "already given at position 0"),
        ("Deployment", (*POD, "volumes", 1, "name"), "scratch", None, "already taken"),
        ("Deployment", (*POD, "volumes", 0, "emptyDir", "sizeLimit"), "64MB", None, "is not a quantity"),
        ("Deployment", (*AGENT, "resources", "requests", "cpu"), "250 m", None, "is not a quantity"),
        ("Deployment", (*AGENT, "resources", "requests", "cpu"), "-1", None, "is negative"),
        ("Deployment", (*AGENT, "resources", "requests", "cpu"), "501m", None, "more than the limit of 0.5"),
        ("Deployment", (*AGENT, "resources", "requests", "memory"), "1Gi", None, "more than the limit of '512Mi'"),
        ("Service", ("spec", "ports", 0, "port"), 0, None, "allowed: 1 to 65535"),
        ("Service", ("spec", "ports", 0, "targetPort"), "-http", None, "must be at most 15"),
        ("Service", ("spec", "ports", 0, "port"), 9090, ("spec", "ports", 1, "port"), "9090/TCP is given twice"),
        ("Service", ("spec", "ports", 1), {"port": 81}, ("spec", "ports", 1, "name"), "required where"),
        ("ConfigMap", ("data", "a/b"), "x", None, "as a key of data"),
        ("ConfigMap", ("binaryData",), {"LOG_LEVEL": "eA=="}, ("binaryData", "LOG_LEVEL"), "two groups"),
        ("HorizontalPodAutoscaler", ("spec", "minReplicas"), 11, None, "11 is more than maxReplicas, which is 10"),
        ("HorizontalPodAutoscaler", ("spec", "minReplicas"), 0, None, "0 is less than 1"),
        ("HorizontalPodAutoscaler", ("spec", "maxReplicas"), 0, None, "0 is less than 1"),
        ("ScaledObject", ("spec", "minReplicaCount"), 11, None, "11 is more than maxReplicaCount, which is 10"),
        ("PodDisruptionBudget", ("spec", "minAvailable"), 1, ("spec", "maxUnavailable"), "not both"),
        ("NetworkPolicy", ("spec", "egress", 0, "ports", 1, "endPort"), 7999, None, "less than the port 8000"),
        ("NetworkPolicy", ("spec", "ingress", 0, "ports", 0, "port"), 70000, None, "allowed: 1 to 65535"),
        ("ResourceQuota", ("spec", "hard", "pods"), "many", None, "is not a quantity"),
        ("LimitRange", ("spec", "limits", 0, "default", "cpu"), "half", None, "is not a quantity"),
        ("PersistentVolumeClaim", ("spec", "resources", "requests", "storage"), "1GB", None, "is not a quantity"),
        (
            "CronJob",
            ("spec", "jobTemplate", "spec", "template", "spec", "containers", 0, "name"),
            "A",
            None,
            "must be at most 63",
        ),
    ],
)
def test_a_broken_limit_is_found_at_its_path(
    manifest: Callable[[str], Manifest], kind: str, path: Path, value: Any, error_path: Path | None, message: str
) -> None:
    broken = manifest(kind)
    put(broken, path, value)
    found = [error.message for error in check_limits(broken) if error.path == (error_path or path)]
    assert [message in text for text in found] == [True], (found, check_limits(broken))


@pytest.mark.parametrize("kind", ["Role", "ClusterRoleBinding"])
def test_an_rbac_name_may_hold_a_colon(kind: str) -> None:
    assert check_limits({"kind": kind, "metadata": {"name": "system:agents"}}) == []
    assert check_limits({"kind": kind, "metadata": {"name": "a/b"}}) != []


def test_annotations_may_fill_their_256_kib_and_not_a_byte_more(manifest: Callable[[str], Manifest]) -> None:
    config = manifest("ConfigMap")
    config["metadata"]["annotations"] = {"note": "x" * (ANNOTATIONS_BYTES - len("note"))}
    assert check_limits(config) == []
    config["metadata"]["annotations"]["note"] += "x"
    (error,) = check_limits(config)
    assert error.path == ("metadata", "annotations")
    assert "262145 bytes in all; allowed: 262144" in error.message


@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_config_map_may_fill_its_mebibyte_and_not_a_byte_more(letter: str) -> None:
    text = letter * (DATA_BYTES // len(letter.encode()))
    config: Manifest = {"kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"prompt": text}}
    assert check_limits(config) == []
    config["data"]["more"] = "x"
    (error,) = check_limits(config)
    assert error.path == ("data",)
    assert "1048577 bytes in all; allowed: 1048576" in error.message


def test_a_secrets_size_is_that_of_its_decoded_data() -> None:
    encoded = "QUFB" * (DATA_BYTES // 3) + "QQ=="
    secret: Manifest = {"kind": "Secret", "metadata": {"name": "a"}, "data": {"key": encoded}}
    assert check_limits(secret) == []
    secret["stringData"] = {"other": "x"}
    assert [error.path for error in check_limits(secret)] == [("data",)]


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        ("999m", "1"),
        ("1k", "1Ki"),
        ("1G", "1Gi"),
        ("1E", "2E"),
        ("1e3", "1001"),
        (".5", 0.75),
        ("100n", "1u"),
        (1, "2"),
    ],
)
def test_quantities_compare_across_units(smaller: Any, larger: Any) -> None:
    low, high = quantity(smaller), quantity(larger)
    assert low is not None
    assert high is not None
    assert low < high


@pytest.mark.parametrize(
    "text", ["", "1 Gi", "1GB", "1gi", "1K", "Gi", "1,5", "0x10", "1_000", "\u0661", True, None, "nan"]
)
def test_what_kubernetes_takes_for_no_quantity_is_none(text: Any) -> None:
    assert quantity(text) is None


@pytest.mark.parametrize(
    ("problem", "good", "bad"),
    [
        (subdomain_problem, ["a", "a.b-c.1"], ["", "a..b", "-a", "a-", "A", "a_b", "a.", "é"]),
        (label_key_problem, ["a", "a.example/B_c", "k8s.io/x"], ["", "/a", "a/", "a/b/c", "_a", "x" * 64]),
        (label_value_problem, ["", "A-b_c.1", "x" * 63], ["a b", "-", "x" * 64, "a\n", "a/b"]),
        (port_name_problem, ["http", "a-1"], ["80", "a--b", "-a", "a-", "HTTP", "abcdefghijklmnop"]),
    ],
)
def test_syntaxes_take_the_good_and_refuse_the_bad(
    problem: Callable[[str], str | None], good: list[str], bad: list[str]
) -> None:
    assert [text for text in good if problem(text)] == []
    assert [text for text in bad if not problem(text)] == []


def _paths(value: Any, path: Path = ()) -> list[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in items for found in [(*path, key), *_paths(item, (*path, key))]]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_no_value_anywhere_gives_a_traceback(data: st.DataObject) -> None:
    broken = deepcopy(data.draw(st.sampled_from(CORE + CUSTOM)))
    for _ in range(data.draw(st.integers(1, 3))):
        put(broken, data.draw(st.sampled_from(_paths(broken))), data.draw(ANYTHING))
    assert all(one.message for one in check_limits(broken))


def test_the_mix_of_an_agents_objects_is_checked_at_full_speed(manifest: Callable[[str], Manifest]) -> None:
    fleet = [manifest(kind) for kind in MIX] * 300
    rate = 0.0
    for _ in range(3):
        start = time.perf_counter()
        assert not any(check_limits(item) for item in fleet)
        rate = max(rate, len(fleet) / (time.perf_counter() - start))
    assert rate > SLOWEST_RATE_PER_SECOND
