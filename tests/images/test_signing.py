"""Signatures and attestations with real cosign, on a registry of this machine."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_registry import MANIFEST, LocalRegistry
from signing_place import BUILD, SBOM, Place, signing_place

from ci.images.cosign import SigningError
from ci.images.provenance import PREDICATE_TYPE, Build, context_hash_of, provenance
from ci.images.signing import (
    CYCLONEDX,
    SIGNATURE,
    Identity,
    Signer,
    attached,
    attest_provenance,
    attest_sbom,
    attested,
    identity_of,
    sign,
    verify,
)
from components.definition.image_settings import ImageSettings


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with signing_place(tmp_path_factory.mktemp("signing")) as found:
        yield found


def test_a_signed_image_is_verified_by_the_key_that_the_catalog_names(place: Place) -> None:
    image = place.registry.push("team/signed", "one")
    sign(image, place.signer(), place.environ)
    settings = ImageSettings.model_validate({"signing": {"key": place.identity().key}})
    verified = verify(image, identity_of(settings), place.environ)
    assert (verified.reference, verified.signatures) == (image, 1)
    assert [*attached(image, place.environ)] == [SIGNATURE]


def test_an_unsigned_image_is_told_apart_from_one_that_somebody_else_signed(place: Place) -> None:
    image = place.registry.push("team/unsigned", "two")
    refused = place.refused(image)
    assert refused.kind == "unsigned"
    assert "nobody has signed it" in str(refused)
    sign(image, place.signer("theirs"), place.environ)
    refused = place.refused(image)
    assert refused.kind == "identity"
    assert "not signed by whom settings.yaml names" in str(refused)
    sign(image, place.signer(), place.environ)
    assert verify(image, place.identity(), place.environ).signatures == 1, "one good signature is enough"


def test_a_signature_is_for_one_digest_only(place: Place) -> None:
    signed = place.registry.push("team/moved", "three")
    sign(signed, place.signer(), place.environ)
    other = place.registry.push("team/moved", "another")
    assert place.refused(other).kind == "unsigned"
    # Somebody hangs the signature of the one image onto the other.
    name, _, digest = signed.partition("@")
    repository = name.partition("/")[2]
    bundles = place.registry.manifest(repository, digest.replace(":", "-"))
    place.registry.put(repository, bundles, other.partition("@")[2].replace(":", "-"))
    assert place.refused(other).kind == "identity"


def test_what_is_attested_does_not_pass_for_a_signature(place: Place) -> None:
    image = place.registry.push("team/attested", "four")
    attest_sbom(image, place.sbom(), place.signer(), place.environ)
    refused = place.refused(image)
    assert refused.kind == "unsigned"
    assert "has not signed it" in str(refused)


def test_tags_are_neither_signed_nor_verified(place: Place) -> None:
    image = place.registry.push("team/tagged", "five").partition("@")[0] + ":1"
    for act in (
        lambda: sign(image, place.signer(), place.environ),
        lambda: verify(image, place.identity(), place.environ),
        lambda: attest_provenance(image, BUILD, place.signer(), place.environ),
    ):
        with pytest.raises(SigningError, match="is a tag, which may stand for another image by now") as refused:
            act()
        assert refused.value.kind == "reference"


def test_the_bill_of_materials_and_the_provenance_come_back_as_they_were_attested(place: Place) -> None:
    image = place.registry.push("team/complete", "six")
    attest_sbom(image, place.sbom(), place.signer(), place.environ)
    attest_provenance(image, BUILD, place.signer(), place.environ)
    assert attested(image, CYCLONEDX, place.identity(), place.environ) == [SBOM]
    (found,) = attested(image, PREDICATE_TYPE, place.identity(), place.environ)
    assert found == provenance(BUILD)
    assert context_hash_of(found) == BUILD.context_hash
    assert {one["uri"]: one["digest"] for one in found["buildDefinition"]["resolvedDependencies"]} == {
        f"git+{BUILD.repository}@{BUILD.commit}": {"gitCommit": BUILD.commit},
        "docker://docker.io/library/python:3.11-slim": {"sha256": "ba" * 32},
    }
    assert found["runDetails"]["builder"]["id"] == BUILD.builder
    assert {kind: len(digests) for kind, digests in attached(image, place.environ).items()} == {
        CYCLONEDX: 1,
        PREDICATE_TYPE: 1,
    }


def test_attestations_of_somebody_else_and_missing_ones_are_told_apart(place: Place) -> None:
    image = place.registry.push("team/theirs", "seven")
    attest_provenance(image, BUILD, place.signer("theirs"), place.environ)
    with pytest.raises(SigningError) as refused:
        attested(image, PREDICATE_TYPE, place.identity(), place.environ)
    assert refused.value.kind == "identity"
    attest_sbom(image, place.sbom(), place.signer(), place.environ)
    with pytest.raises(SigningError) as refused:
        attested(image, PREDICATE_TYPE, place.identity(), place.environ)
    assert refused.value.kind == "attestation"


def test_a_provenance_that_was_tampered_with_is_refused(place: Place) -> None:
    image = place.registry.push("team/tampered", "eight")
    attest_provenance(image, BUILD, place.signer(), place.environ)
    assert attested(image, PREDICATE_TYPE, place.identity(), place.environ)
    _tamper(place.registry, image)
    with pytest.raises(SigningError) as refused:
        attested(image, PREDICATE_TYPE, place.identity(), place.environ)
    assert refused.value.kind == "identity"
    assert "tampered with" in str(refused.value)


def test_an_image_that_is_gone_is_not_called_unsigned(place: Place) -> None:
    image = place.registry.push("team/gone", "nine").partition("@")[0] + "@sha256:" + "00" * 32
    assert place.refused(image).kind == "registry"
    with pytest.raises(SigningError, match="not in the registry any more"):
        sign(image, place.signer(), place.environ)


def test_a_registry_that_is_away_is_said_to_be_so(place: Place) -> None:
    refused = place.refused("127.0.0.1:1/team/app@sha256:" + "00" * 32)
    assert refused.kind == "registry"
    assert "no connection to 127.0.0.1:1" in str(refused)


@pytest.mark.parametrize(("key", "password"), [("missing", "of no worth"), ("ours", "wrong")])
def test_a_key_that_cannot_be_used_is_said_to_be_so_without_showing_it(place: Place, key: str, password: str) -> None:
    image = place.registry.push("team/keys", "ten")
    with pytest.raises(SigningError, match="the key cannot be used") as refused:
        sign(image, place.signer(key), {**place.environ, "COSIGN_PASSWORD": password})
    assert refused.value.kind == "key"
    assert "PRIVATE KEY" not in str(refused.value)


def test_without_cosign_it_is_said_how_to_get_it(place: Place) -> None:
    image = place.registry.push("team/tool", "eleven")
    with pytest.raises(SigningError, match="bash ci/go_tools") as refused:
        verify(image, place.identity(), {**place.environ, "PATH": "/nowhere"})
    assert refused.value.kind == "tool"


def test_a_job_without_an_identity_signs_nothing(place: Place) -> None:
    image = place.registry.push("team/keyless", "twelve")
    with pytest.raises(SigningError) as refused:
        sign(image, Signer(), place.environ)
    assert refused.value.kind == "service"
    assert "a job that has an identity" in str(refused.value)
    assert attached(image, place.environ) == {}


def test_nothing_is_verified_against_nobody(place: Place) -> None:
    image = place.registry.push("team/nobody", "thirteen")
    with pytest.raises(SigningError, match="nobody says who signs"):
        verify(image, Identity(), place.environ)


def test_a_file_that_is_no_bill_of_materials_is_not_attested(place: Place, tmp_path: Path) -> None:
    image = place.registry.push("team/sbom", "fourteen")
    for content in ("{}", "[]", "not JSON", '{"bomFormat": "SPDX"}'):
        (tmp_path / "sbom.json").write_text(content, "utf-8")
        with pytest.raises(SigningError) as refused:
            attest_sbom(image, tmp_path / "sbom.json", place.signer(), place.environ)
        assert refused.value.kind == "attestation"
    assert attached(image, place.environ) == {}


def test_a_base_image_by_tag_is_no_provenance(place: Place) -> None:
    image = place.registry.push("team/base", "fifteen")
    build = Build(**{name: getattr(BUILD, name) for name in BUILD.__slots__} | {"base": "python:3.11-slim"})
    with pytest.raises(SigningError, match="not named by digest"):
        attest_provenance(image, build, place.signer(), place.environ)


def test_a_copied_image_says_what_it_was_copied_from_and_names_no_context() -> None:
    values: dict[str, Any] = {name: getattr(BUILD, name) for name in BUILD.__slots__}
    found = provenance(Build(**values | {"context_hash": ""}))
    assert context_hash_of(found) == ""
    assert found["buildDefinition"]["buildType"] != provenance(BUILD)["buildDefinition"]["buildType"]
    assert found["buildDefinition"]["resolvedDependencies"][1]["digest"] == {"sha256": "ba" * 32}


def _tamper(registry: LocalRegistry, image: str) -> None:
    """Puts another context hash into the attestation that lies beside the image, as who may write there could."""
    name, _, digest = image.partition("@")
    repository = name.partition("/")[2]
    beside = digest.replace(":", "-")
    index = registry.manifest(repository, beside)
    (entry,) = index["manifests"]
    manifest = registry.manifest(repository, entry["digest"])
    bundle = json.loads(registry.read(repository, manifest["layers"][0]["digest"]))
    payload = base64.b64decode(bundle["dsseEnvelope"]["payload"]).decode()
    changed = payload.replace(BUILD.context_hash, "ee" * 32)
    assert changed != payload
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(changed.encode()).decode()
    layer = registry.blob(repository, json.dumps(bundle).encode(), manifest["layers"][0]["mediaType"])
    manifest["layers"] = [layer]
    changed_digest = registry.put(repository, {**manifest, "mediaType": MANIFEST})
    size = len(json.dumps(manifest, sort_keys=True).encode())
    index["manifests"] = [{**entry, "digest": changed_digest, "size": size}]
    registry.put(repository, index, beside)
