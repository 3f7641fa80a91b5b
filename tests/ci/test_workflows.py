"""The pipelines themselves: what a stranger gets, what may be cancelled, and that both forges do the same."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_fleet import MINIMAL, write
from typer.main import get_command

from ci.cli import app
from ci.cloud_access import CLOUDS
from ci.images.batches import MOST_JOBS
from ci.workflow_environments import GITHUB, GITLAB, check, differences, github_jobs, gitlab_jobs
from components.definition.image_settings import KeylessSigning

TOP = Path(__file__).parents[2]
FILES = sorted((TOP / ".github/workflows").glob("*.yaml"))
Workflow = dict[Any, Any]


def workflow(name: str) -> Workflow:
    """A workflow; the key `on` is true, as YAML 1.1 reads it."""
    found: Workflow = yaml.safe_load((TOP / f".github/workflows/{name}.yaml").read_text("utf-8"))
    return found


def steps(of: Workflow) -> list[dict[str, Any]]:
    """The steps of all jobs."""
    return [step for job in of["jobs"].values() for step in job.get("steps", ())]


def scripts(text: str) -> set[str]:
    """The scripts of `ci/` that a pipeline calls."""
    return set(
        re.findall(r"\bci/(\w+\.sh)\b", "\n".join(line for line in text.splitlines() if "ci/" in line.split("#")[0]))
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_workflow_pins_its_actions_gives_no_right_unasked_and_leaves_no_token_behind(file: Path) -> None:
    text = file.read_text("utf-8")
    of = yaml.safe_load(text)
    for action, comment in re.findall(r"[ -] uses: ([^.\s]\S*)(.*)", text):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action} does not say its version"
    assert of["permissions"] == {}
    assert all("permissions" in job for job in of["jobs"].values())
    assert all(job.get("timeout-minutes") or "uses" in job for job in of["jobs"].values())
    for step in steps(of):
        if "checkout@" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_no_pull_request_runs_with_this_repositorys_rights() -> None:
    for file in FILES:
        text = file.read_text("utf-8")
        of = yaml.safe_load(text)
        assert "pull_request_target" not in of[True]
        assert "secrets." not in text, f"{file.name}: the cloud is reached by OIDC, nothing is stored"
        if "pull_request" not in of[True]:
            continue
        for name, job in of["jobs"].items():
            writes = {right for right, level in job["permissions"].items() if level == "write"}
            if writes:
                assert (file.stem, name, writes) == ("preview", "engine", {"id-token"})
                assert "head.repo.full_name == github.repository" in job["if"]


def test_nothing_that_a_pull_request_says_is_put_into_a_script() -> None:
    for file in FILES:
        for step in steps(yaml.safe_load(file.read_text("utf-8"))):
            assert "${{" not in step.get("run", ""), f"{file.name}: {step['run']}"


def test_the_comment_is_written_by_main_from_nothing_but_the_plans_text() -> None:
    of = workflow("comment")
    assert list(of[True]) == ["workflow_run"]
    assert of[True]["workflow_run"]["workflows"] == [workflow("preview")["name"]]
    assert of["jobs"]["comment"]["permissions"] == {"contents": "read", "actions": "read", "pull-requests": "write"}
    checkout, run = steps(of)
    assert set(checkout["with"]) == {"persist-credentials"}, "no ref: the main branch"
    assert run["run"] == "bash ci/comment.sh"


def test_the_plan_of_the_merge_queue_is_made_on_its_own_commit_and_kept() -> None:
    of = workflow("preview")
    assert {"pull_request", "merge_group"} <= set(of[True])
    (planned,) = [step for step in steps(of) if "ci/preview.sh" in step.get("run", "")]
    assert planned["env"]["BASE"] == "${{ github.event.merge_group.base_sha }}"
    (kept,) = [step for step in steps(of) if step.get("with", {}).get("name") == "roster-plan"]
    assert kept["with"]["path"] == "out/plan/"


def test_an_environment_is_applied_by_one_run_at_a_time_which_nothing_cancels() -> None:
    job = workflow("apply_environment")["jobs"]["apply"]
    assert job["environment"] == "${{ inputs.environment }}"
    assert job["concurrency"] == {"group": "apply-${{ inputs.environment }}", "cancel-in-progress": False}
    assert "concurrency" not in workflow("apply"), (
        "a group of the whole run would drop environments that wait for approval"
    )
    assert set(workflow("apply")[True]) == {"push", "workflow_dispatch"}
    for one in workflow("apply")["jobs"].values():
        assert one["permissions"] == job["permissions"]


def test_a_failure_in_one_environment_keeps_no_kill_switch_from_the_next() -> None:
    later = [job for job in workflow("apply")["jobs"].values() if "needs" in job]
    assert later
    assert all(job["if"] == "${{ !cancelled() }}" for job in later)
    (rule,) = yaml.safe_load((TOP / GITLAB).read_text("utf-8"))[".apply"]["rules"]
    assert rule["when"] == "always"


def test_switches_wait_for_nobody_and_are_off_until_somebody_turns_them_on() -> None:
    of = workflow("switches")
    (job,) = of["jobs"].values()
    assert job["if"] == "github.ref == 'refs/heads/main' && vars.ROSTER_SWITCHES == 'on'"
    assert job["strategy"]["fail-fast"] is False
    assert "max-parallel" not in job["strategy"]
    assert "needs" not in job
    (run,) = [step["run"] for step in steps(of) if "ci/apply.sh" in step.get("run", "")]
    assert run.startswith("exec ")
    assert run.endswith(" --first-only")


def test_a_cancelled_apply_reaches_the_engine() -> None:
    (run,) = [step["run"] for step in steps(workflow("apply_environment")) if "ci/apply.sh" in step.get("run", "")]
    assert run.startswith("exec ")
    assert re.search(r"^exec python -m ci.cloud_access roster up ", (TOP / "ci/apply.sh").read_text("utf-8"), re.M)


@pytest.mark.parametrize("name", ["apply_environment", "drift", "preview", "switches"])
def test_whatever_reaches_a_cloud_is_told_all_that_the_clouds_need(name: str) -> None:
    needed = {need for cloud in CLOUDS for need in cloud.needs} | {"ROSTER_KUBECONFIG", "PULUMI_BACKEND_URL"}
    jobs = [job for job in workflow(name)["jobs"].values() if job["permissions"].get("id-token") == "write"]
    assert jobs
    for job in jobs:
        assert any(needed <= set(step.get("env", {})) for step in job["steps"])


CLOUD_NEEDS = {need for cloud in CLOUDS for need in cloud.needs}


def called(job: Workflow) -> str:
    """What a job runs."""
    return "\n".join(step.get("run", "") for step in job["steps"])


def writes(job: Workflow) -> set[str]:
    """What a job may write; an identity is written too, as GitHub says it."""
    return {right for right, level in job["permissions"].items() if level == "write"}


def test_images_are_built_from_main_alone() -> None:
    of = workflow("images")
    assert set(of[True]) == {"push", "schedule", "workflow_dispatch"}
    assert of[True]["push"]["branches"] == ["main"]
    assert of["jobs"]["missing"]["if"] == "github.ref == 'refs/heads/main'"
    for name, job in of["jobs"].items():
        assert name == "missing" or "needs.missing.outputs.any == 'true'" in job["if"], "a skipped job has no output"
    assert of["concurrency"] == {"group": "images", "cancel-in-progress": False}


def test_a_record_that_goes_a_base_that_is_pinned_and_a_run_that_failed_lead_to_a_build() -> None:
    on = workflow("images")[True]
    assert {"agents/**", "components/**"} <= set(on["push"]["paths"])
    assert not [path for path in on["push"]["paths"] if path.startswith("!")]
    ((minute, hour, *days),) = [one["cron"].split() for one in on["schedule"]]
    assert (minute.isdigit(), hour.isdigit(), days) == (True, True, ["*", "*", "*"]), "every day"


@pytest.mark.parametrize("name", ["missing", "propose"])
def test_what_asks_for_waiting_records_can_fetch_their_branch_and_knows_what_main_had(name: str) -> None:
    job = workflow("images")["jobs"][name]
    (checkout,) = [step["with"] for step in job["steps"] if "checkout@" in step.get("uses", "")]
    assert checkout["fetch-depth"] == 0
    assert job["steps"][-1]["env"]["GITHUB_TOKEN"] == "${{ github.token }}"


def test_what_runs_a_dockerfile_or_looks_into_images_cannot_sign_and_what_signs_writes_nothing_into_git() -> None:
    jobs = workflow("images")["jobs"]
    assert {name: writes(job) for name, job in jobs.items()} == {
        "missing": set(),
        "build": {"packages"},
        "scan": set(),
        "sign": {"packages", "id-token"},
        "propose": {"contents", "pull-requests"},
    }
    for name, job in jobs.items():
        assert ("images.sh build" in called(job)) is (name == "build")
        assert ("images.sh scan" in called(job)) is (name == "scan")
        assert ("images.sh sign" in called(job)) is (name == "sign")
    assert {name for name, job in jobs.items() if job.get("environment") == "images"} == {"build", "sign"}


def test_whoever_signs_takes_the_digest_from_the_build_and_only_verdict_and_bills_from_the_scan() -> None:
    jobs = workflow("images")["jobs"]
    taken = {one["with"]["name"].partition("-")[0]: one["with"]["path"] for one in uses(jobs["sign"], "download-")}
    assert taken == {"built": "out/images/", "verdict": "out/verdicts/"}, "nothing of a scan lies over what was built"
    left = {one["with"]["name"].partition("-")[0]: one["with"]["path"] for one in uses(jobs["scan"], "upload-")}
    assert left["verdict"].split() == ["out/images/*/scan.json", "out/images/*/sbom*.cdx.json"]
    (built,) = uses(jobs["build"], "upload-")
    assert built["with"]["path"] == "out/images/*/built.json"


def test_however_many_images_are_missing_no_matrix_is_larger_than_github_takes() -> None:
    jobs = workflow("images")["jobs"]
    matrices = [name for name, job in jobs.items() if "strategy" in job]
    (matrix,) = {str(jobs[name]["strategy"]["matrix"]) for name in matrices}
    assert matrix == "${{ fromJSON(needs.missing.outputs.images) }}"
    assert MOST_JOBS * len(matrices) <= 256, "in all of a run"
    for name in matrices:
        (step,) = [one for one in jobs[name]["steps"] if "IMAGES" in one.get("env", {})]
        assert step["env"]["IMAGES"] == "${{ matrix.images }}"
        assert step["run"].endswith(" $IMAGES"), "several words"


def uses(job: Workflow, action: str) -> list[Workflow]:
    """The steps that use such an action."""
    return [step for step in job["steps"] if f"actions/{action}" in step.get("uses", "")]


def test_the_certificate_that_clusters_trust_names_the_workflow_that_signs() -> None:
    (examples,) = [KeylessSigning.model_fields["identity"].examples]
    assert examples
    assert all(one.endswith("/.github/workflows/images.yaml@refs/heads/main") for one in examples)
    settings = yaml.safe_load((TOP / "agents/catalog/settings.yaml").read_text("utf-8"))
    identity = settings.get("images", {}).get("signing", {}).get("identity", examples[0])
    assert identity.endswith("/.github/workflows/images.yaml@refs/heads/main")
    signing = [file.stem for file in FILES if "images.sh sign" in file.read_text("utf-8")]
    assert signing == ["images"]


def test_a_pull_requests_images_are_built_with_nothing_in_hand_and_go_nowhere() -> None:
    job = workflow("preview")["jobs"]["images"]
    assert job["permissions"] == {"contents": "read"}
    assert "environment" not in job
    assert all("token" not in str(step.get("env", "")) for step in job["steps"])
    script = (TOP / "ci/preview_images.sh").read_text("utf-8")
    commands = "\n".join(line.split("#")[0] for line in script.splitlines())
    assert "--push" not in commands
    assert "registry_access" not in commands
    assert "cloud_access" not in commands


def test_what_reads_other_peoples_images_at_night_holds_nothing_that_writes() -> None:
    jobs = workflow("rescan")["jobs"]
    assert {name: writes(job) for name, job in jobs.items()} == {
        "scan": {"id-token"},
        "tell": {"contents", "issues", "pull-requests"},
    }
    assert jobs["scan"]["if"] == "github.ref == 'refs/heads/main'"
    assert "if" not in jobs["tell"], "where nobody could look, nothing is told"
    assert "rescan.sh scan" in called(jobs["scan"])
    assert "rescan.sh tell" in called(jobs["tell"])


@pytest.mark.parametrize(("name", "job"), [("images", "sign"), ("rescan", "scan")])
def test_whatever_reaches_a_clouds_registry_is_told_all_that_the_clouds_need(name: str, job: str) -> None:
    assert any(set(step.get("env", {})) >= CLOUD_NEEDS for step in workflow(name)["jobs"][job]["steps"])


def test_gitlab_runs_the_same_scripts() -> None:
    github = {script for file in FILES if file.stem != "bench" for script in scripts(file.read_text("utf-8"))}
    gitlab = scripts((TOP / GITLAB).read_text("utf-8"))
    # GitLab has no fork's run with rights to guard, and no read-only identity for merge requests is set up there.
    # Images are built by GitHub's jobs alone: docs/images.md says what GitLab lacks for it.
    images = {"images.sh", "preview_images.sh", "rescan.sh"}
    assert github - gitlab == {"comment.sh", "preview_stacks.sh"} | images
    assert gitlab <= github


def test_gitlab_applies_one_at_a_time_with_the_whole_history_and_never_cancels() -> None:
    pipeline = yaml.safe_load((TOP / GITLAB).read_text("utf-8"))
    assert pipeline["variables"]["GIT_DEPTH"] == "0"
    for job in pipeline.values():
        if isinstance(job, dict) and "resource_group" in job:
            assert job["resource_group"] == job["environment"]["name"]
            assert pipeline[job["extends"]].get("interruptible", pipeline["default"]["interruptible"]) is False
    assert {f"ROSTER_{cloud.name.upper()}_TOKEN" for cloud in CLOUDS} == set(pipeline[".apply"]["id_tokens"])


@pytest.mark.parametrize("script", sorted((TOP / "ci").glob("*.sh")), ids=lambda script: script.name)
def test_a_script_is_bash_that_parses(script: Path) -> None:
    assert subprocess.run(["bash", "-n", script], capture_output=True, check=False).returncode == 0


def test_every_script_that_a_pipeline_calls_is_there() -> None:
    for file in [*FILES, TOP / GITLAB]:
        for script in scripts(file.read_text("utf-8")):
            assert (TOP / "ci" / script).is_file(), f"{file.name}: {script}"


def test_the_scripts_call_commands_that_there_are_with_options_that_they_have() -> None:
    roster: Any = get_command(app)
    called = set()
    for file in (TOP / "ci").glob("*.sh"):
        text = re.sub(r"^\s*#.*", "", file.read_text("utf-8").replace("\\\n", " "), flags=re.M)
        for words in re.findall(
            r"(?:^|[;&|!] |if |then |else |python -m ci.cloud_access |^ +)roster ([a-z][^;|&>\n]*)", text, re.M
        ):
            command, names = roster, words.split()
            while names and hasattr(command, "commands"):
                assert names[0] in command.commands, f"{file.name}: roster {words}"
                command = command.commands[names.pop(0)]
            options = {option for parameter in command.params for option in parameter.opts}
            assert set(re.findall(r"--[a-z][a-z-]*", " ".join(names))) <= options, f"{file.name}: roster {words}"
            called.add(command.name)
    assert {"check", "render", "plan", "preview", "up", "drift", "codeowners", "status"} <= called


JOBS = {"dev": [], "staging": ["dev"], "prod": ["staging"]}


@pytest.mark.parametrize(
    ("jobs", "said"),
    [
        (JOBS, []),
        ({"dev": [], "prod": ["dev"]}, ["no job applies 'staging', an environment of the catalog"]),
        ({**JOBS, "test": []}, ["a job applies 'test', which is no environment of the catalog"]),
        ({**JOBS, "prod": ["dev"]}, ["the job of 'prod' does not need the one of 'staging', so it may come first"]),
        ({**JOBS, "staging": []}, ["the job of 'staging' does not need the one of 'dev', so it may come first"]),
    ],
)
def test_pipelines_that_apply_other_environments_or_in_another_order_are_told_apart(
    jobs: dict[str, list[str]], said: list[str]
) -> None:
    assert [one.message for one in differences("f", jobs, ["dev", "staging", "prod"])] == said


def test_both_pipelines_apply_the_same_environments_each_after_the_one_before() -> None:
    github = github_jobs(yaml.safe_load((TOP / GITHUB).read_text("utf-8")))
    gitlab = gitlab_jobs(yaml.safe_load((TOP / GITLAB).read_text("utf-8")))
    assert list(github) == list(gitlab)
    assert differences("f", github, list(github)) == differences("f", gitlab, list(github)) == []


def test_both_pipelines_are_held_against_the_catalog_beside_them(tmp_path: Path) -> None:
    top = write(tmp_path, {"business/one.yaml": MINIMAL})
    for file, jobs in ((GITHUB, github_jobs), (GITLAB, gitlab_jobs)):
        text = (TOP / file).read_text("utf-8")
        first = next(iter(jobs(yaml.safe_load(text))))
        (top / file).parent.mkdir(parents=True, exist_ok=True)
        (top / file).write_text(text.replace(first, "elsewhere"), "utf-8")
    found = [(one.file, one.message) for one in check(top)]
    for file in (GITHUB, GITLAB):
        assert (file, "a job applies 'elsewhere', which is no environment of the catalog") in found
