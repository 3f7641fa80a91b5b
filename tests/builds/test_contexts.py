"""What images are built from: the files that the hash names, all of them and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_fleet import CHARACTER, MINIMAL, catalog_files, overlaid, tree

from components.builds.contexts import ContextError, context_of
from components.builds.needed import Needed, needed, use_of
from components.definition.findings import Finding, InvalidInput
from components.definition.tree import MemoryTree
from components.fleet import Fleet

REPOSITORY = Path(__file__).parent.parent.parent
PINNED = {
    "python": "docker.io/library/python@sha256:" + "ab" * 32,
    "node": "docker.io/library/node@sha256:" + "cd" * 32,
}
OWN = {"business/own.yaml": MINIMAL + "build: {context: own}\n", "business/own/Dockerfile": "FROM scratch\n"}
AGENTS = {
    "business/plain.yaml": MINIMAL,
    "business/second.yaml": MINIMAL,
    "community/quiet.yaml": CHARACTER,
    "community/herald.yaml": CHARACTER + "channels: {discord: {}}\n",
    **OWN,
}
Images = dict[str, Needed]


def _real_contexts() -> dict[str, bytes]:
    folder = REPOSITORY / "components/images"
    return {
        f"components/images/{path.relative_to(folder)}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _opened(files: dict[str, str] = AGENTS, changed: dict[str, bytes] | None = None, **catalog: str) -> Fleet:
    made = tree(files, {f"{kind}.yaml": text for kind, text in catalog.items()})
    contents = {**made.contents, **_real_contexts(), **(changed or {})}
    settings = contents["agents/catalog/settings.yaml"].decode()
    for name, reference in PINNED.items():
        tag = {"python": "python:3.11-slim", "node": "node:24-slim"}[name]
        settings = settings.replace(f"docker.io/library/{tag}", reference)
    contents["agents/catalog/settings.yaml"] = settings.encode()
    return Fleet.open(MemoryTree(contents))


def _images(fleet: Fleet) -> Images:
    uses = [use_of(agent) for path in fleet.definitions for agent in fleet.examine(path).resolved.values()]
    return {one.name: one for one in needed(uses, fleet.catalog)}


def _of(images: Images, agent: str) -> Needed:
    (found,) = [one for one in images.values() if agent in one.agents]
    return found


def test_agents_of_a_runtime_share_an_image_and_a_set_of_plugins_has_one() -> None:
    images = _images(_opened())
    assert _of(images, "business/plain").agents == ("business/plain", "business/second")
    quiet, herald = _of(images, "community/quiet"), _of(images, "community/herald")
    assert quiet.repository == herald.repository
    assert quiet.context_hash != herald.context_hash


def test_a_context_holds_the_runtimes_files_and_the_rendered_dockerfile() -> None:
    fleet = _opened()
    context = context_of(_of(_images(fleet), "business/plain"), fleet.tree, fleet.catalog)
    assert f"FROM {PINNED['python']}".encode() in context.files["Dockerfile"]
    assert b"{{" not in context.files["Dockerfile"]
    assert "Dockerfile.j2" not in context.files
    assert (
        context.files["agent/__main__.py"] == (REPOSITORY / "components/images/fastapi/agent/__main__.py").read_bytes()
    )
    assert context.labels["org.opencontainers.image.base.digest"] == "sha256:" + "ab" * 32
    assert context.tag.endswith(f"/fastapi:{context.hash[:16]}")


def test_an_image_of_plugins_has_just_these_in_its_package_json_and_lock() -> None:
    fleet = _opened()
    contexts = {
        name: context_of(_of(_images(fleet), f"community/{name}"), fleet.tree, fleet.catalog)
        for name in ("quiet", "herald")
    }
    packages = {name: json.loads(one.files["package.json"])["dependencies"] for name, one in contexts.items()}
    assert set(packages["herald"]) - set(packages["quiet"]) == {"@elizaos/plugin-discord"}
    locked = json.loads(contexts["quiet"].files["package-lock.json"])["packages"]
    assert "node_modules/@elizaos/plugin-discord" not in locked
    assert all("integrity" in one for place, one in locked.items() if place)
    needs = json.loads(contexts["herald"].files["needs.json"])["plugins"]["@elizaos/plugin-discord"]
    assert needs["variables"] == ["DISCORD_API_TOKEN", "DISCORD_APPLICATION_ID"]


@pytest.mark.parametrize(
    ("path", "agent"),
    [
        ("components/images/fastapi/agent/__main__.py", "business/plain"),
        ("components/images/fastapi/requirements.txt", "business/plain"),
        ("components/images/eliza/start.mjs", "community/herald"),
        ("agents/business/own/Dockerfile", "business/own"),
    ],
)
def test_a_changed_file_gives_its_images_another_hash_and_no_other_one(path: str, agent: str) -> None:
    before = _images(_opened())
    fleet = _opened()
    text = fleet.tree.read(path) + b"\n"
    after = _images(_opened(changed={path: text}))
    moved = {user for one in after.values() if one.name not in before for user in one.agents}
    of_runtime = {
        user for one in before.values() if one.repository == _of(before, agent).repository for user in one.agents
    }
    assert moved == of_runtime


def test_what_every_runtimes_context_has_besides_counts_for_all_of_them_and_for_no_own_build() -> None:
    path = "components/images/shared/strip_system.sh"
    before, after = _images(_opened()), _images(_opened(changed={path: b"#!/bin/sh\n"}))
    assert [one.agents for one in after.values() if one.name in before] == [("business/own",)]
    fleet = _opened()
    for agent, there in (("business/plain", True), ("community/herald", True), ("business/own", False)):
        context = context_of(_of(_images(fleet), agent), fleet.tree, fleet.catalog)
        assert ("strip_system.sh" in context.files) is there


def test_a_newer_package_that_an_image_does_not_have_leaves_it_alone() -> None:
    lock = json.loads(_real_contexts()["components/images/eliza/package-lock.json"])
    lock["packages"]["node_modules/@elizaos/plugin-discord"]["integrity"] = "sha512-another"
    before = _images(_opened())
    after = _images(_opened(changed={"components/images/eliza/package-lock.json": json.dumps(lock).encode()}))
    assert _of(before, "community/quiet").name == _of(after, "community/quiet").name
    assert _of(before, "community/herald").name != _of(after, "community/herald").name


def test_a_new_base_is_another_image() -> None:
    other = overlaid(catalog_files()["catalog/settings.yaml"], "")
    before = _images(_opened())
    after = _images(_opened(settings=other.replace("node:24-slim", "node:26-slim")))
    assert _of(before, "business/plain").name == _of(after, "business/plain").name
    assert _of(before, "community/quiet").name != _of(after, "community/quiet").name


def test_what_has_a_base_without_a_digest_is_not_built() -> None:
    fleet = _opened(settings=catalog_files()["catalog/settings.yaml"].replace("node:24-slim", "node:26-slim"))
    with pytest.raises(ContextError, match="roster images pin node"):
        context_of(_of(_images(fleet), "community/quiet"), fleet.tree, fleet.catalog)


def test_what_the_lock_lacks_is_said_of_the_catalog_with_the_way_out() -> None:
    channels = catalog_files()["catalog/channels.yaml"].replace("plugin_version: 1.3.8", "plugin_version: 9.9.9")
    (found,) = _faults(channels=channels)
    assert (found.rule, found.file) == ("package-not-locked", "agents/catalog/channels.yaml")
    assert "@elizaos/plugin-discord@9.9.9: the lock has 1.3.8" in found.message
    assert "bash ci/lock.sh" in found.message


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"packages": {}}', b'{"packages": {"": {"dependencies": []}}}']
)
def test_a_damaged_lock_is_said_where_it_lies(content: bytes) -> None:
    found = _faults(changed={"components/images/eliza/package-lock.json": content})
    assert [(one.rule, one.file) for one in found] == [("wrong-lock", "components/images/eliza/package-lock.json")]


def test_two_records_of_one_image_contradict_each_other() -> None:
    record = "image: docker.io/example/app:1\ndigest: sha256:" + "ab" * 32 + "\n"
    files: dict[str, Any] = {**AGENTS, "catalog/images/one.yaml": record, "catalog/images/two.yaml": record}
    (found,) = _faults(files)
    assert (found.rule, found.file) == ("duplicate-value", "agents/catalog/images/two.yaml")
    assert "agents/catalog/images/one.yaml" in found.message


def _faults(files: dict[str, Any] = AGENTS, **options: Any) -> list[Finding]:
    with pytest.raises(InvalidInput) as refused:
        _opened(files, **options)
    return refused.value.findings


def test_one_folder_for_two_agents_is_two_images_and_each_needs_its_own_record() -> None:
    files = {**OWN, "business/twin.yaml": OWN["business/own.yaml"]}
    images = _images(_opened(files))
    assert {one.agents for one in images.values()} == {("business/own",), ("business/twin",)}
    assert len({one.context_hash for one in images.values()}) == 1


def test_a_ready_image_that_was_copied_to_another_registry_has_no_record_here() -> None:
    digest = "sha256:" + "ab" * 32
    record = f"image: docker.io/example/app:1\ndigest: {digest}\nrepository: {{}}/mirror/docker.io/example/app\n"
    record += 'scan: {{scanner: grype, database: "2026-11-20", critical: 0, high: 0, medium: 0, low: 0}}\n'
    agent = {"business/a.yaml": MINIMAL + "image: docker.io/example/app:1\n"}
    for registry, passed in (("registry.example.com/roster", True), ("elsewhere.example.com/roster", False)):
        (image,) = _images(_opened({**agent, "catalog/images/app.yaml": record.format(registry)})).values()
        assert image.passed is passed


def test_a_record_of_another_digest_than_the_agent_names_is_not_its_record() -> None:
    named, other = "docker.io/example/app@sha256:" + "ab" * 32, "sha256:" + "cd" * 32
    record = f"image: {named}\ndigest: {other}\nrepository: registry.example.com/roster/mirror/docker.io/example/app\n"
    record += 'scan: {scanner: grype, database: "2026-11-20", critical: 0, high: 0, medium: 0, low: 0}\n'
    files = {"business/a.yaml": MINIMAL + f"image: {named}\n", "catalog/images/app.yaml": record}
    fleet = _opened(files)
    (image,) = _images(fleet).values()
    assert not image.passed
    assert fleet.examine("agents/business/a.yaml").resolved["prod"].image.reference == named


def test_where_images_are_signed_a_record_without_a_signature_counts_for_nothing() -> None:
    files = {"business/plain.yaml": MINIMAL}
    (image,) = _images(_opened(files)).values()
    record = f'image: {image.reference}\ncontext_hash: "{image.context_hash}"\ndigest: sha256:{"ab" * 32}\n'
    record += 'scan: {scanner: grype, database: "2026-11-20", critical: 0, high: 0, medium: 0, low: 0}\n'
    signing = (
        "images: {signing: {issuer: https://issuer.example.com, identity: https://example.com/images.yaml@main}}\n"
    )
    for settings, signature, passed in (
        ("", "", True),
        (signing, "", False),
        (signing, f"signature: sha256:{'5' * 64}\n", True),
    ):
        (found,) = _images(
            _opened({**files, "catalog/images/one.yaml": record + signature}, settings=settings)
        ).values()
        assert found.passed is passed


def test_a_lock_in_a_context_that_is_no_elizaos_image_counts_whole() -> None:
    one, other = (
        _images(_opened({"business/plain.yaml": MINIMAL}, {"components/images/fastapi/package-lock.json": text}))
        for text in (b'{"a": 1}', b'{"a": 2}')
    )
    assert one.keys() != other.keys()
