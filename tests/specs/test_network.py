"""What holds agents to their hosts, as an attacker in one of their pods would find it, for each kind of egress."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest
from small_fleet import MINIMAL, fleet, one

from components.resolve.resolved import ResolvedAgent
from components.specs import Manifest, agent_manifests

PROD = """\
prod:
  description: What customers talk to.
  clusters: {eu: {context: prod-eu}, us: {context: prod-us}}
  secrets: {prefix: prod, refresh_hours: 1, store: {kind: kubernetes, namespace: secrets}}
"""
KINDS = {
    "minimum": "  network: {egress: {kind: minimum}}\n",
    "cilium": "  network: {egress: {kind: cilium}}\n",
    "proxy": "  network:\n    egress:\n      kind: proxy\n      host: proxy.egress\n"
    "      pods: {namespace: egress, labels: {app: squid}}\n"
    "      ports: {business: 3129, support: 3130, community: 3131, halted: 3132}\n",
}
SILENT = "version: 1\ndescription: Works.\nowner: growth\nruntime: worker\n"
CRM = MINIMAL + "hosts: [crm.example.com]\n"
WITH_DATABASES = CRM + "storage: {databases: [agents-postgres, platform-postgres]}\n"
# Metadata services, nodes, private networks, and IPv6 addresses that carry such an IPv4 address inside.
INSIDE = """\
169.254.169.254 169.254.170.23 100.100.100.200 168.63.129.16 192.0.0.192 10.1.2.3 172.31.0.1 192.168.1.1 127.0.0.1
0.0.0.0 198.18.0.1 198.19.255.255 192.0.0.8 192.88.99.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 100.64.0.1
fd00:ec2::254 fd20:ce::254 fc00::1 fe80::a9fe:a9fe ff02::1 ::1 :: ::ffff:169.254.169.254 ::ffff:10.0.0.1 ::10.0.0.1
64:ff9b::a9fe:a9fe 64:ff9b:1::a00:1 2002:a9fe:a9fe::1 2002:a00:1::1 2001:0:a9fe:a9fe::1 100::1 5f00::1
"""
OUTSIDE = """\
1.1.1.1 8.8.8.8 9.9.9.9 172.32.0.1 100.128.0.1 198.20.0.1 223.255.255.254 2606:4700::1111 2a00:1450::1
2001:4860::8888
"""


def agent(kind: str, text: str = CRM, pool: str = "business") -> ResolvedAgent:
    """An agent in prod, under one kind of egress."""
    owner = text.replace("owner: growth", "owner: support") if pool == "support" else text
    path = f"{pool}/sample.yaml"
    examined = fleet({path: owner}, {"environments.yaml": PROD + KINDS[kind]}).examine(f"agents/{path}", ["prod"])
    assert "prod" in examined.resolved, "\n".join(map(str, examined.findings))
    return examined.resolved["prod"]


def objects(kind: str, text: str = CRM, pool: str = "business") -> list[Manifest]:
    return agent_manifests(agent(kind, text, pool))


def plain(manifests: list[Manifest]) -> Manifest:
    spec: Manifest = one(manifests, "NetworkPolicy")["spec"]
    return spec


def cilium(text: str = CRM) -> Manifest:
    spec: Manifest = one(objects("cilium", text), "CiliumNetworkPolicy")["spec"]
    return spec


def ranges(spec: Manifest) -> Iterator[Manifest]:
    """The ranges of addresses that a NetworkPolicy lets out to."""
    for rule in spec.get("egress", ()):
        yield from (peer["ipBlock"] for peer in rule["to"] if "ipBlock" in peer)


def covers(blocks: list[Manifest], address: str) -> bool:
    ip = ipaddress.ip_address(address)
    return any(
        ip in ipaddress.ip_network(block["cidr"])
        and not any(ip in ipaddress.ip_network(one) for one in block.get("except", ()))
        for block in blocks
    )


def test_with_the_minimum_no_address_that_leads_inside_is_open() -> None:
    blocks = list(ranges(plain(objects("minimum"))))
    assert [address for address in INSIDE.split() if covers(blocks, address)] == []
    assert [address for address in OUTSIDE.split() if not covers(blocks, address)] == []


def test_with_the_minimum_nothing_but_https_and_questions_to_dns_leaves() -> None:
    ports = [port for rule in plain(objects("minimum"))["egress"] for port in rule["ports"]]
    assert ports == [
        {"protocol": "UDP", "port": 53},
        {"protocol": "TCP", "port": 53},
        {"protocol": "TCP", "port": 443},
    ]


def test_the_minimum_is_what_holds_with_nothing_said() -> None:
    said = agent_manifests(fleet({"business/sample.yaml": CRM}).examine("agents/business/sample.yaml").resolved["prod"])
    assert plain(said) == plain(objects("minimum"))
    assert "CiliumNetworkPolicy" not in {manifest["kind"] for manifest in said}
    assert [one["metadata"]["name"] for one in said if one["kind"] == "ConfigMap"] == ["sample"]


def test_with_cilium_hosts_are_held_by_name_at_one_port() -> None:
    (hosts,) = [rule for rule in cilium()["egress"] if "toFQDNs" in rule]
    assert hosts == {
        "toFQDNs": [{"matchName": "api.anthropic.com"}, {"matchName": "crm.example.com"}],
        "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}],
    }


def test_with_cilium_dns_answers_the_hosts_and_the_cluster_only() -> None:
    (resolver,) = [rule for rule in cilium()["egress"] if "rules" in rule.get("toPorts", [{}])[0]]
    labels = {"k8s:io.kubernetes.pod.namespace": "kube-system", "k8s:k8s-app": "kube-dns"}
    assert resolver["toEndpoints"] == [{"matchLabels": labels}]
    assert resolver["toPorts"][0]["rules"]["dns"] == [
        {"matchName": "api.anthropic.com"},
        {"matchName": "crm.example.com"},
        {"matchPattern": "**.cluster.local"},
    ]
    assert [rule for rule in cilium()["egress"] if not rule.get("toPorts")] == []


def test_with_cilium_the_plain_policy_widens_nothing() -> None:
    """Cilium allows what any policy of a pod allows: public addresses or a free DNS there would undo its own."""
    beside = plain(objects("cilium", WITH_DATABASES))
    assert beside["policyTypes"] == ["Ingress", "Egress"]
    assert [block["cidr"] for block in ranges(beside)] == ["10.20.0.0/24"], "the database"
    assert [port["port"] for rule in beside["egress"] for port in rule["ports"]] == [5432, 5432]
    assert "egress" not in plain(objects("cilium"))
    assert beside["ingress"] == plain(objects("minimum", WITH_DATABASES))["ingress"]


def test_with_cilium_a_hosts_owner_cannot_lead_agents_inside() -> None:
    (denied,) = cilium(WITH_DATABASES)["egressDeny"]
    reachable = [one for one in INSIDE.split() if not one.startswith(("::", "ff0", "100:", "5f00"))]
    assert [address for address in reachable if not covers(denied["toCIDRSet"], address)] == []
    assert [address for address in OUTSIDE.split() if covers(denied["toCIDRSet"], address)] == []
    assert not covers(denied["toCIDRSet"], "10.20.0.7"), "the database's range, which a denial would win over"


def test_with_cilium_an_agent_without_hosts_has_none() -> None:
    spec = cilium(SILENT)
    assert [rule for rule in spec["egress"] if "toFQDNs" in rule] == []
    assert spec["ingress"] == [{}], "an empty rule closes the direction, and lets nobody in"


@pytest.mark.parametrize("kind", KINDS)
def test_a_suspended_agent_reaches_nothing_and_is_reached_by_nobody(kind: str) -> None:
    made = objects(kind, WITH_DATABASES + "suspended: true\n")
    assert plain(made).keys() == {"podSelector", "policyTypes"}
    assert [one["metadata"]["name"] for one in made if one["kind"] == "ConfigMap"] == ["sample"], "no list of hosts"
    for manifest in made:
        if manifest["kind"] == "CiliumNetworkPolicy":
            assert (manifest["spec"]["ingress"], manifest["spec"]["egress"]) == ([{}], [{}])


@pytest.mark.parametrize(("pool", "port"), [("business", 3129), ("support", 3130)])
def test_with_a_proxy_an_agent_reaches_its_pools_port_there_and_no_address(pool: str, port: int) -> None:
    made = objects("proxy", CRM, pool)
    spec = plain(made)
    assert list(ranges(spec)) == []
    to_proxy = spec["egress"][1]
    assert to_proxy["ports"] == [{"protocol": "TCP", "port": port}]
    assert to_proxy["to"][0]["podSelector"] == {"matchLabels": {"app": "squid"}}
    assert len(spec["egress"]) == 2, "DNS and the proxy"
    container = one(made, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    env = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert env["HTTPS_PROXY"] == env["HTTP_PROXY"] == f"http://proxy.egress:{port}"
    assert env["NODE_USE_ENV_PROXY"] == "1"


def test_with_a_proxy_each_agent_says_its_hosts_in_an_object_of_its_own() -> None:
    (listed,) = [one for one in objects("proxy") if one["metadata"]["labels"].get("roster/egress") == "hosts"]
    assert listed["kind"] == "ConfigMap"
    assert listed["data"] == {"business.sample.3129": "api.anthropic.com\ncrm.example.com\n"}
    assert "." in listed["metadata"]["name"], "the name of no other agent's object"


def test_with_a_proxy_an_agent_without_hosts_knows_nothing_of_it() -> None:
    made = objects("proxy", SILENT)
    assert [rule["ports"][0]["port"] for rule in plain(made)["egress"]] == [53]
    assert "PROXY" not in str(made)
    assert "ConfigMap" not in {manifest["kind"] for manifest in made}


def test_with_a_proxy_agents_that_are_called_are_reached_directly() -> None:
    called = agent("proxy", CRM + "calls: [business/helper, support/guide]\n").env["NO_PROXY"].split(",")
    assert {"helper", "helper.business", "guide.support", ".svc", "localhost"} <= set(called)
    assert "guide" not in called
