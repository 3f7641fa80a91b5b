"""Runs cosign, and says in one line what went wrong."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Literal

from ci.images.references import parse
from components.definition.pasted_secrets import without_secrets

Kind = Literal["tool", "reference", "unsigned", "identity", "attestation", "registry", "key", "service"]

TIMEOUT_SECONDS = 300
_LINE = 300
# cosign's own: no signature (10), no such tag (11), none that matches (12), no certificate on it (13).
_UNSIGNED, _NOT_THERE, _NO_MATCH, _NO_CERTIFICATE = 10, 11, 12, 13
# The first that is found in cosign's error decides. Its words are no interface: whatever none fits is "service".
_MEANINGS: tuple[tuple[str, Kind], ...] = (
    # Before the services: it goes on with the types that are there, and those are addresses of Sigstore's.
    (r"none of the attestations matched the predicate type", "attestation"),
    (r"(reading|loading) key|private key|encrypted: decryption failed|no provider found for", "key"),
    (r"sigstore\.dev|fulcio|rekor|\btuf\b|oidc|id token|identity token|oauth|device code", "service"),
    (r"no signatures found|no valid bundles exist|no attestations found", "unsigned"),
    (r"no matching (signatures|attestations)|none of the expected identities matched", "identity"),
    (r"(failed to verify|verifying) .*signature|invalid signature", "identity"),
    (r"UNAUTHORIZED|DENIED|MANIFEST_UNKNOWN|NAME_UNKNOWN|status code (40[134]|429|5\d\d)", "registry"),
    (r"connection refused|no such host|i/o timeout|deadline exceeded|TLS handshake", "registry"),
)
# Before it stand warnings, some of them about services that are not needed.
_ERROR = "error during command execution: "


class SigningError(Exception):
    """An image that is not signed, not verified, or not by whom it should be; `str()` is what is wrong and the way out.

    `kind`: "tool" no cosign; "reference" no digest; "unsigned" no signature, or no attestation; "identity" signed by
    somebody else, or tampered with; "attestation" one of the kind that is wanted is missing or says something else;
    "registry" the registry is away or has no such image; "key" the key cannot be used; "service" anything else, such as
    Sigstore being away.
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def pinned(reference: str) -> str:
    """The reference, if it names its image by digest. Raises SigningError."""
    try:
        found = parse(reference)
    except ValueError as error:
        raise SigningError("reference", str(error)) from None
    if not found.digest:
        raise SigningError(
            "reference",
            f"{reference} is a tag, which may stand for another image by now: sign and verify repository@sha256:…",
        )
    return f"{found.host}/{found.repository}@{found.digest}"


def run_cosign(arguments: Sequence[str], subject: str, environ: Mapping[str, str] = os.environ) -> str:
    """What cosign prints. `subject` is the image that it is about, for messages. Raises SigningError."""
    program = shutil.which("cosign", path=environ.get("PATH", ""))
    if program is None:
        raise SigningError("tool", "cosign is not on PATH; bash ci/go_tools.sh cosign builds it and prints where it is")
    code, output, said = _finished([program, *arguments], environ)
    if code == 0:
        return output
    error = said.rpartition(_ERROR)[2].strip()
    kind = _kind(code, error)
    raise SigningError(kind, f"{subject}: {_words(kind)} ({_shown(error)})")


def _finished(command: list[str], environ: Mapping[str, str]) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    try:
        process = subprocess.Popen(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        raise SigningError("tool", f"{command[0]} cannot be started: {error.strerror}") from None
    try:
        output, said = process.communicate(timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise SigningError("service", f"cosign {command[1]} did not end within {TIMEOUT_SECONDS} s") from None
    return process.returncode, output, said


def _kind(code: int, error: str) -> Kind:
    for pattern, kind in _MEANINGS:
        if re.search(pattern, error, re.IGNORECASE):
            return kind
    if code == _UNSIGNED:
        return "unsigned"
    if code == _NOT_THERE:
        return "registry"
    return "identity" if code in (_NO_MATCH, _NO_CERTIFICATE) else "service"


def _words(kind: Kind) -> str:
    return {
        "unsigned": "nobody has signed it; images are signed by the job that builds them (images.yaml)",
        "identity": "it is not signed by whom settings.yaml names, or its signature was tampered with",
        "attestation": "what is attested is not what is wanted; let the job that builds images attest it again",
        "registry": "the registry does not answer, says no, or has no such image; check address, login and digest",
        "key": "the key cannot be used; check its file or address, and COSIGN_PASSWORD",
        "service": "cosign failed; without a key it needs Sigstore and a job that has an identity (id-token)",
    }.get(kind, "cosign failed")


def _shown(error: str) -> str:
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    return without_secrets(lines[0])[:_LINE] if lines else "it said nothing"
