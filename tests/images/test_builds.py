"""Builds: reproducible, without credentials where they run what others wrote, pushed only when told."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import re
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import harness
import httpx
import pytest
import runtime_images
from oci_layout import write_layout

from ci.images import builders
from ci.images.buildah import Buildah
from ci.images.builders import BuildFailure, Order, build
from ci.images.buildx import Buildx
from ci.images.layout import measured
from components.builds.context import SOURCE_DATE_EPOCH, Context
from components.builds.materialise import materialise

LACKING = harness.missing(*runtime_images.PROGRAMS)
builds = pytest.mark.skipif(bool(LACKING), reason=LACKING)
PLAIN = {"Dockerfile": b"FROM scratch\nCOPY score.py start.sh /app/\nUSER 10001:10001\n", "score.py": b"print(1)\n"}


def plain(host: str = "registry.example.com", **changes: object) -> Context:
    """A context that needs no base."""
    files = {**PLAIN, "start.sh": b"#!/bin/sh\nexec true\n", "data/words.txt": b"one two\n"}
    labels = {"org.opencontainers.image.title": "scorer", "org.opencontainers.image.revision": "ab" * 32}
    context = Context(
        "scorer", files, "Dockerfile", {"MODE": "x"}, f"{host}/roster/scorer", "ab" * 32, "scratch", labels
    )
    return replace(context, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[str, str, Buildah]]:
    """A registry's address, the Python base in it, and a builder."""
    with runtime_images.built_from(harness.base_image("python")) as found:
        yield found


def tags(host: str, repository: str) -> list[str]:
    answer = httpx.get(f"http://{host}/v2/{repository}/tags/list", trust_env=False).json()
    return list(answer.get("tags") or [])


def tree(folder: Path) -> dict[str, tuple[str, float, bytes]]:
    """Each path with its mode, time and content."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found[path.relative_to(folder).as_posix()] = (stat.filemode(status.st_mode), status.st_mtime, content)
    return found


def test_a_context_is_the_same_folder_whatever_the_umask_and_the_time(tmp_path: Path) -> None:
    materialise(plain(), tmp_path / "one")
    before = os.umask(0o077)
    try:
        materialise(plain(), tmp_path / "two")
    finally:
        os.umask(before)
    one = tree(tmp_path / "one")
    assert one == tree(tmp_path / "two")
    assert {time for _, time, _ in one.values()} == {SOURCE_DATE_EPOCH}
    assert (one["start.sh"][0], one["score.py"][0], one["data"][0]) == ("-rwxr-xr-x", "-rw-r--r--", "drwxr-xr-x")


@pytest.mark.parametrize("path", ["../up", "/etc/passwd", "a/../../b", ""])
def test_a_context_writes_nothing_outside_of_its_folder(tmp_path: Path, path: str) -> None:
    with pytest.raises(ValueError, match="leads out of it"):
        materialise(plain(files={path: b"x"}), tmp_path / "context")
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


@builds
@pytest.mark.parametrize(("runtime", "kind"), [("fastapi", "python"), ("eliza", "node")])
def test_a_runtimes_image_built_twice_has_the_same_pushed_digest(runtime: str, kind: str) -> None:
    found = runtime_images.proven(runtime, kind)
    assert found.first.digest == found.second.digest
    assert re.fullmatch("sha256:[0-9a-f]{64}", found.first.digest)
    assert measured(found.layout) == (found.first.digest, found.first.size_bytes)
    assert found.first.size_bytes < 200e6


@builds
def test_nothing_is_pushed_unless_told_and_then_it_is_the_very_same_image(
    place: tuple[str, str, Buildah], tmp_path: Path
) -> None:
    host, _, builder = place
    context = plain(host, repository=f"{host}/roster/unpushed")
    kept = build(context, builder, False, layout=tmp_path / "layout")
    assert tags(host, "roster/unpushed") == []
    assert measured(tmp_path / "layout") == (kept.digest, kept.size_bytes)
    pushed = build(context, builder, True)
    assert pushed.digest == kept.digest
    assert tags(host, "roster/unpushed") == ["ab" * 8]
    manifest = httpx.get(
        f"http://{host}/v2/roster/unpushed/manifests/{pushed.digest}",
        headers={"accept": "application/vnd.oci.image.manifest.v1+json"},
        trust_env=False,
    ).json()
    assert pushed.size_bytes == manifest["config"]["size"] + sum(layer["size"] for layer in manifest["layers"])
    assert manifest["annotations"]["org.opencontainers.image.revision"] == "ab" * 32


@builds
def test_several_platforms_are_one_index(place: tuple[str, str, Buildah], tmp_path: Path) -> None:
    host, _, builder = place
    context = plain(host, repository=f"{host}/roster/platforms")
    made = [build(context, builder, True, ["linux/amd64", "linux/arm64"], layout=tmp_path / name) for name in "ab"]
    assert made[0].digest == made[1].digest
    index = httpx.get(
        f"http://{host}/v2/roster/platforms/manifests/{made[0].digest}",
        headers={"accept": "application/vnd.oci.image.index.v1+json"},
        trust_env=False,
    ).json()
    assert sorted(one["platform"]["architecture"] for one in index["manifests"]) == ["amd64", "arm64"]


@builds
def test_what_a_context_runs_sees_no_credentials_of_the_machine(
    place: tuple[str, str, Buildah], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, base, builder = place
    home = tmp_path / "home"
    (home / ".docker").mkdir(parents=True)
    (home / ".docker/config.json").write_text('{"auths": {"registry.example.com": {"auth": "cGxhbnRlZDpwbGFudGVk"}}}')
    monkeypatch.setenv("HOME", str(home))
    for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "REGISTRY_PASSWORD", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"):
        monkeypatch.setenv(name, "planted-value")
    look = "env; cat ~/.docker/config.json $DOCKER_CONFIG/config.json; tr '\\0' '\\n' </proc/$PPID/environ"
    files = {
        "Dockerfile": f"FROM {base}\nRUN {look}; find / -xdev -name config.json -path '*docker*'; exit 7\n".encode()
    }
    with pytest.raises(BuildFailure) as failed:
        build(plain(host, files=files, base=base), builder, False, network="host")
    said = str(failed.value)
    assert "PATH=" in said
    assert "planted" not in said
    assert "cGxhbnRlZDpwbGFudGVk" not in said


@builds
def test_a_build_that_is_held_to_the_package_index_reaches_nothing_else(place: tuple[str, str, Buildah]) -> None:
    host, base, builder = place
    # The registry on this machine's loopback stands for the index; to everything else there must be no way.
    look = f"""\
import http.client, socket
def through(target):
    name, port = target.split(":")
    proxy = http.client.HTTPConnection("127.0.0.1", 3128, timeout=5)
    proxy.set_tunnel(name, int(port))
    try:
        proxy.request("GET", "/v2/")
        print(target, proxy.getresponse().status)
    except OSError as error:
        print(target, "refused", error)
through("{host}")
through("127.0.0.1:22")
through("169.254.169.254:80")
for address in (("{host.split(":")[0]}", {host.split(":")[1]}), ("169.254.169.254", 80), ("1.1.1.1", 443)):
    try:
        socket.create_connection(address, 3)
        print(address[0], "REACHED")
    except OSError as error:
        print(address[0], "no way:", error.strerror)
"""
    dockerfile = f"FROM {base}\nCOPY look.py /\nRUN python3 /look.py; exit 7\n"
    context = plain(host, base=base, files={"Dockerfile": dockerfile.encode(), "look.py": look.encode()})
    with pytest.raises(BuildFailure) as failed:
        build(context, builder, False, hosts=[host])
    said = str(failed.value)
    assert f"{host} 200" in said
    for target in ("127.0.0.1:22", "169.254.169.254:80"):
        assert re.search(rf"{target} refused .*403", said)
    assert "REACHED" not in said
    assert said.count("no way:") == 3


def test_with_credentials_only_what_talks_to_registries_gets_them(tmp_path: Path) -> None:
    (tmp_path / "login").mkdir()
    config = tmp_path / "login/config.json"
    config.write_text('{"auths": {}}')
    variables = {"PATH": "/bin", "AWS_PROFILE": "push", "HOME": "/home/ci"}
    assert builders.trusted_environment(variables, config) == {
        **variables,
        "DOCKER_CONFIG": str(config.parent),
        "REGISTRY_AUTH_FILE": str(config),
    }
    bare = builders.bare_environment({**variables, "DOCKER_CONFIG": str(config.parent)}, tmp_path)
    assert "AWS_PROFILE" not in bare
    assert list(Path(bare["HOME"]).iterdir()) == []
    assert Path(bare["REGISTRY_AUTH_FILE"]) == Path(bare["DOCKER_CONFIG"]) / "config.json" != config
    assert "auths" not in Path(bare["REGISTRY_AUTH_FILE"]).read_text()


@builds
def test_the_certificate_secret_is_seen_while_building_and_stays_out_of_the_image(
    place: tuple[str, str, Buildah], tmp_path: Path
) -> None:
    host, base, builder = place
    secret = tmp_path / "ca.pem"
    secret.write_text("the certificates of a company")
    run = "RUN --mount=type=secret,id=ca sha256sum </run/secrets/ca >/seen\n"
    files = {"Dockerfile": f"FROM {base} AS look\n{run}FROM scratch\nCOPY --from=look /seen /run /\n".encode()}
    context = plain(host, files=files, base=base)
    build(context, builder, False, layout=tmp_path / "layout", secrets={"ca": secret}, network="host")
    blobs = [blob.read_bytes() for blob in (tmp_path / "layout/blobs/sha256").iterdir()]
    content = b"".join(gzip.decompress(blob) if blob.startswith(b"\x1f\x8b") else blob for blob in blobs)
    assert hashlib.sha256(secret.read_bytes()).hexdigest().encode() in content
    assert b"company" not in content
    with pytest.raises(BuildFailure, match=r"no file .*missing for the build secret ca"):
        build(context, builder, False, secrets={"ca": tmp_path / "missing"})


@builds
def test_a_failed_build_says_which_image_and_ends_with_the_builders_last_lines(place: tuple[str, str, Buildah]) -> None:
    host, base, builder = place
    files = {"Dockerfile": f"FROM {base}\nRUN seq 1 500; echo no such package >&2; exit 4\n".encode()}
    with pytest.raises(BuildFailure) as failed:
        build(plain(host, files=files, base=base), builder, True, network="host")
    lines = str(failed.value).splitlines()
    assert lines[0] == "scorer: the build failed (buildah exited with 4):"
    assert "  no such package" in lines
    assert 10 < len(lines) < 25
    assert tags(host, "roster/scorer") == []


@builds
def test_a_build_that_hangs_is_stopped_with_all_that_it_has_started(
    place: tuple[str, str, Buildah], monkeypatch: pytest.MonkeyPatch
) -> None:
    host, base, builder = place
    # A number of seconds that nobody else sleeps.
    sleep = f"sleep {900_000 + os.getpid()}"
    files = {"Dockerfile": f"FROM {base}\nRUN {sleep}\n".encode()}
    build(plain(host, files={"Dockerfile": f"FROM {base}\n".encode()}, base=base), builder, False)
    monkeypatch.setattr(builders, "TIMEOUT_SECONDS", 6)
    with pytest.raises(BuildFailure, match=r"the build took more than 0\.1 minutes and was stopped"):
        build(plain(host, files=files, base=base), builder, False, network="host")
    # Killed they are at once, and gone when the kernel has come to it: on a busy machine after a while.
    for _ in range(100):
        left = subprocess.run(["pgrep", "-f", f"^{sleep}"], check=False, capture_output=True).stdout
        if not left:
            break
        time.sleep(0.1)
    assert left == b""


@builds
def test_a_base_that_is_gone_is_said_before_anything_is_built(place: tuple[str, str, Buildah]) -> None:
    host, _, builder = place
    gone = f"{host}/base@sha256:{'0' * 64}"
    with pytest.raises(BuildFailure, match=rf"pulling its base {gone} failed(.|\n)*manifest unknown"):
        build(plain(host, base=gone), builder, False)


def test_a_builder_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for builder, program in ((Buildah(), "buildah"), (Buildx(), "docker")):
        with pytest.raises(BuildFailure, match=f"scorer: {program} is not on PATH"):
            build(plain(), builder, False)


def test_buildkit_says_that_it_cannot_be_held_to_some_hosts() -> None:
    with pytest.raises(BuildFailure, match="use buildah for this build"):
        build(plain(), Buildx(), False, hosts=[])


def test_buildah_takes_no_cache_in_a_registry() -> None:
    with pytest.raises(BuildFailure, match="set none"):
        build(plain(), Buildah(), True, cache="registry.example.com/roster/cache")


def order(tmp_path: Path, push: bool, **more: object) -> Order:
    built = Order(plain(), tmp_path / "work/context", tmp_path / "layout", push, {}, {})
    return replace(built, **more)  # type: ignore[arg-type]


def test_buildx_is_told_to_push_and_to_write_its_cache_only_when_told(tmp_path: Path) -> None:
    # docker buildx itself cannot be had on every machine, so what it would be told is looked at.
    cache = "registry.example.com/roster/cache"
    archive, metadata = tmp_path / "image.tar", tmp_path / "metadata.json"
    told = {push: Buildx().command(order(tmp_path, push, cache=cache), archive, metadata) for push in (False, True)}
    read = ["--cache-from", f"type=registry,ref={cache}:scorer"]
    for command in told.values():
        assert command[command.index(read[0]) :][:2] == read
    assert not any("push=true" in word for word in told[False])
    assert "--cache-to" not in told[False]
    pushing = f"type=image,name={plain().tag},push=true,oci-mediatypes=true,rewrite-timestamp=true"
    assert pushing in told[True]
    assert f"type=registry,ref={cache}:scorer,mode=max,image-manifest=true,oci-mediatypes=true" in told[True]


def test_buildx_is_told_all_that_makes_two_builds_alike(tmp_path: Path) -> None:
    more = {"platforms": ("linux/amd64", "linux/arm64"), "network": "none", "secrets": {"ca": Path("/ca.pem")}}
    command = Buildx("ci").command(order(tmp_path, False, **more), tmp_path / "image.tar", tmp_path / "metadata.json")
    assert command[:3] == ["docker", "buildx", "build"]
    assert command[-1] == str(tmp_path / "work/context")
    assert {"--provenance=false", "--sbom=false", "--pull"} <= set(command)
    pairs = list(itertools.pairwise(command))
    assert ("--output", f"type=oci,dest={tmp_path}/image.tar,oci-mediatypes=true,rewrite-timestamp=true") in pairs
    for pair in (
        ("--builder", "ci"),
        ("--build-arg", f"SOURCE_DATE_EPOCH={SOURCE_DATE_EPOCH}"),
        ("--build-arg", "BASE_IMAGE=scratch"),
        ("--build-arg", "MODE=x"),
        ("--platform", "linux/amd64,linux/arm64"),
        ("--network", "none"),
        ("--secret", "id=ca,src=/ca.pem"),
        ("--label", "org.opencontainers.image.title=scorer"),
    ):
        assert pair in pairs


@pytest.mark.parametrize("says_another", [False, True])
def test_what_buildx_wrote_is_read_and_held_against_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says_another: bool
) -> None:
    digest = write_layout(tmp_path / "made", {"app/score.py": "print(1)"})
    said = f"sha256:{'0' * 64}" if says_another else digest
    # In place of docker: writes an image and a metadata file where it is told to, and fails when it is told of a login.
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(
        f"""#!/bin/bash
        for word in "$@"; do
          case "$word" in type=oci,dest=*) archive="${{word#type=oci,dest=}}"; archive="${{archive%%,*}}" ;; esac
          [ "$before" = --metadata-file ] && echo '{{"containerimage.digest": "{said}"}}' >"$word"
          before="$word"
        done
        grep -q auths "$DOCKER_CONFIG/config.json" && exit 9
        [ "$SOURCE_DATE_EPOCH" = {SOURCE_DATE_EPOCH} ] && tar -C {tmp_path}/made -cf "$archive" .
        """
    )
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")
    if says_another:
        with pytest.raises(BuildFailure, match=f"docker buildx says {said}, and what it wrote is {digest}"):
            build(plain(), Buildx(), False)
    else:
        made = build(plain(), Buildx(), False, layout=tmp_path / "layout")
        assert (made.digest, made.size_bytes) == measured(tmp_path / "layout")
        assert made.digest == digest
