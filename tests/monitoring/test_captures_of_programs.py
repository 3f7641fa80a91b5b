"""Captures of exporters that need a cluster: by programs of ours around the packages that make their metrics.

Building the programs takes minutes: ci/test.sh leaves this file out, and ci/monitoring_test.sh runs it.
"""

from __future__ import annotations

import re

import pytest
from captures import hold, kept, samples
from running_exporters import EXPORTERS, said_by

# Go programs of `exporters/`, each around an exporter's own metrics packages: what their captures are of.
OBJECTS = "`namespace` is the object's: Prometheus keeps it with honorLabels only."
OWN_PROGRAMS = {
    "cadvisor": (
        r"container_|machine_(cpu|memory)",
        "cAdvisor v0.56.2 as the kubelet of Kubernetes v1.36.3 exposes it at /metrics/cadvisor, for a pod of an agent.",
        "From no running kubelet: cAdvisor's own collector, with a made-up pod that is labelled as by containerd.",
        "Each sample has a time of its own there, so a series outlives its container by five minutes.",
    ),
    "kubelet": (
        r"kubelet_volume_",
        "The kubelet of Kubernetes v1.36.3 at /metrics: its own collector of disks, with a pod that is made up.",
    ),
    "external_secrets": (
        r"(externalsecret|secretstore)_",
        "external-secrets v1.3.2: its own metrics packages, with objects that are made up.",
        OBJECTS,
    ),
    "cert_manager": (
        r"certmanager_certificate_",
        "cert-manager v1.21.2: its own metrics package, with certificates that are made up.",
        OBJECTS,
    ),
}
MADE_BY = "Made again by: pytest tests/monitoring/test_captures_of_programs.py --update-golden"


@pytest.mark.parametrize("name", OWN_PROGRAMS)
def test_exporter_around_its_own_metrics_packages(name: str, update_golden: bool) -> None:
    wanted, *said = OWN_PROGRAMS[name]
    found = [one for one in samples(said_by(name)) if re.match(wanted, one.name)]
    hold(name, kept(found, whole=lambda _: True), "\n".join([*said, MADE_BY]), update_golden)


def test_every_program_of_ours_has_its_capture() -> None:
    assert {path.name for path in EXPORTERS.iterdir() if path.is_dir()} == OWN_PROGRAMS.keys()
