"""`roster explain` says in plain words what holds an agent to its hosts, and where that is written."""

from __future__ import annotations

import pytest
from small_fleet import MINIMAL, fleet

from ci.explain import Line, explain

PROD = """\
prod:
  description: What customers talk to.
  clusters: {eu: {context: prod-eu}, us: {context: prod-us}}
  secrets: {prefix: prod, refresh_hours: 1, store: {kind: kubernetes, namespace: secrets}}
  network:
    egress:
"""
PROXY = (
    "{kind: proxy, host: proxy.egress, cidr: 10.30.0.8/32, "
    "ports: {business: 3129, support: 3130, community: 3131, halted: 3132}}"
)


def lines(egress: str) -> dict[str, Line]:
    opened = fleet({"business/sample.yaml": MINIMAL}, {"environments.yaml": PROD + f"      {egress}\n"})
    examined = opened.examine("agents/business/sample.yaml", ["prod"])
    assert examined.agent is not None
    return {line.field: line for line in explain(examined.resolved["prod"], examined.agent, opened.catalog)}


@pytest.mark.parametrize(
    ("egress", "words"),
    [
        ("{kind: minimum}", "HTTPS out to any public address: it cannot hold host names"),
        ("{kind: cilium}", "hosts behind one address are not told apart"),
        (PROXY, "agents of the pool business name: they share one list"),
    ],
)
def test_what_holds_and_what_it_cannot_hold_is_said_with_its_place(egress: str, words: str) -> None:
    enforced = lines(egress)["enforced"]
    assert words in enforced.value
    assert (enforced.source, enforced.file) == ("environment prod", "agents/catalog/environments.yaml")


def test_the_proxys_variables_come_from_the_environment() -> None:
    variable = lines(PROXY)["HTTPS_PROXY"]
    assert (variable.value, variable.source) == ("http://proxy.egress:3129", "environment prod")


def test_a_mesh_is_told_with_its_place_and_nothing_where_there_is_none() -> None:
    account = "gateway_account: gateway/public-istio"
    plane = "control_plane: {namespace: istio-system, labels: {app: istiod}}"
    opened = fleet(
        {"business/sample.yaml": MINIMAL},
        {"environments.yaml": PROD.replace("egress:\n", f"mesh: {{kind: istio, {account}, {plane}}}\n")},
    )
    examined = opened.examine("agents/business/sample.yaml", ["prod"])
    assert examined.agent is not None
    [mesh] = [one for one in explain(examined.resolved["prod"], examined.agent, opened.catalog) if one.field == "mesh"]
    assert mesh.value.startswith("mutual TLS by Istio")
    assert (mesh.source, mesh.file) == ("environment prod", "agents/catalog/environments.yaml")
    assert "mesh" not in lines("{kind: minimum}")
