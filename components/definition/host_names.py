"""Which host names agents may name: names of the public DNS, as everyone reads them."""

from __future__ import annotations

import ipaddress
import re
import unicodedata

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_TOP_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{0,57}[a-z0-9]")
# Names of a network's own: RFC 6761, 6762, 7686, 8375 and 9476, ICANN's `internal`, what routers and companies use
# besides, and `default` and `svc`, by which names of Kubernetes end.
_INTERNAL = frozenset(
    {
        *("alt", "arpa", "corp", "default", "home", "internal", "intranet", "invalid", "lan"),
        *("local", "localdomain", "localhost", "onion", "private", "svc", "test"),
    }
)
# Names in the public DNS that stand for a cloud's metadata service.
_METADATA = frozenset(
    {"metadata.goog", "metadata.tencentyun.com", "metadata.platformequinix.com", "metadata.packet.net"}
)
# Zones in which anyone has a name for any address: 169.254.169.254.nip.io.
_ANY_ADDRESS = (
    *("nip.io", "sslip.io", "xip.io", "backname.io", "traefik.me", "localtest.me"),
    *("lvh.me", "vcap.me", "lacolhost.com", "1u.ms", "rbndr.us", "localho.st", "local-ip.co", "local-ip.sh"),
    *("ip6.name", "plex.direct", "fuf.me", "lndo.site", "ddev.site"),
)
# Letters of other scripts that look like Latin ones: a word of these alone reads as a Latin word.
_LIKE_LATIN = frozenset("асԁеһіјӏорԛѕԝхуѵүʏгпкмтвн" + "οναιρτυκχωγ")


def host_problem(host: str) -> str:
    """What is wrong with a host that agents are to reach, with the way out; empty when nothing is."""
    if "://" in host or "/" in host or "@" in host:
        return "just the host name, without scheme or path, such as api.example.com"
    if "*" in host:
        return "a wildcard would open more than anyone reviewed; name each host"
    if _is_address(host):
        return "an address is not a host name; name the host"
    if ":" in host:
        return "just the host name, without a port; agents reach hosts over HTTPS (443)"
    if host.endswith("."):
        return "a host name without a dot behind it, such as api.example.com"
    return _spelling(host) or _place(host)


def _is_address(host: str) -> bool:
    """Also the forms that inet_aton takes: 2130706433, 0x7f000001, 0177.0.0.1, 127.1; with brackets or a last dot."""
    bare = host.strip("[]").rstrip(".")
    try:
        ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return bool(re.fullmatch(r"([0-9]+|0[xX][0-9a-fA-F]*)", bare.rsplit(".", 1)[-1]))
    return True


def _spelling(host: str) -> str:
    if not host.isascii():
        return _say_encoded(host)
    if host != host.lower():
        return f"host names are written in lower case: {host.lower()}"
    if "_" in host:
        return "names of hosts have no underscore; copy the name from the maker's documentation"
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "a host name is lower-case letters, digits, hyphens and dots, such as api.example.com"
    for label in labels:
        problem = _encoded_problem(label)
        if problem:
            return problem
    return ""


def _place(host: str) -> str:
    labels = host.split(".")
    if labels[-1] in _INTERNAL or len(labels) < 2 or not _TOP_LABEL.fullmatch(labels[-1]):
        return (
            "no name of the public DNS; what is in the cluster or a private network is not reached by host: name a "
            "database or queue of the catalog, or an agent in calls"
        )
    if host in _METADATA:
        return "a name of a cloud's metadata service, which hands out the node's credentials; agents never reach it"
    for zone in _ANY_ADDRESS:
        if host == zone or host.endswith(f".{zone}"):
            return f"names below {zone} stand for any address, private ones too; name the host itself"
    return ""


def _say_encoded(host: str) -> str:
    try:
        encoded = host.lower().encode("idna").decode("ascii")
    except UnicodeError:
        return "a host name is lower-case letters, digits, hyphens and dots, such as api.example.com"
    if encoded == unicodedata.normalize("NFKC", host).lower():
        return f"some of its letters only look like those of {encoded}; write that, if it is meant"
    return f"write it as DNS has it, {encoded}, if it is not another host that looks alike"


def _encoded_problem(label: str) -> str:
    """What is wrong with an encoded label; one of a single script that cannot be read as Latin is fine."""
    if not label.startswith("xn--"):
        return ""
    try:
        plain = label[4:].encode("ascii").decode("punycode")
        sound = f"xn--{plain.encode('punycode').decode('ascii')}" == label
    except UnicodeError:
        plain, sound = "", False
    if not sound or plain.isascii() or not _is_word(plain):
        return f"{label} is no encoded name of DNS; copy the name from the maker's documentation"
    letters = [letter for letter in plain if letter.isalpha()]
    scripts = {_script(letter) for letter in letters}
    if len(scripts) != 1 or all(letter in _LIKE_LATIN or letter.isascii() for letter in letters):
        return f"{label} reads as {plain!r}, which looks like another name; name the host that is meant"
    return ""


def _is_word(text: str) -> bool:
    """Lower-case letters, marks, digits and hyphens in their plainest form: what a registry would register."""
    kinds = {unicodedata.category(one) for one in text.replace("-", "")}
    return kinds <= {"Ll", "Lo", "Lm", "Mn", "Mc", "Nd"} and unicodedata.normalize("NFKC", text.lower()) == text


def _script(letter: str) -> str:
    """The first word of the letter's name: LATIN, CYRILLIC, CJK. Japanese mixes three by itself."""
    first = unicodedata.name(letter, "?").split(" ")[0].split("-")[0]
    return "CJK" if first in ("HIRAGANA", "KATAKANA") else first
