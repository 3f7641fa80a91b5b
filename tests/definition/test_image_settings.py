"""Who signs images and what is let in, as settings.yaml may say it; and where ready images are copied to."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from components.definition.image_settings import ImageSettings
from components.definition.mirrored import mirrored

KEY = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"
KEYLESS = {"issuer": "https://token.actions.githubusercontent.com", "identity": "https://example.com/images.yaml@main"}
REGISTRY = "registry.example.com/roster"
DIGEST = "@sha256:" + "ab" * 32


@pytest.mark.parametrize("signing", [KEYLESS, {"key": KEY}])
def test_a_job_or_a_key_signs_and_with_nothing_more_said_everything_else_is_refused(signing: dict[str, str]) -> None:
    settings = ImageSettings.model_validate({"signing": signing})
    assert settings.admission.mode == "enforce"
    assert settings.admission.sidecars is None


@pytest.mark.parametrize(
    "settings",
    [
        {"signing": {}},
        {"signing": KEYLESS | {"key": KEY}},
        {"signing": {"issuer": KEYLESS["issuer"]}},
        {"signing": KEYLESS | {"issuer": "http://issuer.example.com"}},
        {"signing": KEYLESS | {"identity": ".*"}},
        {"signing": {"key": "cosign.pub"}},
        {"signing": {"key": KEY.replace("PUBLIC", "PRIVATE")}},
        {"signing": KEYLESS, "admission": {"mode": "off"}},
        {"signing": KEYLESS, "admission": {"sidecars": ["docker.io/istio/proxyv2:1.24.0"]}},
        {"signing": KEYLESS, "admission": {"sidecars": [f"docker.io/istio/proxy'v2{DIGEST}"]}},
        {"signing": KEYLESS, "admission": {"credentials": {"providers": ["anybody"]}}},
        {"signing": KEYLESS, "unknown": 1},
    ],
)
def test_anything_less_exact_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ImageSettings.model_validate(settings)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("docker.io/intelgraph/agent-platform:1.0.0", f"{REGISTRY}/mirror/docker.io/intelgraph/agent-platform"),
        ("intelgraph/agent-platform:1.0.0", f"{REGISTRY}/mirror/docker.io/intelgraph/agent-platform"),
        ("nginx", f"{REGISTRY}/mirror/docker.io/library/nginx"),
        (f"ghcr.io/a/b/c:1{DIGEST}", f"{REGISTRY}/mirror/ghcr.io/a/b/c"),
        (f"localhost:5000/app{DIGEST}", f"{REGISTRY}/mirror/localhost-5000/app"),
        (f"{REGISTRY}/own-app{DIGEST}", f"{REGISTRY}/own-app"),
        (f"{REGISTRY}-evil/app:1", f"{REGISTRY}/mirror/registry.example.com/roster-evil/app"),
    ],
)
def test_a_ready_image_is_copied_to_a_place_that_says_where_it_is_from(reference: str, expected: str) -> None:
    assert mirrored(reference, REGISTRY) == expected
    assert mirrored(expected, REGISTRY) == expected, "a copy is not copied again"
