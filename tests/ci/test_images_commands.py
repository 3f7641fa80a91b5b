"""`roster images` without a registry and without a scanner: what is needed, what is new, and what may be recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_fleet import CATALOG, git, roster, snapshot, write_fleet

from ci.images.batches import MOST_JOBS, batches
from ci.images.records import new_record, record_text
from ci.images.steps import BuiltStep, ScannedStep, SignedStep, write_step
from components.builds.needed import Needed
from components.definition.image_record import ImageRecord
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.resolve.resolved import ImageSource

TODAY = "2026-11-21"
DIGEST, OTHER = "sha256:" + "1d" * 32, "sha256:" + "2e" * 32
READY = "sha256:" + "ab" * 32
BASE = f"docker.io/library/python@{READY}"
SCORER = """\
version: 1
description: Scores leads.
owner: red
runtime: service
model: {name: lab-one}
prompt: {text: You score.}
build: {context: ./scorer}
"""
PORTER = """\
version: 1
description: A program that others made.
owner: red
runtime: ready
"""
FILES = {
    "agents/sales/scorer.yaml": SCORER,
    "agents/sales/scorer/Dockerfile": "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY score.py /app/\n",
    "agents/sales/scorer/score.py": "print(1)\n",
    "agents/sales/porter.yaml": PORTER,
}
KEY = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"
SIGNED = (
    CATALOG["settings"] + "images:\n  scanner: grype\n  signing:\n    key: |\n      " + KEY.replace("\n", "\n      ")
)


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """In git: two agents on one runtime, one on another, one with a context of its own, one with a ready image."""
    write_fleet(tmp_path, FILES)
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    committed(tmp_path)
    return tmp_path


def committed(top: Path) -> None:
    git(top, "add", "--all")
    git(top, "commit", "--quiet", "--message", "change")


def listed(top: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """`roster images --json` by the name without its hash."""
    done = roster(top, "images", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return {one["name"].rpartition("-")[0]: one for one in json.loads(done.stdout)}


def name(top: Path, repository: str = "scorer") -> str:
    return str(listed(top)[repository]["name"])


def built(top: Path, image: str = "scorer", **changes: Any) -> BuiltStep:
    """As if it had been built and pushed."""
    one = listed(top)[image]
    step = BuiltStep(one["name"], one["repository"], one["context_hash"], DIGEST, BASE, 31_400_000, True)
    step = replace(step, **changes)
    write_step(top, step)
    return step


def scanned(top: Path, image: str, **changes: Any) -> None:
    """As if the gate had let it pass."""
    step = ScannedStep(image, DIGEST, True, "grype 0.120.1", "2026-11-20", 0, 1, 2, 3)
    write_step(top, replace(step, **changes))


def recorded(top: Path, repository: str, **changes: Any) -> str:
    """Writes the image's record, as the command does; gives the image's name."""
    step = built(top, repository, **changes)
    scanned(top, step.name, digest=step.digest)
    done = roster(top, "images", "record", step.name, "--today", TODAY)
    assert done.returncode == 0, done.stderr
    return step.name


@pytest.mark.parametrize("count", [0, 1, 64, 65, 300, 1500])
def test_any_number_of_missing_images_fits_into_githubs_matrix(count: int) -> None:
    images = [f"image-{number}" for number in range(count)]
    parts = batches(images)
    assert len(parts) == min(count, MOST_JOBS)
    assert sorted(image for one in parts for image in one.images) == sorted(images), "each once, none left out"
    assert len({one.name for one in parts}) == len(parts), "artifacts are named after it"
    assert all(len(one.images) > 1 or one.name == one.images[0] for one in parts)
    sizes = {len(one.images) for one in parts}
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
    assert all(60 <= one.minutes <= 360 for one in parts), "six hours are the most that GitHub gives a job"


def test_the_jobs_of_a_run_get_their_images_by_name(fleet: Path) -> None:
    recorded(fleet, "scorer")
    rows = json.loads(roster(fleet, "images", "missing", "--jobs").stdout)["include"]
    missing = json.loads(roster(fleet, "images", "missing", "--json").stdout)["include"]
    assert rows == [{"name": one["name"], "images": one["name"], "minutes": 60} for one in missing]
    assert len(rows) == 3


def test_the_list_shows_each_image_once_with_who_runs_it(fleet: Path) -> None:
    done = roster(fleet, "images", "--today", TODAY)
    assert done.returncode == 0
    rows = {line.split()[0].rpartition("-")[0]: line.split() for line in done.stdout.splitlines()[1:-1]}
    assert {image: row[1:3] for image, row in rows.items()} == {
        "character": ["runtime", "1"], "ready": ["ready", "1"],
        "scorer": ["agent", "1"], "service": ["runtime", "2"],
    }  # fmt: skip
    assert done.stdout.splitlines()[-1] == "4 images for 5 agents, 4 without a record: `roster images build`"


def test_a_recorded_image_shows_its_size_age_digest_and_scan(fleet: Path) -> None:
    image = recorded(fleet, "service")
    (row,) = [line for line in roster(fleet, "images", "--today", "2026-11-24").stdout.splitlines() if image in line]
    for told in (
        "31 ",
        "3 d",
        "1d1d1d1d1d1d",
        "passed: 0 critical, 1 high, 2 medium, 3 low (grype 0.120.1, 2026-11-20)",
    ):
        assert told in row
    file = fleet / f"agents/catalog/images/{image}.yaml"
    file.write_text(f"{file.read_text()}blocked: [CVE-2026-1]\n")
    assert "blocked: CVE-2026-1" in roster(fleet, "images").stdout


def test_the_json_names_agents_runtimes_and_the_whole_record(fleet: Path) -> None:
    recorded(fleet, "service")
    one = listed(fleet)["service"]
    assert (one["kind"], one["agents"], one["runtimes"]) == ("runtime", ["sales/asker", "sales/writer"], ["service"])
    assert (one["record"]["digest"], one["record"]["scan"]["high"]) == (DIGEST, 1)
    ready = listed(fleet)["ready"]
    assert ready["image"].startswith("docker.io/example/ready@sha256:")
    assert ready["repository"] == "registry.example.com/roster/mirror/docker.io/example/ready"


def changed_since_main(fleet: Path) -> list[str]:
    return sorted(listed(fleet, "--changed-since", "main"))


def test_since_a_branch_only_the_images_that_it_changes_are_shown(fleet: Path) -> None:
    git(fleet, "checkout", "--quiet", "-b", "change")
    assert changed_since_main(fleet) == []
    (fleet / "components/images/service/start.py").write_text("print(2)\n")
    assert changed_since_main(fleet) == ["service"], "a runtime's file, not committed yet"
    committed(fleet)
    (fleet / "agents/sales/scorer/score.py").write_text("print(3)\n")
    assert changed_since_main(fleet) == ["scorer", "service"]


def test_a_new_agent_that_shares_an_image_brings_none(fleet: Path) -> None:
    git(fleet, "checkout", "--quiet", "-b", "change")
    text = (fleet / "agents/sales/asker.yaml").read_text()
    (fleet / "agents/sales/third.yaml").write_text(text)
    committed(fleet)
    done = roster(fleet, "images", "--changed-since", "main")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "no image changes\n")
    assert json.loads(roster(fleet, "images", "missing", "--json", "--changed-since", "main").stdout) == {"include": []}
    assert "sales/third" in listed(fleet)["service"]["agents"]


def test_what_others_changed_on_main_meanwhile_is_not_this_branchs(fleet: Path) -> None:
    git(fleet, "branch", "change")
    (fleet / "components/images/service/start.py").write_text("print(2)\n")
    committed(fleet)
    git(fleet, "checkout", "--quiet", "change")
    assert changed_since_main(fleet) == []


def test_since_a_commit_without_agents_everything_is_new(fleet: Path) -> None:
    empty = git(fleet, "commit-tree", "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "-m", "empty")
    assert len(listed(fleet, "--changed-since", empty)) == 4


def test_since_something_unknown_says_so(fleet: Path) -> None:
    done = roster(fleet, "images", "--changed-since", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no commit 'nowhere'" in done.stderr


def test_the_missing_images_are_a_matrix_of_jobs(fleet: Path) -> None:
    recorded(fleet, "service")
    done = roster(fleet, "images", "missing", "--json")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1, "it becomes one line of GITHUB_OUTPUT"
    entries = json.loads(done.stdout)["include"]
    assert [(one["name"].rpartition("-")[0], one["source"], one["agents"]) for one in entries] == [
        ("character", "runtime", 1), ("ready", "ready", 1), ("scorer", "agent", 1)
    ]  # fmt: skip
    scorer = listed(fleet)["scorer"]
    assert entries[2] == {
        "name": scorer["name"], "image": "registry.example.com/roster/sales/scorer", "source": "agent", "agents": 1,
        "context_hash": scorer["context_hash"],
    }  # fmt: skip
    assert scorer["name"] == f"scorer-{scorer['context_hash'][:16]}"


def test_the_missing_images_say_who_waits(fleet: Path) -> None:
    done = roster(fleet, "images", "missing")
    assert f"{name(fleet, 'service')}: sales/asker, sales/writer wait for it" in done.stdout
    assert done.stderr == "4 of 4 images have no record of having passed the gate\n"


def test_a_blocked_image_is_not_missing_for_it_has_been_built(fleet: Path) -> None:
    file = fleet / f"agents/catalog/images/{recorded(fleet, 'service')}.yaml"
    file.write_text(f"{file.read_text()}blocked: [CVE-2026-1]\n")
    assert "service-" not in roster(fleet, "images", "missing").stdout


def test_definitions_with_errors_are_named_and_the_others_are_shown(fleet: Path) -> None:
    (fleet / "agents/sales/asker.yaml").write_text("version: 1\nruntime: nope\n")
    for command in (["images"], ["images", "missing", "--json"]):
        done = roster(fleet, *command)
        assert done.returncode == 1
        assert "agents/sales/asker.yaml" in done.stderr
        assert "service-" in done.stdout
    done = roster(fleet, "images", "build")
    assert (done.returncode, "agents/sales/asker.yaml" in done.stderr) == (1, True)
    assert not (fleet / "out").exists(), "nothing is built of a fleet that is not whole"


def test_a_catalog_that_is_not_sound_is_said_as_check_says_it(fleet: Path) -> None:
    (fleet / "agents/catalog/runtimes.yaml").write_text("service: 1\n")
    done = roster(fleet, "images")
    assert done.returncode == 1
    assert "agents/catalog/runtimes.yaml:1:10" in done.stdout


def test_the_tools_are_those_of_the_catalogs_settings(fleet: Path) -> None:
    assert roster(fleet, "images", "tools").stdout == "trivy\n", "bills of materials are attested, and nobody signs"
    assert roster(fleet, "images", "tools", "sign").stdout == "\n"
    (fleet / "agents/catalog/settings.yaml").write_text(SIGNED)
    assert roster(fleet, "images", "tools").stdout == "grype syft cosign\n"
    assert roster(fleet, "images", "tools", "scan").stdout == "grype syft\n"
    assert "there is: scan, sign" in roster(fleet, "images", "tools", "build").stderr


def warnings(top: Path, *arguments: str) -> list[str]:
    """What `roster images` says beside the list."""
    done = roster(top, "images", *arguments)
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if line.startswith("warning: ")]


def test_a_record_that_no_definition_needs_any_more_is_named(fleet: Path) -> None:
    image = recorded(fleet, "service")
    assert warnings(fleet) == []
    (fleet / "components/images/service/start.py").write_text("print(2)\n")
    (said,) = warnings(fleet)
    assert f"agents/catalog/images/{image}.yaml: no definition needs this image; remove the record when" in said
    assert warnings(fleet, "--json") == [said], "beside the list, so that machines can read that"
    assert warnings(fleet, "--changed-since", "main") == [], "all definitions are not looked at there"
    (fleet / "agents/sales/asker.yaml").write_text("version: 1\n")
    assert "warning" not in roster(fleet, "images").stderr, "nobody knows what a broken definition needs"


def test_a_base_image_that_nothing_is_built_upon_is_named(fleet: Path) -> None:
    path = "agents/catalog/images/base-old.yaml"
    (fleet / path).parent.mkdir(exist_ok=True)
    (fleet / path).write_text(f"image: docker.io/library/python:3.9\ndigest: {DIGEST}\n")
    assert warnings(fleet) == [
        f"warning: {path}: nothing is built upon docker.io/library/python:3.9, and no agent runs it; remove the record"
    ]


def test_an_exception_that_the_last_scan_found_nothing_for_is_named_with_what_may_be_meant(fleet: Path) -> None:
    path = "agents/catalog/exceptions/openssl.yaml"
    text = (
        "vulnerability: CVE-2026-1000\npackage: openssl\nimages: ['runtime:service']\nowner: red\n"
        'reason: The server of openssl is not started.\ncreated: "2026-11-01"\nexpires: "2026-12-20"\n'
    )
    (fleet / path).parent.mkdir(exist_ok=True)
    (fleet / path).write_text(text)
    assert warnings(fleet) == [], "nothing was scanned yet"
    file = fleet / f"agents/catalog/images/{recorded(fleet, 'service')}.yaml"
    (said,) = warnings(fleet)
    assert f"{path}: the last scan of {file.stem} found no CVE-2026-1000 in openssl: is it misspelt" in said
    whole = file.read_text()
    file.write_text(f"{whole}blocked: [CVE-2026-1001]\n")
    assert "Did you mean 'CVE-2026-1001'?" in warnings(fleet)[0]
    file.write_text(f"{whole}blocked: [CVE-2026-1000]\n")
    assert warnings(fleet) == [], "the next night lets the image go"
    entry = (
        f"  excepted:\n    - vulnerability: CVE-2026-1000\n      package: openssl\n      version: '3'\n"
        f"      exception: {path}\n      findings: 1\n"
    )
    file.write_text(whole.replace("  critical: 0\n", f"  critical: 1\n{entry}"))
    assert warnings(fleet) == []
    (fleet / path).write_text(text.replace("runtime:service", "runtime:character"))
    assert warnings(fleet) == [], "that one is not recorded"
    (fleet / path).write_text(text.replace("runtime:service", "sales/asker"))
    assert "it covers no image that agents run; name all agents" in warnings(fleet)[0]


@pytest.mark.parametrize("command", ["build", "scan", "sign", "record"])
def test_an_unknown_image_is_refused_with_the_nearest_name(fleet: Path, command: str) -> None:
    done = roster(fleet, "images", command, "servise")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the fleet needs no image 'servise'. Did you mean 'service'?" in done.stderr
    done = roster(fleet, "images", command, "xyz")
    assert f"There is: {name(fleet, 'character')}, " in done.stderr


def test_the_first_part_of_a_name_stands_for_all_images_of_that_repository(fleet: Path) -> None:
    """Two plugin sets are two images of one repository."""
    second = (fleet / "agents/chat/herald.yaml").read_text().replace("\nplugins: [search]", "").replace(
        "channels: {telegram: {}}\n", ""
    )  # fmt: skip
    (fleet / "agents/chat/second.yaml").write_text(second)
    names = [one["name"] for one in json.loads(roster(fleet, "images", "--json").stdout)]
    both = [one for one in names if one.startswith("character-")]
    assert len(both) == 2
    for image in both:
        write_step(fleet, BuiltStep(image, "x", "0" * 64, DIGEST, "", 1, True))
    told = roster(fleet, "images", "scan", "character", names[-1]).stderr
    assert all(f"{image}: what was built is of other files" in told for image in both)
    assert f"{names[-1]}: there is no built.json" in told
    gate = roster(fleet, "images", "gate", "character", f"registry.example.com/roster/character@{DIGEST}")
    assert (gate.returncode, gate.stdout) == (2, "")
    assert all(image in gate.stderr for image in both)


@pytest.mark.parametrize("reference", [f"registry.example.com/other@{DIGEST}", "registry.example.com/roster/service:1"])
def test_the_gate_judges_only_the_image_itself_and_by_digest(fleet: Path, reference: str) -> None:
    done = roster(fleet, "images", "gate", "service", reference)
    assert (done.returncode, done.stdout) == (2, "")
    assert "registry.example.com/roster/service@sha256:…" in done.stderr


def test_a_recorded_hash_is_not_built_again(fleet: Path) -> None:
    image = recorded(fleet, "scorer")
    (fleet / f"out/images/{image}/built.json").unlink()
    done = roster(fleet, "images", "build", image)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"{image} is recorded; it is not built again\n"
    assert not (fleet / f"out/images/{image}/built.json").exists()


def test_a_base_image_without_a_digest_is_not_built_upon(fleet: Path) -> None:
    file = fleet / "agents/catalog/settings.yaml"
    file.write_text(file.read_text().replace("library/python@sha256:" + "ab" * 32, "library/python:3.11-slim"))
    done = roster(fleet, "images", "build", "scorer")
    assert (done.returncode, done.stdout) == (1, "")
    assert "python (docker.io/library/python:3.11-slim) has no digest. `roster images pin python`" in done.stderr


def test_a_base_image_that_the_catalog_does_not_have_cannot_be_pinned(fleet: Path) -> None:
    done = roster(fleet, "images", "pin", "pyton")
    assert done.returncode == 2
    assert "no base image 'pyton'; there is: python, node" in done.stderr
    done = roster(fleet, "images", "pin")
    assert (done.returncode, done.stdout) == (0, "")
    assert "every base image has its digest" in done.stderr


def test_what_went_all_the_way_is_recorded_and_the_record_is_sound(fleet: Path) -> None:
    image = recorded(fleet, "scorer")
    assert roster(fleet, "check").returncode == 0
    found = listed(fleet)["scorer"]["record"]
    assert (found["digest"], found["built"], found["size_bytes"]) == (DIGEST, TODAY, 31_400_000)
    text = (fleet / f"agents/catalog/images/{image}.yaml").read_text()
    recorded(fleet, "scorer")
    assert (fleet / f"agents/catalog/images/{image}.yaml").read_text() == text


def test_an_old_scan_does_not_take_a_block_off(fleet: Path) -> None:
    name = recorded(fleet, "scorer")
    file = fleet / f"agents/catalog/images/{name}.yaml"
    file.write_text(file.read_text("utf-8") + "blocked: [CVE-2026-1]\n", "utf-8")
    done = roster(fleet, "images", "record", name)
    assert done.returncode == 3
    assert "blocked by CVE-2026-1; `roster images rescan`" in done.stderr
    assert "blocked: [CVE-2026-1]" in file.read_text("utf-8")


def test_a_record_can_be_written_elsewhere(fleet: Path) -> None:
    image = built(fleet).name
    scanned(fleet, image)
    before = snapshot(fleet / "agents")
    done = roster(fleet, "images", "record", image, "--output", str(fleet / "out/records"), "--today", TODAY)
    assert done.stdout == f"recorded in {fleet}/out/records/{image}.yaml\n"
    assert 'built: "2026-11-21"' in (fleet / f"out/records/{image}.yaml").read_text()
    assert snapshot(fleet / "agents") == before


def refused(fleet: Path, image: str) -> str:
    """Why the image is not recorded; nothing is written then."""
    before = snapshot(fleet / "agents")
    done = roster(fleet, "images", "record", image, "--today", TODAY)
    assert (done.returncode, done.stdout) == (3, "")
    assert snapshot(fleet / "agents") == before
    return done.stderr


def test_nothing_is_recorded_before_every_step_was_taken(fleet: Path) -> None:
    (fleet / "agents/catalog/settings.yaml").write_text(SIGNED)
    image = name(fleet)
    assert f"{image}: there is no built.json; `roster images build {image}` comes first" in refused(fleet, image)
    built(fleet)
    assert f"there is no scan.json; `roster images scan {image}` comes first" in refused(fleet, image)
    scanned(fleet, image)
    assert f"there is no signed.json; `roster images sign {image}` comes first" in refused(fleet, image)
    write_step(fleet, SignedStep(image, DIGEST, OTHER, DIGEST))
    assert roster(fleet, "images", "record", image).returncode == 0
    assert listed(fleet)["scorer"]["record"]["signature"] == OTHER


def test_nothing_is_recorded_that_the_gate_did_not_let_pass_or_that_is_another_image(fleet: Path) -> None:
    image = built(fleet).name
    scanned(fleet, image, passed=False)
    assert "the gate is closed" in refused(fleet, image)
    scanned(fleet, image, digest=OTHER)
    assert f"scan.json is about {OTHER}; `roster images scan {image}` again" in refused(fleet, image)
    scanned(fleet, image)
    built(fleet, pushed=False)
    assert f"was not pushed; `roster images build {image} --push` first" in refused(fleet, image)
    (fleet / "agents/catalog/settings.yaml").write_text(SIGNED)
    built(fleet)
    write_step(fleet, SignedStep(image, OTHER, DIGEST, DIGEST))
    assert f"signed.json is about {OTHER}" in refused(fleet, image)


def test_files_that_changed_since_the_build_are_another_image(fleet: Path) -> None:
    image = built(fleet).name
    scanned(fleet, image)
    (fleet / "agents/sales/scorer/score.py").write_text("print(2)\n")
    done = roster(fleet, "images", "record", image)
    assert (done.returncode, f"no image '{image}'" in done.stderr) == (2, True)
    # What was built under the new name by somebody who moved files about is not it either.
    write_step(fleet, replace(built(fleet), context_hash="0" * 64))
    scanned(fleet, name(fleet))
    assert "what was built is of other files" in refused(fleet, name(fleet))
    done = roster(fleet, "images", "scan", name(fleet))
    assert (done.returncode, "what was built is of other files" in done.stderr) == (3, True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"repository": "registry.example.com/roster/chat/scorer"}, "is registry.example.com/roster/chat/scorer"),
        ({"base": f"docker.io/library/python@{OTHER}"}, f"is upon docker.io/library/python@{OTHER}"),
        ({"base": ""}, "is upon nothing"),
    ],
)
def test_what_was_built_elsewhere_or_upon_another_base_is_neither_judged_nor_recorded(
    fleet: Path, changes: dict[str, str], told: str
) -> None:
    image = built(fleet, **changes).name
    scanned(fleet, image)
    assert f"what was built {told}; `roster images build {image}` again" in refused(fleet, image)
    done = roster(fleet, "images", "scan", image)
    assert (done.returncode, told in done.stderr) == (3, True)


def test_a_ready_image_is_recorded_with_its_copy_and_only_in_the_digest_that_is_asked_for(fleet: Path) -> None:
    image = built(fleet, "ready", base=f"docker.io/example/ready@{DIGEST}").name
    scanned(fleet, image)
    assert f"what was built is {DIGEST}, and {READY} is asked for" in refused(fleet, image)
    recorded(fleet, "ready", digest=READY, base=f"docker.io/example/ready@{READY}")
    record = listed(fleet)["ready"]["record"]
    assert record["repository"] == "registry.example.com/roster/mirror/docker.io/example/ready"


def test_a_record_keeps_the_base_and_the_runtimes_that_it_is_the_image_of(fleet: Path) -> None:
    (fleet / "agents/sales/porter.yaml").write_text(f"{PORTER}image: docker.io/example/own@{READY}\n")
    recorded(fleet, "service")
    recorded(fleet, "scorer")
    recorded(fleet, "own", digest=READY, base=f"docker.io/example/own@{READY}")
    kept = {image: one["record"] for image, one in listed(fleet).items() if one["record"]}
    assert (kept["service"]["base"], kept["service"]["runtimes"]) == ("python", ["service"])
    assert kept["scorer"]["base"] == "python"
    for own in ("scorer", "own"):
        assert "runtimes" not in kept[own], "what is an agent's own is none of its runtime's"


def test_a_runtimes_ready_image_is_recorded_as_the_runtimes(fleet: Path) -> None:
    recorded(fleet, "ready", digest=READY, base=f"docker.io/example/ready@{READY}")
    assert listed(fleet)["ready"]["record"]["runtimes"] == ["ready"]


def test_several_images_are_recorded_together_or_not_at_all(fleet: Path) -> None:
    first, second = built(fleet, "service").name, built(fleet).name
    scanned(fleet, second)
    assert second < first, "it has its turn first"
    before = snapshot(fleet / "agents")
    assert roster(fleet, "images", "record").returncode == 3
    assert snapshot(fleet / "agents") == before
    scanned(fleet, first)
    done = roster(fleet, "images", "record")
    assert done.returncode == 0, "with no names: what was built here"
    assert sorted(done.stdout.split()[2::3]) == [f"agents/catalog/images/{one}.yaml" for one in (second, first)]


@pytest.mark.parametrize("command", ["scan", "sign", "record"])
def test_where_nothing_was_built_nothing_is_done(fleet: Path, command: str) -> None:
    done = roster(fleet, "images", command)
    assert (done.returncode, done.stdout) == (3, "")
    assert "nothing was built here: `roster images build` comes first" in done.stderr


def test_a_night_before_anything_is_recorded_finds_nothing_and_says_so(fleet: Path) -> None:
    done = roster(fleet, "images", "rescan")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no image is recorded" in done.stderr
    assert json.loads((fleet / "out/rescan/findings.json").read_text()) == {"issues": [], "closable": True}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Expecting value"),
        ("[]", "it is of another form"),
        ('{"name": 1}', "it is of another form"),
        ("changed: digest", "digest is 'sha256:short'"),
        ("changed: size", "size_bytes is 'big'"),
        ("changed: name", "it is of another form"),
        ("\udcff", "can't decode byte 0xff"),
    ],
)
def test_a_damaged_step_is_said_with_the_command_that_writes_it_anew(fleet: Path, text: str, told: str) -> None:
    image = built(fleet).name
    scanned(fleet, image)
    file = fleet / f"out/images/{image}/built.json"
    changes = {"digest": ("digest", "sha256:short"), "size": ("size_bytes", "big"), "name": ("name", "other")}
    if text.startswith("changed: "):
        key, value = changes[text.removeprefix("changed: ")]
        text = json.dumps({**json.loads(file.read_text()), key: value})
    file.write_text(text, "utf-8", "surrogateescape")
    found = refused(fleet, image)
    assert told in found
    assert f"`roster images build {image}` writes it anew" in found


def test_figures_that_no_record_takes_are_said(fleet: Path) -> None:
    image = built(fleet).name
    scanned(fleet, image, database="")
    assert "scan.database is ''; scan it again" in refused(fleet, image)


def test_an_image_whose_folder_is_gone_is_to_be_built_again(fleet: Path) -> None:
    image = built(fleet, pushed=False).name
    done = roster(fleet, "images", "scan", image)
    assert done.returncode == 3
    assert f"out/images/{image}/layout is gone; `roster images build {image}` again" in done.stderr


def test_records_keep_texts_as_texts(fleet: Path) -> None:
    """A hash of digits alone and a day would be numbers and dates to YAML."""
    catalog = Fleet.open(WorkTree(fleet)).catalog
    source = ImageSource("r.example.com/a", "a", "", "Dockerfile", (), "python", BASE, (), 10001)
    needed = Needed("a-1", "agent", "r.example.com/a", "r.example.com/a", "1" * 64, source, None, (), ())
    step = BuiltStep("a-1", "r.example.com/a", "1" * 64, DIGEST, BASE, 5, True)
    found = ScannedStep("a-1", DIGEST, True, "grype 0.1", "2026-11-20", 0, 0, 0, 0)
    record = new_record(needed, catalog, step, found, None, TODAY)
    text = record_text(record)
    assert text == record_text(ImageRecord.model_validate(record.model_dump()))
    assert f'context_hash: "{"1" * 64}"\n' in text
    assert f'built: "{TODAY}"\n' in text
