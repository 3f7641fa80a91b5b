"""Which hosts and ranges definitions and the catalog may name: whatever is accepted is public, or narrow."""

from __future__ import annotations

import ipaddress
import re
import socket

from hypothesis import example, given
from hypothesis import strategies as st
from small_fleet import MINIMAL, findings

from components.definition.address_ranges import METADATA, range_problem
from components.definition.host_names import host_problem
from components.resolve.egress_rules import MAX_CILIUM_HOSTS

CILIUM = """\
prod:
  description: What customers talk to.
  clusters: {eu: {context: prod-eu}, us: {context: prod-us}}
  secrets: {prefix: prod, refresh_hours: 1, store: {kind: kubernetes, namespace: secrets}}
  network: {egress: {kind: cilium}}
"""
INTERNAL = (".local", ".internal", ".localhost", ".svc", ".arpa", ".default", ".invalid", ".lan", ".home", ".corp")
PIECES = st.sampled_from(
    [
        *"abcz019-._*:/@%[]#? \n\t",
        "xn--",
        "169.254.169.254",
        "0x",
        "localhost",
        ".internal",
        ".com",
        "metadata",
        "é",
        "а",
    ]
)
HOSTS = st.one_of(
    st.text(max_size=40),
    st.lists(PIECES, max_size=12).map("".join),
    st.from_regex(r"[a-z0-9_.-]{1,60}\.(com|internal|local|[a-z0-9]{1,4})", fullmatch=True),
    st.ip_addresses().map(str),
    st.integers(0, 2**33).flatmap(lambda number: st.sampled_from([str(number), hex(number), oct(number)])),
    st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,4}){1,3}\.?", fullmatch=True),
)


@given(HOSTS)
@example("api.example.com\n")
@example("r3---sn-4g5e6nez.example.com")
def test_whatever_is_accepted_as_a_host_is_a_public_name_as_everyone_reads_it(host: str) -> None:
    if host_problem(host):
        return
    assert re.fullmatch(r"[a-z0-9.-]{4,253}", host)
    labels = host.split(".")
    assert len(labels) >= 2
    assert all(1 <= len(label) <= 63 and label[0] != "-" != label[-1] for label in labels)
    assert not host.endswith(INTERNAL)
    assert not labels[-1][0].isdigit()
    assert not _resolver_takes_it_for_an_address(host)


def _resolver_takes_it_for_an_address(host: str) -> bool:
    try:
        socket.inet_aton(host)
    except OSError:
        return False
    return True


def test_hosts_that_real_makers_have_are_accepted() -> None:
    names = "api.anthropic.com api.openai.com gateway.discord.gg r3---sn-4g5e6nez.googlevideo.com 1password.com"
    names += " login.microsoftonline.com api.x.com a.b.c.d.example.museum xn--mnchen-3ya.de xn--e1afmkfd.xn--p1ai"
    names += " xn--r8jz45g.jp sts.eu-west-1.amazonaws.com.cn graph.facebook.com t.me"
    assert {name: host_problem(name) for name in names.split() if host_problem(name)} == {}


NETWORKS = st.one_of(
    st.ip_addresses(v=4).flatmap(lambda ip: st.integers(0, 33).map(lambda length: f"{ip}/{length}")),
    st.ip_addresses(v=6).flatmap(lambda ip: st.integers(0, 129).map(lambda length: f"{ip}/{length}")),
    st.tuples(st.sampled_from(METADATA), st.integers(0, 128)).map(
        lambda pair: str(
            ipaddress.ip_network((pair[0], min(pair[1], ipaddress.ip_address(pair[0]).max_prefixlen)), strict=False)
        )
    ),
    st.text("0123456789./:af", max_size=20),
)


@given(NETWORKS)
def test_whatever_is_accepted_as_a_range_is_narrow_and_reaches_no_metadata_service(text: str) -> None:
    if range_problem(text):
        return
    network = ipaddress.ip_network(text)
    assert str(network) == text
    assert network.prefixlen >= (8 if network.version == 4 else 32)
    assert not [address for address in METADATA if ipaddress.ip_address(address) in network]
    assert not any((network.is_loopback, network.is_link_local, network.is_multicast))


def test_an_agent_with_more_hosts_than_cilium_holds_is_refused_with_the_way_out() -> None:
    def named(count: int) -> str:
        return MINIMAL + f"hosts: [{', '.join(f'h{number}.example.com' for number in range(count))}]\n"

    # One more host is the model's.
    fits = findings({"business/sample.yaml": named(MAX_CILIUM_HOSTS - 1)}, {"environments.yaml": CILIUM})
    assert [one for one in fits if one.severity == "error"] == []
    text = named(MAX_CILIUM_HOSTS)
    (found,) = [
        one
        for one in findings({"business/sample.yaml": text}, {"environments.yaml": CILIUM})
        if one.rule == "too-large"
    ]
    assert (found.file, found.line) == ("agents/business/sample.yaml", 7)
    assert "257 with those of its model" in found.message
    assert "Split the agent, or move it to an environment with a proxy" in found.message
    unlimited = findings({"business/sample.yaml": text})
    assert [one for one in unlimited if one.severity == "error"] == [], "elsewhere nothing limits them"
