"""What the scripts for images do with what Roster says, with a Roster that writes down how it was called."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

import pytest
from git_projects import Clone, Remote, remote_with_fleet

# Exit codes by command come from the variable CODES, such as "scan=3"; what `missing` says, from MISSING.
STAND_IN = """#!/usr/bin/env bash
echo "$*" >>"$APPLIED.calls"
name=${2:-$1}
case "$1 $2" in
"images missing") echo "$MISSING" ;;
"images tools") if [ "$3" = scan ]; then echo "trivy syft"; elif [ "$3" = sign ]; then echo "${TOOLS-cosign}"; fi ;;
"images record") mkdir -p out/records; echo "image: x" >"out/records/$3.yaml" ;;
"images scan") mkdir -p out/images; echo "# Report" >out/images/report.md ;;
"images rescan") mkdir -p out/rescan; echo "# Report" >out/rescan/report.md ;;
esac
if [ "$name" = rescan ] && [ -n "${BLOCKED:-}" ]; then echo "blocked: [CVE-2026-1]" >>"$BLOCKED"; fi
if [ -n "${POOR:-}" ] && [ "$3" = "$POOR" ]; then exit 3; fi
code=$(grep -o "\\b$name=[0-9]*" <<<"${CODES:-}" | cut -d= -f2)
exit "${code:-0}"
"""
TWO = (
    '{"include":[{"name":"fastapi-1","source":"runtime"},{"name":"app-3","source":"ready"},'
    '{"name":"eliza-2","source":"runtime"}]}'
)
NONE = '{"include":[]}'
RECORD = "agents/catalog/images/fastapi-1.yaml"
RECORDED = f"image: registry.example.com/roster/fastapi\ncontext_hash: {'ab' * 32}\ndigest: sha256:{'cd' * 32}\n"


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Remote:
    return remote_with_fleet(tmp_path_factory.mktemp("seed"))


@pytest.fixture
def clone(seed: Remote, tmp_path: Path) -> Clone:
    made = seed.copy(tmp_path).clone("clone")
    (made.top / ".venv/bin/roster").write_text(STAND_IN, "utf-8")
    # What it gets is large, and nobody calls it here.
    (made.top / "ci/image_tools.sh").write_text('echo "got $*" >>"$APPLIED.calls"; echo /nowhere\n', "utf-8")
    return made


def calls(clone: Clone) -> list[str]:
    """How Roster was called."""
    file = clone.remote.applied.with_suffix(".calls")
    return file.read_text("utf-8").splitlines() if file.exists() else []


@pytest.mark.parametrize(("missing", "any_"), [(TWO, "true"), (NONE, "false")])
def test_the_next_jobs_learn_which_images_are_missing(clone: Clone, missing: str, any_: str, tmp_path: Path) -> None:
    output = tmp_path / "output"
    code, said = clone.run("images.sh", "missing", MISSING=missing, GITHUB_OUTPUT=str(output))
    assert code == 0, said
    assert output.read_text("utf-8").splitlines() == [f"images={missing}", f"any={any_}"]


def test_nothing_is_built_when_the_definitions_have_faults(clone: Clone, tmp_path: Path) -> None:
    output = tmp_path / "output"
    assert clone.run("images.sh", "missing", MISSING="", CODES="missing=1", GITHUB_OUTPUT=str(output))[0] == 1
    assert not output.exists()


def test_the_job_that_looks_into_images_signs_nothing_and_needs_no_cosign(clone: Clone) -> None:
    code, said = clone.run("images.sh", "scan", "fastapi-1", "eliza-2")
    assert code == 0, said
    assert [call.split()[1] for call in calls(clone)] == ["tools", "trivy", "scan"]
    assert calls(clone)[1] == "got trivy syft"
    assert calls(clone)[-1].startswith("images scan fastapi-1 eliza-2 ")


@pytest.mark.parametrize("code", [3, 6, 7])
def test_a_scan_that_lets_an_image_not_pass_says_why_and_ends_with_its_own_code(clone: Clone, code: int) -> None:
    ended, said = clone.run("images.sh", "scan", "fastapi-1", CODES=f"scan={code}")
    assert ended == code
    assert "# Report" in said, "the reasons are shown"


def test_an_image_that_passed_the_gate_is_signed_and_then_recorded(clone: Clone) -> None:
    code, said = clone.run("images.sh", "sign", "fastapi-1")
    assert code == 0, said
    assert [call.split()[1] for call in calls(clone)] == ["tools", "cosign", "sign", "record"]
    assert "images sign fastapi-1" in calls(clone)
    assert (clone.top / "out/records/fastapi-1.yaml").exists()


def test_of_what_the_scan_left_only_verdict_and_bills_are_taken(clone: Clone) -> None:
    built, left = clone.top / "out/images/fastapi-1", clone.top / "out/verdicts/fastapi-1"
    for folder in (built, left):
        folder.mkdir(parents=True)
    (built / "built.json").write_text("built", "utf-8")
    for name in ("built.json", "signed.json", "scan.json", "sbom.cdx.json", "sbom-linux-arm64.cdx.json"):
        (left / name).write_text("scanned", "utf-8")
    assert clone.run("images.sh", "sign", "fastapi-1")[0] == 0
    assert {file.name: file.read_text("utf-8") for file in built.iterdir()} == {
        "built.json": "built", "scan.json": "scanned",
        "sbom.cdx.json": "scanned", "sbom-linux-arm64.cdx.json": "scanned",
    }  # fmt: skip


def test_one_image_of_a_job_that_is_not_signed_keeps_no_other_from_its_record(clone: Clone) -> None:
    code, _ = clone.run("images.sh", "sign", "fastapi-1", "app-3", "eliza-2", POOR="app-3")
    assert code == 3
    assert sorted(file.name for file in (clone.top / "out/records").iterdir()) == ["eliza-2.yaml", "fastapi-1.yaml"]


def test_an_image_that_is_not_signed_is_not_recorded(clone: Clone) -> None:
    assert clone.run("images.sh", "sign", "fastapi-1", CODES="sign=8")[0] == 8
    assert not (clone.top / "out/records").exists()


def test_where_nobody_signs_what_passes_is_recorded_without(clone: Clone) -> None:
    code, said = clone.run("images.sh", "sign", "fastapi-1", TOOLS="")
    assert code == 0, said
    assert [call.split()[1] for call in calls(clone)] == ["tools", "record"]


def test_a_key_is_used_where_one_is_set(clone: Clone) -> None:
    key = "awskms:///alias/roster"
    assert clone.run("images.sh", "sign", "fastapi-1", ROSTER_SIGNING_KEY=key)[0] == 0
    assert f"images sign fastapi-1 --key {key}" in calls(clone)


def test_the_records_of_all_jobs_are_proposed_together(clone: Clone) -> None:
    records = clone.top / "out/records"
    records.mkdir(parents=True)
    for name in ("fastapi-1", "eliza-2"):
        (records / f"{name}.yaml").write_text("image: x\n", "utf-8")
    code, said = clone.run("images.sh", "propose", GITHUB_TOKEN="t")
    assert code == 0, said
    assert calls(clone)[0] == "check", "a record that is not sound is not proposed"
    assert [call for call in calls(clone) if call.startswith("forge propose --branch roster/images ")]
    assert {file.name for file in (clone.top / "agents/catalog/images").iterdir()} >= {"fastapi-1.yaml", "eliza-2.yaml"}


def test_nothing_is_proposed_when_nothing_passed(clone: Clone) -> None:
    assert clone.run("images.sh", "propose", GITHUB_TOKEN="t")[0] == 0
    assert calls(clone) == []


def test_a_pull_requests_images_are_built_without_a_push_and_without_anybodys_login(clone: Clone) -> None:
    (clone.remote.folder / ".docker").mkdir()
    code, said = clone.run("preview_images.sh", MISSING=TWO)
    assert code == 0, said
    assert calls(clone)[-1] == "images build fastapi-1 eliza-2"


@pytest.mark.parametrize("missing", [NONE, '{"include":[{"name":"app-3","source":"ready"}]}'])
def test_a_pull_request_that_needs_no_new_build_builds_none(clone: Clone, missing: str) -> None:
    assert clone.run("preview_images.sh", MISSING=missing)[0] == 0
    assert [call.split()[1] for call in calls(clone)] == ["missing"]


@pytest.mark.parametrize(("code", "ended"), [(0, 0), (3, 0), (6, 6), (7, 0)])
def test_what_the_night_found_or_could_not_see_is_told_and_a_registry_that_is_away_fails(
    clone: Clone, code: int, ended: int
) -> None:
    assert clone.run("rescan.sh", "scan", CODES=f"rescan={code}")[0] == ended


def test_the_records_that_a_night_changed_go_into_one_pull_request(clone: Clone) -> None:
    clone.commit({RECORD: RECORDED})
    code, said = clone.run("rescan.sh", "scan", CODES="rescan=3", BLOCKED=RECORD)
    assert code == 0, said
    clone.git("checkout", "--quiet", "--", RECORD)
    code, said = clone.run("rescan.sh", "tell", GITHUB_TOKEN="t")
    assert code == 0, said
    assert "blocked" in (clone.top / RECORD).read_text("utf-8")
    told = [call for call in calls(clone) if call.startswith("forge")]
    assert told[0].startswith("forge issues --findings out/rescan/findings.json")
    assert told[1].startswith("forge propose --branch roster/rescan ")


def test_a_night_before_anything_is_recorded_proposes_nothing_and_is_no_error(clone: Clone) -> None:
    """The folder is there once something is recorded, and `roster forge propose` refuses a path that is not."""
    assert clone.run("rescan.sh", "scan")[0] == 0
    code, said = clone.run("rescan.sh", "tell", GITHUB_TOKEN="t")
    assert code == 0, said
    assert (clone.top / "agents/catalog/images").is_dir()


def test_records_of_one_name_in_two_folders_are_told_apart(clone: Clone) -> None:
    deep = "agents/catalog/images/old/fastapi-1.yaml"
    clone.commit({RECORD: RECORDED, deep: RECORDED.replace("ab", "ef")})
    assert clone.run("rescan.sh", "scan", CODES="rescan=3", BLOCKED=deep)[0] == 0
    clone.git("checkout", "--quiet", "--", deep)
    assert clone.run("rescan.sh", "tell", GITHUB_TOKEN="t")[0] == 0
    assert "blocked" in (clone.top / deep).read_text("utf-8")
    assert "blocked" not in (clone.top / RECORD).read_text("utf-8")


def test_a_record_that_was_removed_meanwhile_does_not_come_back(clone: Clone) -> None:
    clone.commit({RECORD: RECORDED})
    assert clone.run("rescan.sh", "scan", CODES="rescan=3", BLOCKED=RECORD)[0] == 0
    clone.git("rm", "--quiet", "--force", RECORD)
    assert clone.run("rescan.sh", "tell", GITHUB_TOKEN="t")[0] == 0
    assert not (clone.top / RECORD).exists()


def test_a_catalog_with_faults_is_said_to_have_them_before_anybody_logs_in(clone: Clone) -> None:
    clone.commit({RECORD: "image: x\n"})
    code, said = clone.run("images.sh", "build", "fastapi-1")
    assert code == 1
    assert "digest is missing" in said
    assert "Traceback" not in said
    assert calls(clone) == []


WAITING = "agents/catalog/images/eliza-2.yaml"
BRANCH = "refs/heads/roster/images"


def waiting(clone: Clone, *paths: str) -> None:
    """On the branch of the pull request are records that are not on main."""
    clone.git("checkout", "--quiet", "-b", "waiting")
    others = dict.fromkeys(("agents/business/one.yaml", "agents/business/new.yaml"), "not a record\n")
    clone.commit({**dict.fromkeys(paths, RECORDED), **others})
    clone.git("push", "--quiet", "origin", f"HEAD:{BRANCH}")
    clone.git("checkout", "--quiet", "main")


@pytest.mark.parametrize("options", [(), ("--depth", "1")])
def test_records_that_wait_for_review_count_already(seed: Remote, tmp_path: Path, options: tuple[str, ...]) -> None:
    remote = seed.copy(tmp_path)
    waiting(remote.clone("first"), WAITING)
    clone = remote.clone("second", *options)
    (clone.top / ".venv/bin/roster").write_text(STAND_IN.replace('echo "$MISSING"', f"cat {WAITING}"), "utf-8")
    said = clone.run("images.sh", "missing")[1]
    assert RECORDED in said, "they are there when Roster is asked"
    assert clone.git("status", "--porcelain", "--untracked-files=all") == f"?? {WAITING}", "nothing else of the branch"


def test_records_that_wait_for_review_stay_in_the_pull_request_beside_new_ones(clone: Clone) -> None:
    waiting(clone, WAITING, RECORD)
    records = clone.top / "out/records"
    records.mkdir(parents=True)
    (records / "fastapi-1.yaml").write_text("image: newer\n", "utf-8")
    code, said = clone.run("images.sh", "propose", GITHUB_TOKEN="t")
    assert code == 0, said
    assert (clone.top / WAITING).read_text("utf-8") == RECORDED
    assert (clone.top / RECORD).read_text("utf-8") == "image: newer\n", "what was made last counts"


def test_a_record_that_was_taken_away_on_main_does_not_come_back_from_an_old_branch(clone: Clone) -> None:
    waiting(clone, WAITING)
    clone.merge({WAITING: RECORDED})
    clone.merge({WAITING: None})
    assert clone.run("images.sh", "missing", MISSING=TWO)[0] == 0
    assert not (clone.top / WAITING).exists()


def test_waiting_records_that_do_not_fit_any_more_are_made_anew(clone: Clone) -> None:
    waiting(clone, WAITING)
    code, said = clone.run("images.sh", "missing", MISSING=TWO, CODES="check=1")
    assert code == 0, said
    assert "their images are built anew" in said
    assert not (clone.top / WAITING).exists()


def test_a_remote_that_does_not_answer_is_not_one_without_waiting_records(clone: Clone) -> None:
    clone.git("remote", "set-url", "origin", "file:///nowhere")
    code, _ = clone.run("images.sh", "missing", MISSING=TWO)
    assert code not in (0, 2)
    assert calls(clone) == []


def test_the_jobs_token_reaches_git_and_no_command_line(clone: Clone, tmp_path: Path) -> None:
    real = shutil.which("git")
    spy = clone.top / ".venv/bin/git"
    spy.write_text(
        f'#!/usr/bin/env bash\necho "$* / ${{GIT_CONFIG_KEY_0:-}} ${{GIT_CONFIG_VALUE_0:-}}" >>{tmp_path}/git\n'
        f'exec {real} "$@"\n',
        "utf-8",
    )
    spy.chmod(0o755)
    assert clone.run("images.sh", "missing", MISSING=TWO, GITHUB_TOKEN="abc", GITHUB_SERVER_URL="https://h")[0] == 0
    (asked,) = [line for line in (tmp_path / "git").read_text("utf-8").splitlines() if line.startswith("ls-remote")]
    command, _, given = asked.partition(" / ")
    login = base64.b64encode(b"x-access-token:abc").decode()
    assert given == f"http.https://h/.extraheader AUTHORIZATION: basic {login}"
    assert login not in command
