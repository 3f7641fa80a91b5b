"""Signs and attests images, and verifies both, with cosign: bundles that the registry keeps beside the image."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.images.cosign import SigningError, pinned, run_cosign
from ci.images.provenance import PREDICATE_TYPE, Build, provenance
from ci.images.registry import Registry, RegistryError
from ci.images.registry_login import default_config
from components.definition.image_settings import ImageSettings, KeylessSigning

CYCLONEDX = "https://cyclonedx.org/bom"
# To cosign a signature is an attestation that says nothing more, and any other one passes for it.
SIGNATURE = "https://sigstore.dev/cosign/sign/v1"
_ATTACHED = re.compile(r"(\S+) artifacts via OCI referrer: \S+@(sha256:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: with `key`, a private key's file or its address in a key management service; without, the CI's job.

    A file's password is in COSIGN_PASSWORD. Without a key the CI must give the job an identity token (OIDC): on GitHub
    by `id-token: write`, on GitLab by `id_tokens: {SIGSTORE_ID_TOKEN: {aud: sigstore}}`.
    """

    key: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """By whom an image must be signed: the job `subject` that `issuer` vouches for, or the holder of the key.

    `key` is the public key in PEM; the other two are empty then.
    """

    issuer: str = ""
    subject: str = ""
    key: str = ""

    def __str__(self) -> str:
        return "the catalog's key" if self.key else f"{self.subject} ({self.issuer})"


@dataclass(frozen=True, slots=True)
class Verified:
    """An image whose signature is good. `signatures` counts those by the identity that was asked for."""

    reference: str
    signatures: int


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody said of an image, and the signatures (base64) under it, by which it is found in the registry."""

    predicate: dict[str, Any]
    signatures: frozenset[str]


def identity_of(settings: ImageSettings) -> Identity:
    """By whom the catalog says that images are signed."""
    signing = settings.signing
    if signing is None:
        raise SigningError("identity", "settings.yaml names nobody who signs: give images.signing")
    if isinstance(signing, KeylessSigning):
        return Identity(issuer=signing.issuer, subject=signing.identity)
    return Identity(key=signing.key)


def belongs(signer: Signer, identity: Identity, environ: Mapping[str, str] = os.environ) -> None:
    """Raises SigningError when what this one signs would not be by that identity."""
    if identity.key and not signer.key:
        message = "settings.yaml names a key (images.signing.key): give its private key by --key; nothing was signed"
        raise SigningError("identity", message)
    if signer.key and not identity.key:
        message = f"settings.yaml says that {identity} signs, and no key: leave --key out; nothing was signed"
        raise SigningError("identity", message)
    if not signer.key:
        return
    try:
        public = run_cosign(["public-key", "--key", signer.key], signer.key, environ)
    except SigningError as error:
        if error.kind in ("tool", "key"):
            raise
        message = f"the key cannot be used; check its file or address, and COSIGN_PASSWORD ({error})"
        raise SigningError("key", message) from None
    if public.split() != identity.key.split():
        message = (
            f"{signer.key} is not the private key of the public key in settings.yaml (images.signing.key); nothing was "
            f"signed. `cosign public-key --key {signer.key}` prints the one that belongs to it"
        )
        raise SigningError("identity", message)


def sign(reference: str, signer: Signer, environ: Mapping[str, str] = os.environ) -> None:
    """Signs the image; the registry keeps the signature. Raises SigningError."""
    subject = _there(reference)
    with _signing(signer, environ) as given:
        run_cosign(["sign", "--yes", *given, subject], subject, environ)


def attest_sbom(reference: str, sbom: Path, signer: Signer, environ: Mapping[str, str] = os.environ) -> None:
    """Attests a CycloneDX bill of materials of the image. Raises SigningError."""
    try:
        content = json.loads(sbom.read_bytes())
    except (OSError, ValueError) as error:
        raise SigningError("attestation", f"{sbom} cannot be read as JSON: {error}") from None
    if not isinstance(content, dict) or content.get("bomFormat") != "CycloneDX":
        raise SigningError("attestation", f"{sbom} is no CycloneDX bill of materials")
    _attest(_there(reference), CYCLONEDX, sbom, signer, environ)


def attest_provenance(reference: str, build: Build, signer: Signer, environ: Mapping[str, str] = os.environ) -> None:
    """Attests what the image was built from. Raises SigningError."""
    subject = _there(reference)
    try:
        predicate = provenance(build)
    except ValueError as error:
        raise SigningError("attestation", f"{subject}: {error}") from None
    with tempfile.TemporaryDirectory(prefix="roster-provenance-") as folder:
        file = Path(folder) / "provenance.json"
        file.write_text(json.dumps(predicate, sort_keys=True), "utf-8")
        _attest(subject, PREDICATE_TYPE, file, signer, environ)


def verify(reference: str, identity: Identity, environ: Mapping[str, str] = os.environ) -> Verified:
    """That the image is signed by that identity, and for this very digest. Raises SigningError."""
    subject = _there(reference)
    with _expecting(identity) as given:
        printed = run_cosign(["verify", "--output", "json", *given, subject], subject, environ)
    types = [(one.get("critical") or {}).get("type") for one in _documents(printed, subject)]
    if SIGNATURE not in types:
        raise SigningError("unsigned", f"{subject}: {identity} attested something of it, and has not signed it")
    return Verified(subject, types.count(SIGNATURE))


def attested(
    reference: str, predicate_type: str, identity: Identity, environ: Mapping[str, str] = os.environ
) -> list[dict[str, Any]]:
    """What that identity attested of the image: the predicates of that type, at least one. Raises SigningError."""
    return [one.predicate for one in statements(reference, predicate_type, identity, environ)]


def statements(
    reference: str, predicate_type: str, identity: Identity, environ: Mapping[str, str] = os.environ
) -> list[Statement]:
    """What that identity said of the image, at least one; a signature is a statement too. Raises SigningError."""
    subject = _there(reference)
    with _expecting(identity) as given:
        command = ["verify-attestation", "--type", predicate_type, *given, subject]
        printed = run_cosign(command, subject, environ)
    digest = subject.partition("@sha256:")[2]
    found = []
    for envelope in _documents(printed, subject):
        statement = _statement(envelope, subject)
        digests = [one.get("digest", {}).get("sha256") for one in statement.get("subject", ())]
        # cosign has looked at both; an attestation that is about another image is worth looking at twice.
        if digest in digests and statement.get("predicateType") == predicate_type:
            signatures = frozenset(str(one.get("sig")) for one in envelope.get("signatures", ()))
            found.append(Statement(dict(statement.get("predicate") or {}), signatures))
    if not found:
        raise SigningError("attestation", f"{subject}: {identity} attested nothing of the type {predicate_type}")
    return found


def attached(reference: str, environ: Mapping[str, str] = os.environ) -> dict[str, list[str]]:
    """What lies beside the image: predicate type → digests; nobody vouches for it, as `verify` does. SigningError."""
    subject = _there(reference)
    found: dict[str, list[str]] = {}
    for kind, digest in _ATTACHED.findall(run_cosign(["tree", subject], subject, environ)):
        found.setdefault(kind, []).append(digest)
    return found


def _there(reference: str) -> str:
    """The reference by digest, of an image that the registry has: cosign calls one that is gone unsigned."""
    subject = pinned(reference)
    try:
        with Registry(default_config(os.environ)) as registry:
            registry.digest(subject)
    except RegistryError as error:
        raise SigningError("registry", str(error)) from None
    return subject


def _attest(subject: str, predicate_type: str, file: Path, signer: Signer, environ: Mapping[str, str]) -> None:
    with _signing(signer, environ) as given:
        command = ["attest", "--yes", "--type", predicate_type, "--predicate", str(file), *given, subject]
        run_cosign(command, subject, environ)


@contextmanager
def _signing(signer: Signer, environ: Mapping[str, str]) -> Iterator[Sequence[str]]:
    """Options by which cosign signs. With a key no service of Sigstore's is asked, and nothing is published."""
    if not signer.key:
        yield ()
        return
    with tempfile.TemporaryDirectory(prefix="roster-signing-") as folder:
        services = Path(folder) / "signing-config.json"
        run_cosign(["signing-config", "create", "--out", str(services)], "cosign's settings", environ)
        yield ("--key", signer.key, "--signing-config", str(services))


@contextmanager
def _expecting(identity: Identity) -> Iterator[Sequence[str]]:
    """Options by which cosign verifies."""
    if not identity.key:
        if not identity.issuer or not identity.subject:
            raise SigningError("identity", "nobody says who signs: settings.yaml, images.signing")
        yield ("--certificate-oidc-issuer", identity.issuer, "--certificate-identity", identity.subject)
        return
    with tempfile.TemporaryDirectory(prefix="roster-signing-") as folder:
        key = Path(folder) / "cosign.pub"
        key.write_text(identity.key, "utf-8")
        yield ("--key", str(key), "--insecure-ignore-tlog=true")


def _documents(printed: str, subject: str) -> list[dict[str, Any]]:
    """cosign prints a list, or one document a line."""
    try:
        found = [json.loads(line) for line in printed.splitlines() if line.strip()]
    except ValueError:
        raise SigningError("service", f"{subject}: cosign printed something else than JSON") from None
    return [one for item in found for one in (item if isinstance(item, list) else [item])]


def _statement(envelope: Mapping[str, Any], subject: str) -> dict[str, Any]:
    try:
        content = json.loads(base64.b64decode(envelope["payload"], validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error):
        content = None
    if not isinstance(content, dict):
        raise SigningError("attestation", f"{subject}: an attestation cannot be read")
    return content
