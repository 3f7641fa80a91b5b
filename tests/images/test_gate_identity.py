"""Which images are behind a digest: none of an index may go unscanned."""

from __future__ import annotations

from typing import Any

import pytest

from ci.images.identity import PlatformImage, images_in

IMAGE = {"schemaVersion": 2, "config": {"digest": "sha256:c1"}, "layers": []}


def fetched(**manifests: dict[str, Any]) -> Any:
    return lambda digest: manifests[digest]


def test_one_image_stands_for_itself() -> None:
    assert images_in("one", fetched(one=IMAGE)) == (PlatformImage("one", "sha256:c1"),)


def test_every_image_of_an_index_is_listed_and_what_is_attested_is_not() -> None:
    listed = [
        {"digest": "amd", "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": "arm", "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"digest": "proof", "platform": {"os": "unknown", "architecture": "unknown"}},
        {"digest": "bare"},
    ]
    other = IMAGE | {"config": {"digest": "sha256:c2"}}
    found = images_in("all", fetched(all={"manifests": listed}, amd=IMAGE, arm=other, bare=IMAGE))
    assert [(one.digest, one.image_id, one.platform) for one in found] == [
        ("amd", "sha256:c1", "linux/amd64"),
        ("arm", "sha256:c2", "linux/arm64/v8"),
        ("bare", "sha256:c1", ""),
    ]


@pytest.mark.parametrize("manifest", [{"manifests": []}, {"layers": []}, {"config": "x"}])
def test_a_digest_without_an_image_is_refused(manifest: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="odd is"):
        images_in("odd", fetched(odd=manifest))
