"""The real CRDs, from the Go modules that `ci/go-modules.txt` pins, and their comparison with our closed schemas."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

MODULES = Path(__file__).parents[2] / "ci" / "go-modules.txt"
# Kind to the module and the file in it.
SOURCES = {
    "ExternalSecret": ("github.com/external-secrets/external-secrets", "deploy/crds/bundle.yaml"),
    "SecretStore": ("github.com/external-secrets/external-secrets", "deploy/crds/bundle.yaml"),
    "PrometheusRule": (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
    "PodMonitor": (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
    ),
    "AlertmanagerConfig": (
        "github.com/prometheus-operator/prometheus-operator",
        "example/prometheus-operator-crd/monitoring.coreos.com_alertmanagerconfigs.yaml",
    ),
    "GrafanaDashboard": (
        "github.com/grafana/grafana-operator/v5",
        "config/crd/bases/grafana.integreatly.org_grafanadashboards.yaml",
    ),
    "ScaledObject": ("github.com/kedacore/keda/v2", "config/crd/bases/keda.sh_scaledobjects.yaml"),
    "TriggerAuthentication": ("github.com/kedacore/keda/v2", "config/crd/bases/keda.sh_triggerauthentications.yaml"),
    "HTTPRoute": ("sigs.k8s.io/gateway-api", "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"),
    "ImageValidatingPolicy": (
        "github.com/kyverno/kyverno",
        "config/crds/policies.kyverno.io/policies.kyverno.io_imagevalidatingpolicies.yaml",
    ),
    "PeerAuthentication": ("istio.io/api", "kubernetes/customresourcedefinitions.gen.yaml"),
    "AuthorizationPolicy": ("istio.io/api", "kubernetes/customresourcedefinitions.gen.yaml"),
    "CiliumNetworkPolicy": (
        "github.com/cilium/cilium",
        "pkg/k8s/apis/cilium.io/client/crds/v2/ciliumnetworkpolicies.yaml",
    ),
}
# What the API server adds where a CRD's own schema leaves it out, as Istio's does.
_EVERY_OBJECT = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
# Ours must be at least as narrow: keyword, and whether the larger figure is the narrower one.
BOUNDS = {
    "minimum": True,
    "minLength": True,
    "minItems": True,
    "minProperties": True,
    "maximum": False,
    "maxLength": False,
    "maxItems": False,
    "maxProperties": False,
}


def download(folder: Path) -> dict[str, Path]:
    """Module path to its unpacked folder; `folder` must lie outside any Go module. Raises where a download fails."""
    modules = [line.split() for line in MODULES.read_text("utf-8").splitlines() if line]
    done = subprocess.run(
        ["go", "mod", "download", "-json", *(f"{path}@{version}" for path, version in modules)],
        cwd=folder,
        env={**os.environ, "GOFLAGS": "-mod=mod"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    decoder, text, found = json.JSONDecoder(), done.stdout.strip(), {}
    while text:
        module, end = decoder.raw_decode(text)
        found[module["Path"]] = Path(module["Dir"])
        text = text[end:].strip()
    return found


class CrdLoader(yaml.CSafeLoader):
    """Reads a bare `=`, which stands in the lists of matchers, as the text that it is."""


CrdLoader.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


@cache
def real_schema(file: Path, kind: str, version: str) -> dict[str, Any]:
    """The openAPIV3Schema of one version of one kind."""
    for crd in yaml.load_all(file.read_bytes(), Loader=CrdLoader):
        if crd and crd.get("kind") == "CustomResourceDefinition" and crd["spec"]["names"]["kind"] == kind:
            for served in crd["spec"]["versions"]:
                if served["name"] == version and served["served"]:
                    schema: dict[str, Any] = served["schema"]["openAPIV3Schema"]
                    return {**schema, "properties": _EVERY_OBJECT | schema["properties"]}
    raise LookupError(f"{file} serves no {kind} {version}")


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """A CRD's schema as a JSON schema that refuses unknown fields; alternatives (anyOf…) stay as they are."""
    closed = {key: value for key, value in schema.items() if key not in ("description", "default")}
    if schema.get("x-kubernetes-int-or-string"):
        closed["type"] = ["integer", "string"]
    if "properties" in schema:
        closed["properties"] = {name: strict(value) for name, value in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            closed["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        closed["additionalProperties"] = strict(schema["additionalProperties"])
    if "items" in schema:
        closed["items"] = strict(schema["items"])
    if schema.get("nullable"):
        closed["type"] = [schema["type"], "null"]
    return closed


def differences(ours: dict[str, Any], real: dict[str, Any], document: dict[str, Any], at: str = "") -> Iterator[str]:
    """What our schema lets pass that the real one would refuse, one line each."""
    if at == ".metadata":
        return
    while "$ref" in ours:
        ours = document["$defs"][ours["$ref"].removeprefix("#/$defs/")]
    if real.get("x-kubernetes-preserve-unknown-fields"):
        return
    yield from _value_differences(ours, real, at)
    missing = set(real.get("required", ())) - set(ours.get("required", ()))
    if missing:
        yield f"{at}: the real one requires {sorted(missing)}"
    for name, value in ours.get("properties", {}).items():
        theirs = real.get("properties", {}).get(name, real.get("additionalProperties"))
        if isinstance(theirs, dict):
            yield from differences(value, theirs, document, f"{at}.{name}")
        else:
            yield f"{at}.{name}: the real one has no such field"
    for keyword in ("items", "additionalProperties"):
        if isinstance(ours.get(keyword), dict):
            if isinstance(real.get(keyword), dict):
                yield from differences(ours[keyword], real[keyword], document, f"{at}[]")
            else:
                yield f"{at}: the real one has no {keyword}"
    if ours.get("type") == "object" and ours.get("additionalProperties", True) is True:
        yield f"{at}: ours is open"


def _value_differences(ours: dict[str, Any], real: dict[str, Any], at: str) -> Iterator[str]:
    options = [ours["const"]] if "const" in ours else ours.get("enum")
    our_type = {str: "string", int: "integer"}[type(options[0])] if options else ours.get("type")
    allowed = {"integer", "string"} if real.get("x-kubernetes-int-or-string") else {real.get("type")}
    if our_type not in allowed:
        yield f"{at}: type {our_type}, the real one {sorted(map(str, allowed))}"
    if "enum" in real and not (options and set(options) <= set(real["enum"])):
        yield f"{at}: {options or 'any value'}, the real one {real['enum']}"
    for keyword, larger_is_narrower in BOUNDS.items():
        if keyword in real and not options:
            figure = ours.get(keyword)
            if figure is None or (figure < real[keyword] if larger_is_narrower else figure > real[keyword]):
                yield f"{at}: {keyword} {figure}, the real one {real[keyword]}"
    if "pattern" in real and our_type == "string":
        refused = _refused(ours, options, real["pattern"])
        if refused is not None:
            yield f"{at}: lets {refused!r} pass, the real one wants {real['pattern']}"


def _refused(ours: dict[str, Any], options: list[str] | None, pattern: str) -> str | None:
    """A text that ours takes and `pattern` refuses, looked for among all options or 40 drawn texts."""
    if options:
        return next((text for text in options if not _go_pattern(pattern).search(text)), None)
    if "pattern" not in ours:
        return "any text"
    return _counterexample(ours["pattern"], ours.get("minLength", 0), ours.get("maxLength", 10_000), pattern)


def _go_pattern(pattern: str) -> re.Pattern[str]:
    # Go takes a flag in the middle, Python only in front.
    return re.compile(pattern.replace("(?i)", ""), re.IGNORECASE if "(?i)" in pattern else 0)


@cache
def _counterexample(ours: str, low: int, high: int, theirs: str) -> str | None:
    texts = st.from_regex(re.compile(ours, re.ASCII), fullmatch=True).filter(lambda text: low <= len(text) <= high)
    wanted, found = _go_pattern(theirs), []

    @settings(max_examples=40, database=None, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(texts.filter(lambda text: not text.endswith("\n")))
    def look(text: str) -> None:
        if not wanted.search(text):
            found.append(text)

    look()
    return found[0] if found else None
