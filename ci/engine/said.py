"""What Pulumi's messages mean. It has few exit codes, so its words are what can be told apart; each was seen."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ci.engine.failure import Failure, Kind

# The last line of the program's own refusals (`stacks/__main__.py`).
NOTHING_REGISTERED = "nothing was registered; everything stays as it is"


@dataclass(frozen=True, slots=True)
class _Sign:
    """Words by which a failure is known. `{said}` in the message stands for the line that they were found in."""

    kind: Kind
    words: str
    message: str


_BACKEND = (
    _Sign(
        "no-disk", r"no space left on device|disk quota exceeded", "The disk is full: {said}. Make room and run again."
    ),
    _Sign(
        "backend-refused",
        r"AccessDenied|Forbidden|StatusCode: 40[13]|status code 40[13]|code=PermissionDenied|permission denied|"
        r"PULUMI_ACCESS_TOKEN must be set|invalid access token|ExpiredToken|InvalidAccessKeyId|SignatureDoesNotMatch|"
        r"Unauthorized: No credentials|no EC2 IMDS role found|could not find default credentials",
        "Log in anew, or give the job the right to read and write there (docs/backends.md).",
    ),
    _Sign("no-passphrase", r"passphrase must be set", "PULUMI_CONFIG_PASSPHRASE is not set, and the stack needs it."),
    _Sign(
        "no-passphrase",
        r"incorrect passphrase",
        "PULUMI_CONFIG_PASSPHRASE is not the one that the stack was made with.",
    ),
    _Sign(
        "unreachable-backend",
        r"unable to open state directory|\.pulumi/meta\.yaml|failed to get stack.*dial tcp",
        "The backend does not answer: {said}",
    ),
)
_STATE = (
    _Sign("no-stack", r"no stack named '[^']*' found", "{said}"),
    _Sign(
        "damaged-state",
        r"failed to load checkpoint|unexpected end of JSON input|invalid character .* looking for beginning|"
        r"snapshot integrity failure|could not deserialize deployment",
        "its state is damaged ({said}). Pulumi keeps earlier ones below .pulumi/backups and .pulumi/history of the "
        "backend; `pulumi stack import --stack STACK --file FILE` puts one back (docs/backends.md).",
    ),
)
# All three begin with "configured Kubernetes cluster is unreachable".
_CLUSTER = (
    _Sign(
        "expired-credentials",
        r"asked for the client to provide credentials|(?m:(?:^|: )Unauthorized$)|getting credentials: exec",
        "the cluster does not know who asks: the credentials of the kubeconfig are missing, wrong or expired.",
    ),
    _Sign(
        "wrong-cluster",
        r"unable to load Kubernetes client configuration from kubeconfig|context \S+ does not exist",
        "the kubeconfig cannot be read, or has no context of the name that the catalog gives.",
    ),
    _Sign(
        "unreachable-cluster",
        r"configured Kubernetes cluster is unreachable|failed to read resource state due to unreachable cluster",
        "the cluster does not answer: {said}.",
    ),
)
_ENGINE = (
    _Sign(
        "missing", r"no language plugin|pulumi-language-python.*not found", "Pulumi's Python language host is missing."
    ),
    _Sign("missing", r"download and install resource plugin|no resource plugin '", ""),
    _Sign(
        "missing",
        r"No module named 'pulumi_policy'",
        "The policies cannot be judged, so nothing was begun: pulumi-policy is not in .venv. `. ci/environment.sh` "
        "installs it with all that requirements.lock names.",
    ),
    _Sign(
        "broken",
        r"policy pack not started|failed to load Pulumi policy project",
        "The policies cannot be judged, so nothing was begun: {said}",
    ),
)
# What Pulumi adds to every failure, and what says nothing to people.
_NOISE = re.compile(
    r"^(error: )?((update|preview|refresh) failed|resource monitor shut down.*|an unhandled error occurred.*)$"
)


def backend_failure(text: str) -> Failure | None:
    """Why the backend did not serve; None when it is not about the backend."""
    return _first(_BACKEND, text)


def state_failure(stack: str, text: str) -> Failure | None:
    """Why a stack's state could not be read; None when it is not about that."""
    found = _first(_STATE, text) or backend_failure(text)
    return found and Failure(found.kind, f"{stack}: {found.message.replace('STACK', stack)}")


def cluster_failure(text: str) -> Failure | None:
    """Why the cluster did not serve at all; None when it did."""
    return _first(_CLUSTER, text)


def engine_failure(text: str) -> Failure | None:
    """What the engine itself misses."""
    found = _first(_ENGINE, text)
    if found is not None and not found.message:
        from ci.engine.program import provider_missing

        return Failure(found.kind, provider_missing())
    return found


def refusal(text: str) -> str:
    """What the program said when it refused to begin; empty when it did not."""
    said, refused, _ = text.partition(f"\n{NOTHING_REGISTERED}")
    return said.strip() if refused else ""


def last_words(text: str) -> str:
    """The last error in the CLI's output, without what Pulumi puts around it."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _NOISE.match(line.strip())]
    errors = [line.partition("error: ")[2] for line in lines if line.startswith("error: ")]
    return (errors or lines or ["no word"])[-1]


def sound(message: str) -> str:
    """A diagnostic without the provider's advice to make Pulumi forget what it cannot reach, which orphans objects."""
    return message.partition(" If the cluster was deleted")[0].strip()


def is_noise(message: str) -> bool:
    """Whether a diagnostic tells nothing that others do not."""
    return not message.strip() or bool(_NOISE.match(message.strip()))


def _first(signs: tuple[_Sign, ...], text: str) -> Failure | None:
    for sign in signs:
        found = re.search(sign.words, text)
        if found:
            start = text.rfind("\n", 0, found.start()) + 1
            end = text.find("\n", found.end())
            line = text[start : end if end >= 0 else len(text)].strip().removeprefix("error: ")
            return Failure(sign.kind, sign.message.replace("{said}", line))
    return None
