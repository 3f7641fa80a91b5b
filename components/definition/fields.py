"""The shapes of single values: names, quantities, references. Each carries the description that editors show."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from components.definition.address_ranges import range_problem
from components.definition.host_names import host_problem

NAME_PATTERN = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"
# 63 characters for a label, less the `keda-hpa-` that KEDA puts before the name of what it scales.
NAME_MAX = 52
# Names of a pool's own objects are among them.
RESERVED_NAMES = frozenset(
    {
        "agents",
        "catalog",
        "default",
        "default-deny",
        "images",
        "kubernetes",
        "platform",
        "pool",
        "roster",
        "roster-secrets",
    }
)


class Closed(BaseModel):
    """A mapping that accepts just the keys that it names, and converts nothing."""

    # Built at first use: a command that validates nothing should not wait for it.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


def _not_reserved(name: str) -> str:
    if name in RESERVED_NAMES or name.startswith("kube-"):
        raise ValueError(f"the name is reserved ({', '.join(sorted(RESERVED_NAMES))} and kube-*)")
    return name


def _host(host: str) -> str:
    problem = host_problem(host)
    if problem:
        raise ValueError(problem)
    return host


def _range(text: str) -> str:
    problem = range_problem(text)
    if problem:
        raise ValueError(problem)
    return text


CPU_PATTERN = r"^([1-9][0-9]{0,6}m|[1-9][0-9]{0,3}(\.[0-9]{1,3})?|0\.([1-9][0-9]{0,2}|0[1-9][0-9]?|00[1-9]))$"
MOMENT_PATTERN = r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]Z$"
BYTES_PATTERN = r"^[1-9][0-9]{0,9}(Ki|Mi|Gi|Ti|k|M|G|T)$"
SECRET_PATH = r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)*"
SECRET_REF_PATTERN = rf"^{SECRET_PATH}#[A-Za-z0-9][A-Za-z0-9_.-]*$"
_DNS_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
LABEL_KEY_PATTERN = rf"^({_DNS_LABEL}(\.{_DNS_LABEL})*/)?[A-Za-z0-9]([A-Za-z0-9_.-]{{0,61}}[A-Za-z0-9])?$"
LABEL_VALUE_PATTERN = r"^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$"

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=NAME_MAX)]
AgentName = Annotated[Name, AfterValidator(_not_reserved)]
Text = Annotated[str, Field(min_length=1, max_length=500)]
EnvName = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$", max_length=128)]
EnvValue = Annotated[str, Field(max_length=32_768)]
Host = Annotated[str, AfterValidator(_host)]
Cidr = Annotated[str, AfterValidator(_range)]
Cpu = Annotated[str, Field(pattern=CPU_PATTERN)]
Bytes = Annotated[str, Field(pattern=BYTES_PATTERN)]
SecretRef = Annotated[str, Field(pattern=SECRET_REF_PATTERN, max_length=500)]
SecretPath = Annotated[str, Field(pattern=f"^{SECRET_PATH}$", max_length=400)]
SecretKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
Port = Annotated[int, Field(ge=1024, le=65535)]
AnyPort = Annotated[int, Field(ge=1, le=65535)]
Percent = Annotated[float, Field(gt=0, le=100)]
UrlPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9_./~%-]*$", max_length=200)]
MountPath = Annotated[str, Field(pattern=r"^(/\.?[A-Za-z0-9_][A-Za-z0-9_.-]*)+$", max_length=200)]
FilePath = Annotated[str, Field(min_length=1, max_length=300)]
LabelKey = Annotated[str, Field(pattern=LABEL_KEY_PATTERN, max_length=253)]
LabelValue = Annotated[str, Field(pattern=LABEL_VALUE_PATTERN)]
ImageRef = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._:/-]*(@sha256:[0-9a-f]{64})?$", max_length=500)]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Semver = Annotated[str, Field(pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$")]
Date = Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
Moment = Annotated[str, Field(pattern=MOMENT_PATTERN)]
Cron = Annotated[str, Field(pattern=r"^[0-9*/,-]+( [0-9A-Za-z*/,-]+){4}$")]
CallerRef = Annotated[str, Field(pattern=r"^(gateway|[a-z][a-z0-9-]*/(\*|[a-z][a-z0-9-]*))$")]
AgentRef = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*$")]

# What a pattern means, for messages: nobody should have to read a regular expression.
MEANINGS: dict[str, str] = {
    NAME_PATTERN: "lower-case letters, digits and hyphens, a letter first, such as lead-scorer",
    CPU_PATTERN: "CPU as cores or thousandths, such as 250m or 1.5",
    BYTES_PATTERN: "bytes with a unit, such as 256Mi or 2Gi",
    SECRET_REF_PATTERN: "a reference path#key into the secret store, such as sales/crm#api-key (never a value)",
    f"^{SECRET_PATH}$": "a path in the secret store, such as support/helpdesk-telegram",
    r"^[A-Z_][A-Z0-9_]*$": "an environment variable's name in capitals, such as LOG_LEVEL",
    MOMENT_PATTERN: 'a quoted moment in UTC, such as "2027-01-02T06:00Z"',
    r"^https?://": "an address that starts with http:// or https://",
    r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$": "a UID such as 7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f",
    LABEL_KEY_PATTERN: "a Kubernetes label key, such as example.com/team",
    LABEL_VALUE_PATTERN: "a Kubernetes label value: at most 63 letters, digits, '-', '_' and '.'",
    r"^/[A-Za-z0-9_./~%-]*$": "a path that starts with a slash, such as /health",
    r"^(/\.?[A-Za-z0-9_][A-Za-z0-9_.-]*)+$": "an absolute folder, such as /data",
    r"^sha256:[0-9a-f]{64}$": "a digest: sha256: and 64 hexadecimal digits",
    r"^[a-z0-9][a-z0-9._:/-]*(@sha256:[0-9a-f]{64})?$": "an image reference, such as registry.example.com/app@sha256:…",
    r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$": 'a quoted date, such as "2027-01-31"',
    r"^[0-9*/,-]+( [0-9A-Za-z*/,-]+){4}$": 'a quoted cron line of five fields, such as "0 8 * * 1-5"',
    r"^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*$": "an agent as pool/agent, such as support/triage",
    r"^(gateway|[a-z][a-z0-9-]*/(\*|[a-z][a-z0-9-]*))$": "gateway, pool/agent or pool/*",
    r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$": "a version such as 1.2.0",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$": "a name of letters, digits, '-', '_' and '.', such as settings.json",
    r"^[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*)*$": "a time zone of the IANA, such as Europe/Berlin",
    r"^[a-z_][a-z0-9_]*$": "a placeholder's name: lower-case letters, digits and '_', such as tone",
    r"^[A-Za-z0-9._:/-]+$": "a queue's name: letters, digits, '.', '_', ':', '/' and '-', such as research-jobs",
    r"^[0-9a-f]{64}$": "a hash of 64 hexadecimal digits",
    r"^[a-z]{2}(-[a-z]+)+-[0-9]$": "a region of AWS, such as eu-west-1",
    r"^linux/[a-z0-9]+(/v[0-9])?$": "a platform, such as linux/amd64",
    r"^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$": "an https:// address, no query",
    r"^(https://|spiffe://)[!-~]+$": "an identity that starts with https:// or spiffe://",
    r"^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=]+\n)+-----END PUBLIC KEY-----\n?$": "a public key in PEM",
    r"^[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}$": "an image by digest, such as registry.example.com/app@sha256:…",
    r"^\S+$": "a name without spaces",
    r"^https://": "an address that starts with https://",
    r"^-[a-z0-9-]*[a-z0-9]$": "a suffix that starts with a hyphen, such as -dev",
    r"^https://.*\{alert\}.*$": "an https:// address with {alert} in it",
    r"^https://.*\{path\}.*$": "an https:// address with {path} in it",
    r"^https?://[^\s{}]+$": "an address that starts with http:// or https://",
    r"^https?://[^\s{}@]+$": "an address that starts with http:// or https://, without a password",
    r"^[A-Z]{3}$": "a currency of three capitals, such as USD",
    r"^[A-Za-z]+$": "a word of letters, as KEDA names it",
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$": "a mail address, such as growth@example.com",
    r"^@[A-Za-z0-9/_.-]+$": "a handle in code review, such as @example/growth",
    r"^#[a-z0-9_-]+$": "a channel with its #, quoted, such as '#growth-alerts'",
}
