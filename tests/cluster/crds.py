"""The CRDs of every custom kind that Roster renders, from the Go modules that `ci/go-modules.txt` pins."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from api import Api, Manifest, wait_until
from real_crds import SOURCES, CrdLoader, download

from components.resources.order import STAGES

OPERATOR = "github.com/prometheus-operator/prometheus-operator"
KYVERNO = "github.com/kyverno/kyverno"
# Kinds that are registered in some fleets and have no closed schema to compare.
OTHERS = {
    "ImageValidatingPolicy": (
        KYVERNO,
        "config/crds/policies.kyverno.io/policies.kyverno.io_imagevalidatingpolicies.yaml",
    ),
    "ClusterSecretStore": SOURCES["SecretStore"],
    "ServiceMonitor": (OPERATOR, "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"),
}


def crds(folder: Path) -> list[Manifest]:
    """The CustomResourceDefinitions; `folder` must lie outside any Go module."""
    modules = download(folder)
    wanted = {kind: source for kind, source in (SOURCES | OTHERS).items() if any(kind in stage for stage in STAGES)}
    found = []
    for module, file in sorted(set(wanted.values())):
        for document in re.split(r"^---\n", (modules[module] / file).read_text("utf-8"), flags=re.MULTILINE):
            kind = re.search(r"^    kind: (\w+)$", document, re.MULTILINE)
            # Parsing the large files whole would take seconds.
            if kind and kind[1] in wanted:
                found.append(yaml.load(document, CrdLoader))  # noqa: S506 it is a safe one
    missing = wanted.keys() - {one["spec"]["names"]["kind"] for one in found}
    assert not missing, f"no CRD found for {sorted(missing)}"
    return found


def install(api: Api, definitions: list[Manifest]) -> None:
    """Applies them and waits until they are served."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda one: api.apply(one, "setup"), definitions))
    wait_until("all CRDs are served", lambda: all(_served(api.get(api.path(one))) for one in definitions))


def _served(crd: Manifest) -> bool:
    conditions = {one["type"]: one["status"] for one in crd.get("status", {}).get("conditions") or []}
    return conditions.get("Established") == "True" and conditions.get("NamesAccepted") == "True"
