"""The admission policy as Kyverno itself judges by it: its command line, real signatures, a registry of this machine.

What Kyverno's webhook adds is the same engine behind the API server; tests/cluster holds the policy against its schema.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from signing_place import BUILD, TOP, Place, signing_place

from ci.images.signing import attest_provenance, sign
from components.definition.image_settings import ImageSettings
from components.specs.image_admission import image_admission
from components.specs.names import pool_labels

NAMESPACES = {"pool": pool_labels("pool", "growth"), "elsewhere": {"app.kubernetes.io/managed-by": "somebody"}}
NOT_SIGNED = "an image is not signed by whom settings.yaml names"
NO_PROVENANCE = "an image has no signed provenance"


@dataclass(frozen=True)
class Kyverno:
    """Kyverno with the policy for the images of `place`."""

    place: Place
    program: Path

    def judges(self, *pods: dict[str, Any], registry: str = "") -> dict[str, str]:
        """Pod's name → why it is refused, "" when it is let in; a pod that the policy is not for is not in it."""
        folder = self.place.folder
        settings = ImageSettings.model_validate({"signing": {"key": self.place.identity().key}})
        *_, policy = image_admission(registry or f"{self.place.registry.host}/team", settings, "")
        values = {
            "apiVersion": "cli.kyverno.io/v1alpha1",
            "kind": "Values",
            "namespaceSelector": [{"name": name, "labels": labels} for name, labels in NAMESPACES.items()],
        }
        (folder / "policy.yaml").write_text(yaml.safe_dump(policy), "utf-8")
        (folder / "values.yaml").write_text(yaml.safe_dump(values), "utf-8")
        (folder / "pods.yaml").write_text(yaml.safe_dump_all(pods), "utf-8")
        command = [self.program, "apply", "policy.yaml", "--resource", "pods.yaml", "--values-file", "values.yaml"]
        command += ["--registry", "--policy-report", "--output-format", "json", "--remove-color"]
        done = subprocess.run(
            command, cwd=folder, env=self.place.environ, capture_output=True, text=True, timeout=120, check=False
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        assert lines, done.stdout + done.stderr
        return {
            one["resources"][0]["name"]: "" if one["result"] == "pass" else one["message"]
            for one in json.loads(lines[0])["results"]
        }


@pytest.fixture(scope="module")
def kyverno(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kyverno]:
    command = ["bash", TOP / "ci/go_tools.sh", "--built", "kyverno"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("Kyverno's command line is not built (six CPU minutes): bash ci/go_tools.sh kyverno")
    with signing_place(tmp_path_factory.mktemp("kyverno")) as place:
        yield Kyverno(place, Path(found.stdout.strip()))


def pod(name: str, image: str, namespace: str = "pool", **spec: Any) -> dict[str, Any]:
    containers = [{"name": "agent", "image": image}]
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **spec}}


def test_signed_with_provenance_is_let_in_and_whatever_lacks_one_of_them_is_not(kyverno: Kyverno) -> None:
    place = kyverno.place
    good = place.complete("team/good", "good")
    mirrored = place.complete("team/mirror/docker.io/example/app", "mirrored")
    theirs = place.complete("team/theirs", "theirs", who="theirs")
    unsigned = place.registry.push("team/unsigned", "unsigned")
    bare = place.registry.push("team/bare", "bare")
    sign(bare, place.signer(), place.environ)
    attested = place.registry.push("team/attested", "attested")
    attest_provenance(attested, BUILD, place.signer(), place.environ)
    judged = kyverno.judges(
        pod("good", good),
        pod("mirrored", mirrored),
        pod("theirs", theirs),
        pod("unsigned", unsigned),
        pod("bare", bare),
        pod("attested", attested),
        pod("tag", good.partition("@")[0] + ":1"),
    )
    assert judged.pop("good") == judged.pop("mirrored") == ""
    assert judged.pop("bare").startswith(NO_PROVENANCE)
    assert judged.pop("tag").endswith("does not have a digest")
    assert {name: why.partition(":")[0] for name, why in judged.items()} == dict.fromkeys(
        ("theirs", "unsigned", "attested"), NOT_SIGNED
    )


def test_every_sort_of_container_is_verified_and_a_volume_that_is_an_image(kyverno: Kyverno) -> None:
    good = kyverno.place.complete("team/first", "first")
    bad = kyverno.place.registry.push("team/second", "second")

    def more(image: str) -> list[dict[str, Any]]:
        second = [{"name": "second", "image": image}]
        return [
            pod(f"init-{image == good}".lower(), good, initContainers=second),
            pod(f"debug-{image == good}".lower(), good, ephemeralContainers=second),
            pod(f"volume-{image == good}".lower(), good, volumes=[{"name": "v", "image": {"reference": image}}]),
        ]

    judged = kyverno.judges(*more(good), *more(bad))
    assert {name for name, why in judged.items() if not why} == {"init-true", "debug-true", "volume-true"}
    assert {name for name, why in judged.items() if why.startswith(NOT_SIGNED)} == {
        "init-false",
        "debug-false",
        "volume-false",
    }


def test_the_policy_is_for_every_pools_namespace_and_for_no_other(kyverno: Kyverno) -> None:
    unsigned = kyverno.place.registry.push("team/anywhere", "anywhere")
    judged = kyverno.judges(pod("inside", unsigned), pod("outside", unsigned, "elsewhere"))
    assert [*judged] == ["inside"]


def test_an_image_of_which_nothing_can_be_learned_is_not_let_in(kyverno: Kyverno) -> None:
    nobody, away = f"sha256:{'00' * 32}", "127.0.0.1:1/team"
    assert kyverno.judges(pod("gone", f"{kyverno.place.registry.host}/team/gone@{nobody}"))["gone"]
    assert kyverno.judges(pod("away", f"{away}/app@{nobody}"), registry=away)["away"]
