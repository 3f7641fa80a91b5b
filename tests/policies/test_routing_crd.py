"""The rendered AlertmanagerConfig against the real CRD, which leaves the routes below the first open."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from real_crds import SOURCES, download, real_schema, strict
from small_fleet import fleet

from components.specs.monitoring.routing_objects import routing_manifests

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="`go` is not on PATH: the real CRDs cannot be fetched")


@needs_go
@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_real_crd_takes_the_rendered_routing_with_every_route(tmp_path: Path, environment: str) -> None:
    module, file = SOURCES["AlertmanagerConfig"]
    real = strict(real_schema(download(tmp_path)[module] / file, "AlertmanagerConfig", "v1alpha1"))
    one = routing_manifests(environment, fleet({}).catalog)[-1]
    assert [error.message for error in Draft202012Validator(real).iter_errors(one)] == []
    route = Draft202012Validator(real["properties"]["spec"]["properties"]["route"])
    waiting: list[dict[str, Any]] = [one["spec"]["route"]]
    tried = 0
    while waiting:
        found = waiting.pop()
        waiting += found.get("routes", ())
        tried += 1
        assert [error.message for error in route.iter_errors(found)] == []
    assert tried > 10
