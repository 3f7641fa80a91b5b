"""Signs and attests an image so that twice is as good as once: what the right identity said is not said again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.images.cosign import SigningError
from ci.images.provenance import PREDICATE_TYPE, Build, context_hash_of
from ci.images.registry import Registry, RegistryError
from ci.images.signing import (
    CYCLONEDX,
    SIGNATURE,
    Identity,
    Signer,
    Statement,
    attached,
    attest_provenance,
    attest_sbom,
    belongs,
    sign,
    statements,
    verify,
)

# Nothing of that kind is there, or nothing by whom was asked for.
_NOTHING = ("unsigned", "identity", "attestation")


@dataclass(frozen=True, slots=True)
class Signed:
    """`signature` and `bill` are digests in the registry (the bill's of the first platform).

    `added`: the types of what was not there yet; `others`: digests of signatures by somebody else.
    """

    signature: str
    bill: str
    added: tuple[str, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Beside:
    """What lies beside an image of one type: digest in the registry → predicate, for those by the right identity."""

    ours: Mapping[str, dict[str, Any]]
    others: tuple[str, ...]

    def of(self, fits: Callable[[dict[str, Any]], bool]) -> list[str]:
        """Digests of those that fit, sorted."""
        return sorted(digest for digest, predicate in self.ours.items() if fits(predicate))


def sign_once(
    reference: str,
    bills: Mapping[str, Path],
    build: Build,
    signer: Signer,
    identity: Identity,
    registry: Registry,
    environ: Mapping[str, str] = os.environ,
) -> Signed:
    """Adds what is missing of signature, bills (digest of a platform's image → file) and provenance.

    Raises SigningError: nothing is added when the signer is not that identity, or when the registry is away.
    """
    belongs(signer, identity, environ)
    look = _Look(reference, identity, registry, environ)
    added = []
    before = look.at(SIGNATURE)
    if not before.ours:
        sign(reference, signer, environ)
        added.append(SIGNATURE)
    told = look.at(CYCLONEDX)
    for digest, bill in bills.items():
        if not told.of(_about(digest)):
            attest_sbom(reference, bill, signer, environ)
            added.append(CYCLONEDX)
    if not look.at(PREDICATE_TYPE).of(lambda one: context_hash_of(one) == build.context_hash):
        attest_provenance(reference, build, signer, environ)
        added.append(PREDICATE_TYPE)
    # What a cluster will ask: a wrong identity of the job is found here.
    verify(reference, identity, environ)
    first = next(iter(bills))
    signatures, bill_digests = look.at(SIGNATURE).of(lambda _: True), look.at(CYCLONEDX).of(_about(first))
    if not signatures or not bill_digests:
        raise SigningError("attestation", f"{reference}: the registry does not show what was just signed")
    return Signed(signatures[0], bill_digests[0], tuple(dict.fromkeys(added)), before.others)


def _about(digest: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a bill is about that platform's image; which version of syft wrote it does not matter."""

    def fits(bill: dict[str, Any]) -> bool:
        return bool(((bill.get("metadata") or {}).get("component") or {}).get("version") == digest)

    return fits


@dataclass(frozen=True, slots=True)
class _Look:
    reference: str
    identity: Identity
    registry: Registry
    environ: Mapping[str, str]

    def at(self, predicate_type: str) -> _Beside:
        """What lies there now."""
        try:
            said = statements(self.reference, predicate_type, self.identity, self.environ)
        except SigningError as error:
            if error.kind not in _NOTHING:
                raise
            said = []
        ours, others = {}, []
        for digest in attached(self.reference, self.environ).get(predicate_type, ()):
            statement = _said_in(said, self._signatures(digest))
            if statement is None:
                others.append(digest)
            else:
                ours[digest] = statement.predicate
        return _Beside(ours, tuple(others))

    def _signatures(self, digest: str) -> frozenset[str]:
        """Those in a bundle. One that cannot be read is nobody's."""
        name = f"{self.reference.partition('@')[0]}@{digest}"
        try:
            layers = self.registry.manifest(name)["layers"]
            bundle = json.loads(self.registry.blob(name, layers[0]["digest"]))
            return frozenset(one["sig"] for one in bundle["dsseEnvelope"]["signatures"])
        except RegistryError as error:
            raise SigningError("registry", str(error)) from None
        except (KeyError, IndexError, TypeError, ValueError):
            return frozenset()


def _said_in(said: Iterable[Statement], signatures: frozenset[str]) -> Statement | None:
    return next((one for one in said if one.signatures & signatures), None)
