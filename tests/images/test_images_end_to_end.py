"""The whole way of an image with the real programs: buildah, a registry, Grype, syft, cosign."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from grype_ground import npm_package
from image_project import (
    DOCKERFILE,
    OWN,
    PORTER,
    READY,
    TODAY,
    VULNERABLE,
    Ground,
    Project,
    debian,
    git,
    opened,
    project,
    vendor_image,
)
from local_registry import INDEX, MANIFEST

from ci.images.provenance import PREDICATE_TYPE, context_hash_of
from ci.images.signing import CYCLONEDX, SIGNATURE, attached, attested, sign, verify

# Together in one process where the tests are spread by groups: what they share takes seconds to make.
pytestmark = pytest.mark.xdist_group("images-end-to-end")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with opened(tmp_path_factory.mktemp("ground")) as found:
        vendor_image(found, tmp_path_factory.mktemp("vendor"))
        yield found


@pytest.fixture(autouse=True)
def environment(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    ground.set(monkeypatch)


@pytest.fixture
def made(ground: Ground, tmp_path: Path) -> Project:
    """A project whose base image is pinned."""
    found = project(ground, tmp_path / "project")
    found.done("images", "pin", "python")
    return found


@pytest.fixture(scope="module")
def released(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose own image went all the way. It is for looking at; who changes it copies it."""
    with pytest.MonkeyPatch.context() as patch:
        ground.set(patch)
        found = project(ground, tmp_path_factory.mktemp("released") / "project")
        found.done("images", "pin", "python")
        for step in (["build", "--push"], ["scan"], ["sign", "--key", ground.place.signer().key], ["record"]):
            found.done("images", step[0], OWN, *step[1:])
    return found


@pytest.fixture
def running(released: Project, tmp_path: Path) -> Project:
    """A copy of the released project, all of it committed."""
    found = released.copy(tmp_path / "running")
    git(found.top, "add", "--all")
    git(found.top, "commit", "--quiet", "--message", "record")
    return found


def exception(found: Project, days: int) -> None:
    """Lets the planted vulnerability pass in the agent's image, until so many days from now."""
    found.write(
        "agents/catalog/exceptions/planted.yaml",
        "vulnerability: CVE-2026-1000\npackage: planted-python\nimages: [sales/scorer]\n"
        "reason: The part that is vulnerable is never called.\nowner: red\n"
        f'created: "{TODAY - timedelta(days=30)}"\nexpires: "{TODAY + timedelta(days=days)}"\n',
    )


def test_a_base_images_tag_becomes_a_digest_and_is_followed_only_when_told(ground: Ground, tmp_path: Path) -> None:
    found = project(ground, tmp_path / "project")
    settings = found.top / "agents/catalog/settings.yaml"
    settings.write_text(settings.read_text().replace("/base/python:1", "/base/moving:1"))
    first = ground.put("base/moving", debian("12", "one"), tmp_path / "one")
    before = found.listed()["context_hash"]
    assert "its base image python" in found.roster("images", "build", OWN).stderr
    assert f"/base/moving:1 is {first}, recorded in agents/catalog/images/base-python.yaml" in found.done(
        "images", "pin"
    )
    assert found.listed()["context_hash"] != before, "another base is another image"
    pinned = found.listed()["context_hash"]
    assert f"is {first} still" in found.done("images", "pin", "python")
    second = ground.put("base/moving", debian("12", "two"), tmp_path / "two")
    moved = found.roster("images", "pin", "python")
    assert (moved.returncode, f"has moved from {first} to {second}" in moved.stdout) == (1, True)
    assert found.listed()["context_hash"] == pinned
    assert second in found.done("images", "pin", "python", "--update")
    assert found.listed()["context_hash"] != pinned
    found.done("check")


def test_the_image_of_an_agent_goes_all_the_way_into_its_manifests(ground: Ground, released: Project) -> None:
    one = released.listed()
    record, reference = one["record"], f"{one['repository']}@{one['record']['digest']}"
    assert record["context_hash"] == one["context_hash"]
    assert record["scan"]["scanner"].startswith("grype 0.")
    assert record["scan"]["critical"] == 0
    # It was made just now, which may be after midnight.
    assert record["scan"]["database"] in (f"{TODAY}", f"{TODAY + timedelta(days=1)}")
    assert "recorded" not in released.done("check")
    assert "passed: 0 critical" in released.done("images")
    released.done("render", "-e", "prod", "sales/scorer")
    manifests = (released.top / "out/prod/sales/scorer.yaml").read_text()
    assert f"image: {reference}" in manifests.replace('"', "").replace("'", "")
    assert verify(reference, ground.place.identity(), ground.place.environ).signatures == 1
    (bill,) = attested(reference, CYCLONEDX, ground.place.identity(), ground.place.environ)
    assert "planted-python" in [component["name"] for component in bill["components"]]
    (origin,) = attested(reference, PREDICATE_TYPE, ground.place.identity(), ground.place.environ)
    assert context_hash_of(origin) == one["context_hash"]
    assert git(released.top, "rev-parse", "HEAD") in json.dumps(origin)


def test_what_is_recorded_is_not_built_again_but_can_be_to_see_that_it_is_the_same(released: Project) -> None:
    digest = released.listed()["record"]["digest"]
    assert "is recorded; it is not built again" in released.roster("images", "build", OWN).stderr
    assert digest in released.done("images", "build", OWN, "--again", "--push")
    assert released.step("built")["digest"] == digest


def test_a_vulnerable_image_is_stopped_until_it_is_mended_or_excepted(made: Project, tmp_path: Path) -> None:
    made.package(VULNERABLE)
    assert "in out/images/scorer-" in made.done("images", "build", OWN)
    closed = made.roster("images", "scan", OWN, "--report", str(tmp_path / "report.md"))
    assert (closed.returncode, "is stopped by CVE-2026-1000 in planted-python" in closed.stdout) == (3, True)
    report = (tmp_path / "report.md").read_text()
    for told in ("planted-python", "1.0.0", "1.2.0", "critical", "`sales/scorer`"):
        assert told in report
    assert made.roster("images", "record", OWN).returncode == 3
    assert made.roster("images", "sign", OWN, "--key", "none").returncode == 3
    exception(made, 30)
    assert "passed: 1 critical" in made.done("images", "scan", OWN)
    assert "was not pushed" in made.roster("images", "sign", OWN, "--key", "none").stderr
    exception(made, 0)
    assert made.roster("images", "scan", OWN).returncode == 3
    assert f"agents/catalog/exceptions/planted.yaml ended on {TODAY}" in (made.top / "out/images/report.md").read_text()


def test_what_an_earlier_build_left_is_gone_and_buildah_keeps_no_cache_in_the_registry(made: Project) -> None:
    layout = made.top / "out/images" / made.listed()["name"] / "layout"
    layout.mkdir(parents=True)
    (layout / "index.json").write_text('{"manifests": [{}, {}]}')
    done = made.roster("images", "build", OWN, "--cache")
    assert (done.returncode, done.stderr) == (0, "buildah keeps no layers in the registry: --cache does nothing\n")


def test_a_secret_or_a_broken_dockerfile_is_not_built_and_each_has_its_exit_code(made: Project) -> None:
    # Not written in one piece, for this file is looked through too.
    made.write("agents/sales/scorer/settings.py", 'token = "ghp_' + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8" + '"\n')
    refused = made.roster("images", "build", OWN)
    assert (refused.returncode, "agents/sales/scorer/settings.py:1:" in refused.stdout) == (1, True)
    made.write("agents/sales/scorer/settings.py", "")
    made.write("agents/sales/scorer/Dockerfile", DOCKERFILE.replace("METADATA /", "ABSENT /"))
    failed = made.roster("images", "build", OWN)
    assert (failed.returncode, "ABSENT" in failed.stderr) == (4, True)
    assert not (made.top / "out/images" / made.listed()["name"] / "built.json").exists()


def test_only_a_signature_by_whom_the_catalog_names_counts(
    ground: Ground, running: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another image than the one that is signed already.
    running.write(
        "agents/sales/scorer/METADATA", (running.top / "agents/sales/scorer/METADATA").read_text() + "Summary: x\n"
    )
    running.done("images", "build", OWN, "--push")
    unscanned = running.roster("images", "sign", OWN, "--key", ground.place.signer().key)
    assert (unscanned.returncode, "scan.json; `roster images scan" in unscanned.stderr) == (3, True)
    running.done("images", "scan", OWN)
    reference = f"{running.step('built')['repository']}@{running.step('built')['digest']}"
    theirs = ground.place.signer("theirs")
    foreign = running.roster("images", "sign", OWN, "--key", theirs.key)
    assert (foreign.returncode, "is not the private key of the public key in settings.yaml" in foreign.stderr) == (
        8,
        True,
    )
    keyless = running.roster("images", "sign", OWN)
    assert (keyless.returncode, "settings.yaml names a key" in keyless.stderr) == (8, True)
    assert attached(reference, ground.place.environ) == {}, "nothing was added"
    assert "there is no signed.json" in running.roster("images", "record", OWN).stderr
    unusable = running.roster("images", "sign", OWN, "--key", "/nowhere.key")
    assert (unusable.returncode, "the key cannot be used" in unusable.stderr) == (7, True)
    monkeypatch.setenv("PATH", f"{without(ground, running.top, 'cosign')}:/usr/bin:/bin")
    absent = running.roster("images", "sign", OWN, "--key", ground.place.signer().key)
    assert (absent.returncode, "cosign is not on PATH" in absent.stderr) == (7, True)
    ground.set(monkeypatch)
    sign(reference, theirs, ground.place.environ)
    (other,) = attached(reference, ground.place.environ)[SIGNATURE]
    done = running.done("images", "sign", OWN, "--key", ground.place.signer().key)
    assert f"signed by the catalog's key (somebody else signed it too: {other})" in done
    assert running.step("signed")["signature"] != other


def test_signing_twice_is_signing_once(ground: Ground, running: Project) -> None:
    one = running.listed()
    reference, before = f"{one['repository']}@{one['record']['digest']}", running.step("signed")
    beside = attached(reference, ground.place.environ)
    again = running.done("images", "sign", OWN, "--key", ground.place.signer().key)
    assert "the catalog's key has signed and attested it already; nothing was added" in again
    assert attached(reference, ground.place.environ) == beside
    assert running.step("signed") == before, "the record names the same signature and bill"
    bill = running.top / "out/images" / one["name"] / "sbom.cdx.json"
    bill.write_text(bill.read_text().replace(one["record"]["digest"], f"sha256:{'0' * 64}"))
    wrong = running.roster("images", "sign", OWN, "--key", ground.place.signer().key)
    assert (wrong.returncode, "sbom.cdx.json is about sha256:0000" in wrong.stderr) == (3, True)
    bill.unlink()
    missing = running.roster("images", "sign", OWN, "--key", ground.place.signer().key)
    assert (missing.returncode, "`roster images scan` writes it" in missing.stderr) == (3, True)


def test_whoever_signs_needs_neither_the_scanner_nor_what_lists_packages(
    ground: Ground, running: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert running.done("images", "tools") == "grype syft cosign\n"
    assert running.done("images", "tools", "scan") == "grype syft\n"
    assert running.done("images", "tools", "sign") == "cosign\n"
    folder = without(ground, running.top, "grype")
    (folder / "syft").unlink()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    running.done("images", "sign", OWN, "--key", ground.place.signer().key)


def test_a_night_looks_at_signatures_too(ground: Ground, running: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    before = running.record().read_text()
    settings = running.top / "agents/catalog/settings.yaml"
    ours, theirs = (ground.place.identity(who).key.replace("\n", "\n      ") for who in ("ours", "theirs"))
    settings.write_text(settings.read_text().replace(ours.rstrip(), theirs.rstrip()))
    found = running.roster("images", "rescan")
    assert (found.returncode, "not signed by whom settings.yaml names" in found.stdout) == (3, True)
    assert running.listed()["record"]["blocked"] == ["unsigned"]
    told = json.loads((running.top / "out/rescan/findings.json").read_text())
    assert ["is not signed by whom" in one["title"] for one in told["issues"]] == [True]
    assert "sales/scorer" in told["issues"][0]["text"]
    settings.write_text(settings.read_text().replace(theirs.rstrip(), ours.rstrip()))
    monkeypatch.setenv("PATH", f"{without(ground, running.top, 'cosign')}:/usr/bin:/bin")
    assert running.roster("images", "rescan").returncode == 7
    assert running.listed()["record"]["blocked"] == ["unsigned"], "nobody could look, so nothing is concluded"
    ground.set(monkeypatch)
    running.done("images", "rescan")
    assert running.record().read_text() == before
    # Another hash than the signed provenance says: the record was written by somebody else than the job.
    second = second_record(running)
    found = running.roster("images", "rescan")
    assert (found.returncode, "unknown-origin" in second.read_text()) == (3, True)
    assert running.record().read_text() == before


def test_the_record_names_what_an_exception_let_pass_for_as_long_as_it_does(
    ground: Ground, running: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = running.record().read_text()
    exception(running, 30)
    file = running.top / "agents/catalog/exceptions/planted.yaml"
    file.write_text(file.read_text().replace("CVE-2026-1000", "CVE-2026-1001").replace("planted-python", "planted-npm"))
    ground.set(monkeypatch, new_findings=True)
    running.done("images", "rescan")
    scan = running.listed()["record"]["scan"]
    assert scan["excepted"] == [
        {
            "vulnerability": "CVE-2026-1001", "package": "planted-npm", "version": "1.0.0",
            "exception": "agents/catalog/exceptions/planted.yaml", "findings": 1,
        }
    ]  # fmt: skip
    assert scan["critical"] == 1
    text = running.record().read_text()
    running.done("images", "rescan")
    assert running.record().read_text() == text, "the next night changes nothing"
    ground.set(monkeypatch)
    running.done("images", "rescan")
    assert running.record().read_text() == before


def without(ground: Ground, folder: Path, program: str) -> Path:
    """A folder for PATH without that program."""
    shutil.copytree(ground.programs, folder / "out/programs", symlinks=True)
    (folder / "out/programs" / program).unlink()
    return folder / "out/programs"


def test_a_new_finding_blocks_the_record_and_one_that_is_gone_lets_it_go(
    ground: Ground, running: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = running.record().read_text()
    exception(running, 30)
    told = "agents/catalog/exceptions/planted.yaml is needed by no image any more: remove it"
    assert told in running.done("images", "rescan")
    assert told in (running.top / "out/rescan/report.md").read_text()
    assert running.record().read_text() == before, "nothing new, nothing changed"
    ground.set(monkeypatch, new_findings=True)
    found = running.roster("images", "rescan")
    assert (found.returncode, "is stopped by CVE-2026-1001 in planted-npm" in found.stdout) == (3, True)
    assert running.listed()["record"]["blocked"] == ["CVE-2026-1001"]
    assert git(running.top, "diff", "--name-only") == f"agents/catalog/images/{running.record().name}"
    running.done("check")
    assert "blocked: CVE-2026-1001" in running.done("images")
    told = json.loads((running.top / "out/rescan/findings.json").read_text())
    (issue,) = told["issues"]
    assert (issue["title"], told["closable"]) == ("CVE-2026-1001 in planted-npm", True)
    assert "sales/scorer" in issue["text"]
    assert json.loads(running.done("images", "missing", "--json")) == {"include": []}, "it is not built again"
    ground.set(monkeypatch)
    running.done("images", "rescan")
    assert running.record().read_text() == before
    told = json.loads((running.top / "out/rescan/findings.json").read_text())
    assert (told["issues"], told["closable"]) == ([], True)


def test_a_night_without_a_scanner_changes_no_record_and_closes_no_issue(
    ground: Ground, running: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.set(monkeypatch, new_findings=True)
    monkeypatch.setenv("PATH", f"{without(ground, running.top, 'grype')}:/usr/bin:/bin")
    assert running.roster("images", "rescan").returncode == 7
    assert git(running.top, "diff", "--name-only") == ""
    told = json.loads((running.top / "out/rescan/findings.json").read_text())
    assert ([one["name"] for one in told["issues"]], told["closable"]) == (["rescan"], False)
    assert running.roster("images", "scan", OWN).returncode == 7


def test_a_registry_that_is_away_changes_nothing(
    ground: Ground, running: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ci.images.registry.ATTEMPTS", 1)
    settings, record = running.top / "agents/catalog/settings.yaml", running.record()
    # Nobody listens on port 1.
    host = running.listed()["repository"].partition("/")[0]
    built = running.top / "out/images" / record.stem / "built.json"
    for file in (settings, record, built):
        file.write_text(file.read_text().replace(f"{host}/roster", "127.0.0.1:1/roster"))
    git(running.top, "commit", "--quiet", "--all", "--message", "away")
    away = running.roster("images", "rescan")
    assert (away.returncode, "no connection to 127.0.0.1:1" in away.stderr) == (6, True)
    assert "no record was changed" in away.stderr
    assert running.roster("images", "scan", OWN).returncode == 6
    assert running.roster("images", "sign", OWN, "--key", ground.place.signer().key).returncode == 6
    assert git(running.top, "status", "--porcelain") == ""
    settings.write_text(settings.read_text().replace(host, "127.0.0.1:1"))
    assert running.roster("images", "pin", "python").returncode == 6


def second_record(found: Project, **changes: str) -> Path:
    """Another record of that name, as one of older files that no definition needs any more."""
    text = found.record().read_text()
    old = found.listed()["record"]["context_hash"]
    for before, after in {old: "0" * 64, **changes}.items():
        text = text.replace(before, after)
    file = found.record().parent / "older" / found.record().name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


def test_what_can_be_seen_is_judged_and_written_down_whatever_the_registry_has_lost(
    ground: Ground, running: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = second_record(running, **{running.listed()["record"]["digest"]: f"sha256:{'0' * 64}"})
    before = lost.read_text()
    ground.set(monkeypatch, new_findings=True)
    found = running.roster("images", "rescan")
    assert found.returncode == 7, found.stderr
    assert running.listed()["record"]["blocked"] == ["CVE-2026-1001"]
    assert lost.read_text() == before
    told = json.loads((running.top / "out/rescan/findings.json").read_text())
    assert ([one["name"].partition("-")[0] for one in told["issues"]], told["closable"]) == (
        ["finding", "rescan"],
        False,
    )
    assert f"{lost.relative_to(running.top)}: image-gone: " in told["issues"][1]["text"]
    lost.unlink()
    away = second_record(running, **{running.listed()["repository"].partition("/")[0]: "127.0.0.1:1"})
    monkeypatch.setattr("ci.images.registry.ATTEMPTS", 1)
    assert running.roster("images", "rescan").returncode == 7, "one registry is away, and one is not"
    told = json.loads((running.top / "out/rescan/findings.json").read_text())
    assert f"{away.relative_to(running.top)}: registry-away: " in told["issues"][1]["text"]


def test_what_no_definition_needs_any_more_is_judged_by_what_its_record_says(running: Project) -> None:
    record = second_record(running)
    settings = running.top / "agents/catalog/settings.yaml"
    settings.write_text(settings.read_text().replace('/base/python:1"', '/base/python:1", end_of_life: "2020-01-01"'))
    assert 'base: "python"' in record.read_text()
    found = running.roster("images", "rescan")
    assert (found.returncode, "is stopped by end-of-life in python" in found.stdout) == (3, True)
    assert "end-of-life" in record.read_text()
    running.write(
        "agents/catalog/exceptions/python.yaml",
        "vulnerability: end-of-life\npackage: python\nimages: [runtime:service]\n"
        "reason: It is replaced in some weeks.\nowner: red\n"
        f'created: "{TODAY - timedelta(days=3)}"\nexpires: "{TODAY + timedelta(days=30)}"\n',
    )
    running.roster("images", "rescan")
    assert '- "end-of-life"' in record.read_text(), "the runtime's exception is not for an agent's own build"
    record.write_text(record.read_text() + "runtimes: [service]\n")
    running.roster("images", "rescan")
    assert '- "end-of-life"' not in record.read_text(), "and is for the runtime's"


def test_an_image_for_several_platforms_has_a_bill_of_each(ground: Ground, running: Project, tmp_path: Path) -> None:
    one = running.listed()
    repository, listed = one["repository"].partition("/")[2], []
    for architecture, package in (("amd64", "only-here"), ("arm64", "only-there")):
        files = {**debian("12", "planted-base"), **npm_package(package, "1.0.0")}
        digest = ground.put(repository, files, tmp_path / architecture, architecture, architecture)
        size = (tmp_path / architecture / "blobs" / digest.replace(":", "/")).stat().st_size
        platform = {"os": "linux", "architecture": architecture}
        listed.append({"mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform})
    index = ground.registry.put(repository, {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
    reference = f"{one['repository']}@{index}"
    assert running.done("images", "gate", one["name"], reference) == f"{index}\n"
    running.done("images", "sign", OWN, "--key", ground.place.signer().key)
    bills = attested(reference, CYCLONEDX, ground.place.identity(), ground.place.environ)
    found = {
        bill["metadata"]["component"]["version"]: {part["name"] for part in bill["components"]}
        & {"only-here", "only-there"}
        for bill in bills
    }
    assert found == {listed[0]["digest"]: {"only-here"}, listed[1]["digest"]: {"only-there"}}
    assert verify(reference, ground.place.identity(), ground.place.environ).signatures == 1


def test_a_ready_image_is_copied_with_its_digest_and_runs_from_the_copy(
    ground: Ground, made: Project, tmp_path: Path
) -> None:
    made.write("agents/sales/porter.yaml", PORTER)
    settings = "agents/catalog/settings.yaml"
    # Where nobody signs, what passed is recorded without.
    made.write(settings, (made.top / settings).read_text().partition("  signing:")[0])
    host = ground.registry.host
    digest = vendor_image(ground, tmp_path / "vendor")
    assert f"{digest}, 0.0 MB" in made.done("images", "build", READY)
    assert "passed" in made.done("images", "scan", READY), "where it lies, before anything is copied"
    assert "was not pushed" in made.roster("images", "record", READY).stderr
    made.done("images", "build", READY, "--push")
    copy = f"{host}/roster/mirror/{host.replace(':', '-')}/vendor/app"
    assert ground.registry.manifest(copy.removeprefix(f"{host}/"), digest)["schemaVersion"] == 2
    made.done("images", "scan", READY)
    unsigned = made.roster("images", "sign", READY, "--key", ground.place.signer().key)
    assert (unsigned.returncode, "settings.yaml names nobody who signs" in unsigned.stderr) == (8, True)
    made.done("images", "record", READY)
    assert made.listed(READY)["record"]["digest"] == digest
    vendor_image(ground, tmp_path / "moved", VULNERABLE)
    made.done("check")
    made.done("render", "-e", "prod", "sales/porter")
    assert made.listed(READY)["record"]["repository"] == copy
    assert f"{copy}@{digest}" in (made.top / "out/prod/sales/porter.yaml").read_text()


def test_the_gate_prints_the_digest_alone_and_nothing_when_it_is_closed(
    ground: Ground, running: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = running.listed()
    reference = f"{one['repository']}@{one['record']['digest']}"
    shutil.rmtree(running.top / "out/images")
    opened = running.roster("images", "gate", one["name"], reference)
    assert (opened.returncode, opened.stdout) == (0, f"{one['record']['digest']}\n")
    assert "It goes to `sales/scorer`" in opened.stderr
    assert running.step("scan")["passed"]
    assert running.step("built")["size_bytes"] == one["record"]["size_bytes"]
    ground.set(monkeypatch, new_findings=True)
    closed = running.roster("images", "gate", one["name"], reference)
    assert (closed.returncode, closed.stdout) == (3, "")
    assert "CVE-2026-1001" in closed.stderr
    gone = running.roster("images", "gate", one["name"], f"{one['repository']}@sha256:{'0' * 64}")
    assert (gone.returncode, gone.stdout) == (6, "")
