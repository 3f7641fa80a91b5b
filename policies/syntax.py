"""The syntaxes that Kubernetes gives names, labels, ports and quantities; pure, cached, one question a function.

Each `*_problem` function returns None for good text, or the reason why it is bad as one line without the text itself.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9](-?[a-z0-9]){0,14}")
_PORT_NAME_LENGTH = 15
_SUBDOMAIN_LENGTH = 253
_QUANTITY = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?")
_SCALES = {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)} | {
    unit: Decimal(10) ** (3 * power) for power, unit in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
}
# A fleet repeats the same few thousand texts; asked once each, they cost a dictionary look-up.
_remembered = lru_cache(maxsize=65536)


@_remembered
def label_name_problem(text: str) -> str | None:
    """DNS-1123 label: namespaces, containers, volumes."""
    if _LABEL.fullmatch(text):
        return None
    return "must be at most 63 of a-z, 0-9 and '-', with a letter or digit at both ends"


@_remembered
def service_name_problem(text: str) -> str | None:
    """DNS-1035 label, as for a Service."""
    if _SERVICE_NAME.fullmatch(text):
        return None
    return "must be at most 63 of a-z, 0-9 and '-', start with a letter and end with a letter or digit"


@_remembered
def subdomain_problem(text: str) -> str | None:
    """DNS-1123 subdomain, as for most objects."""
    if len(text) <= _SUBDOMAIN_LENGTH and _SUBDOMAIN.fullmatch(text):
        return None
    return "must be at most 253 of a-z, 0-9, '-' and '.', with a letter or digit at both ends of each part"


@_remembered
def path_segment_problem(text: str) -> str | None:
    """The name of an RBAC object: anything that fits one part of a URL's path."""
    if text in ("", ".", "..") or "/" in text or "%" in text:
        return "must not be empty, '.' or '..', nor hold '/' or '%'"
    return None


@_remembered
def label_key_problem(text: str) -> str | None:
    """Key of a label or an annotation: `[prefix/]name`."""
    prefix, slash, name = text.rpartition("/")
    if slash and (reason := subdomain_problem(prefix)):
        return f"the prefix {reason}"
    if _QUALIFIED.fullmatch(name):
        return None
    return "the name must be 1 to 63 of A-Z, a-z, 0-9, '-', '_' and '.', with a letter or digit at both ends"


@_remembered
def label_value_problem(text: str) -> str | None:
    """Value of a label: may be empty."""
    if not text or _QUALIFIED.fullmatch(text):
        return None
    return "must be at most 63 of A-Z, a-z, 0-9, '-', '_' and '.', with a letter or digit at both ends"


@_remembered
def env_name_problem(text: str) -> str | None:
    """Name of an environment variable, as every Kubernetes version takes it (1.34 and later take more)."""
    if _ENV_NAME.fullmatch(text) and text != "." and not text.startswith(".."):
        return None
    return "must be of A-Z, a-z, 0-9, '_', '-' and '.', and not start with a digit or '..'"


@_remembered
def data_key_problem(text: str) -> str | None:
    """Key of a ConfigMap's or Secret's data, which becomes a file's name."""
    if _DATA_KEY.fullmatch(text) and text != "." and not text.startswith(".."):
        return None
    return "must be at most 253 of A-Z, a-z, 0-9, '-', '_' and '.', and not '.' or start with '..'"


@_remembered
def port_name_problem(text: str) -> str | None:
    """Name of a container's port, and a reference to one (IANA service name)."""
    if len(text) <= _PORT_NAME_LENGTH and _PORT_NAME.fullmatch(text):
        return None
    return "must be at most 15 of a-z, 0-9 and single '-', with at least one letter and no '-' at an end"


def quantity(value: object) -> Decimal | None:
    """The number that a Kubernetes quantity ("250m", "1.5Gi", 2, "1e3") stands for; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return _quantity(str(value))


@_remembered
def _quantity(text: str) -> Decimal | None:
    match = _QUANTITY.fullmatch(text)
    if not match:
        return None
    number, suffix = Decimal(match[1]), match[2] or ""
    scale = _SCALES.get(suffix)
    return number * scale if scale is not None else number.scaleb(int(suffix[1:]))
