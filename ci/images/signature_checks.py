"""Whether a recorded image is still signed by whom settings.yaml names, and built from what its record says."""

from __future__ import annotations

import os
from collections.abc import Mapping

from ci.images.cosign import SigningError
from ci.images.provenance import PREDICATE_TYPE, context_hash_of
from ci.images.reports import Rating, ScanFailure, Vulnerability
from ci.images.signing import Identity, attested, verify

# What stands in `blocked` of a record; no exception can name them.
UNSIGNED, UNKNOWN_ORIGIN = "unsigned", "unknown-origin"
SIGNATURE_FINDINGS = frozenset((UNSIGNED, UNKNOWN_ORIGIN))
# It is known what lies there, and it is not what was asked for. All else says nothing about the image.
_FOUND = ("unsigned", "identity", "attestation")


def signature_problem(
    reference: str, context_hash: str, identity: Identity, environ: Mapping[str, str] = os.environ
) -> Vulnerability | ScanFailure | None:
    """A finding when a cluster would refuse the image; a failure when nobody could look; None when all is well.

    `context_hash` is the record's; empty for a ready image that was copied.
    """
    try:
        verify(reference, identity, environ)
    except SigningError as error:
        return _problem(UNSIGNED, reference, error)
    try:
        origins = {context_hash_of(one) for one in attested(reference, PREDICATE_TYPE, identity, environ)}
    except SigningError as error:
        return _problem(UNKNOWN_ORIGIN, reference, error)
    if context_hash in origins:
        return None
    told = ", ".join(one[:16] or "no files of ours" for one in sorted(origins))
    wanted = context_hash[:16] or "a copied image"
    why = f"its record says that it was built from {wanted}, and its signed provenance says {told}"
    return _finding(UNKNOWN_ORIGIN, reference, why)


def _problem(name: str, reference: str, error: SigningError) -> Vulnerability | ScanFailure:
    if error.kind in _FOUND:
        return _finding(name, reference, str(error))
    return ScanFailure("registry-away" if error.kind == "registry" else "signature-unseen", str(error))


def _finding(name: str, reference: str, why: str) -> Vulnerability:
    repository, _, digest = reference.partition("@")
    rating = Rating("critical", "settings.yaml", why)
    return Vulnerability(name, (), repository, digest, "signature", rating, (), "not-fixed", ())
