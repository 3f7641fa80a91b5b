"""A fork's pull request cannot read a credential, write a comment as the repository, or change what `apply` runs.

Each rule is held twice: the pipelines keep it, and a pipeline that is broken on purpose is caught.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from workflow_faults import github_faults, gitlab_faults

from ci.branch_rules.rules import REQUIRED_CHECKS, protections

TOP = Path(__file__).parents[2]
FOLDER = TOP / ".github/workflows"
TEXTS = {file.name: file.read_text("utf-8") for file in sorted(FOLDER.glob("*.y*ml"))}
GITLAB = (TOP / "ci/gitlab-ci.yaml").read_text("utf-8")
SHA = "11bd71901bbe5b1630ceea73d27597364c9af683"
CHECKOUT = f"      - uses: actions/checkout@{SHA} # v4.2.2\n"
DOWNLOAD = f"      - uses: actions/download-artifact@{SHA}\n        with: {{name: roster-plan, path: out/}}\n"


def test_no_workflow_gives_a_stranger_anything() -> None:
    assert github_faults(TEXTS) == []


def test_no_job_of_gitlab_gives_a_stranger_anything() -> None:
    assert gitlab_faults(GITLAB) == []


# file, what is replaced (once), by what, words of the fault that must be found.
MUTANTS = [
    ("ci.yaml", "  pull_request:\n", "  pull_request_target:\n", "the trigger pull_request_target lets strangers in"),
    ("ci.yaml", "  pull_request:\n", "  pull_request:\n  issue_comment:\n", "the trigger issue_comment"),
    ("ci.yaml", "branches: [main]", "branches: [main, 'release/**']", "pushes to other branches"),
    ("ci.yaml", "permissions: {}", "permissions: write-all", "gives every job rights"),
    ("ci.yaml", "    permissions:\n      contents: read\n", "", "does not say its rights one by one"),
    ("ci.yaml", "ubuntu-24.04", "[self-hosted, linux]", "runs on ['self-hosted', 'linux']"),
    ("ci.yaml", "runs-on: ubuntu-24.04", "container: node\n    runs-on: ubuntu-24.04", "an image of somebody's"),
    ("ci.yaml", "contents: read", "contents: write", "strangers' job test may write contents"),
    ("ci.yaml", "    permissions:\n      contents: read", "    permissions: write-all", "may write everything"),
    ("ci.yaml", "    timeout", "    env: {A: '${{ github.head_ref }}'}\n    timeout", "hands a stranger's words"),
    ("ci.yaml", "contents: read", "contents: read\n      id-token: write", "may write id-token"),
    ("ci.yaml", "contents: read", "contents: read\n      actions: read", "what no pull request needs"),
    ("ci.yaml", "ubuntu-24.04", "ubuntu-24.04\n    environment: prod", "strangers' job test has an environment"),
    ("ci.yaml", f"@{SHA}", "@v4", "actions/checkout is not pinned"),
    ("ci.yaml", "persist-credentials: false", "persist-credentials: true", "leaves a token in the checkout"),
    (
        "ci.yaml",
        "persist-credentials: false",
        "persist-credentials: false\n          ref: ${{ github.event.pull_request.head.sha }}",
        "checks out another state",
    ),
    (
        "ci.yaml",
        "- run: bash ci/test.sh",
        '- run: echo "${{ github.event.pull_request.title }}"',
        "puts a value into a script's text",
    ),
    (
        "ci.yaml",
        "- run: bash ci/test.sh",
        "- run: bash ci/test.sh\n        env:\n          TITLE: ${{ github.event.pull_request.title }}",
        "hands a stranger's words to a step",
    ),
    (
        "ci.yaml",
        "- run: bash ci/test.sh",
        "- run: bash ci/test.sh\n        env:\n          KEY: ${{ secrets.CLOUD_KEY }}",
        "holds a stored secret",
    ),
    (
        "ci.yaml",
        "- run: bash ci/test.sh",
        "- run: bash ci/test.sh\n        env:\n          GITHUB_TOKEN: ${{ github.token }}",
        "strangers' job test gets a token",
    ),
    (
        "ci.yaml",
        CHECKOUT,
        f"      - uses: actions/cache@{SHA}\n        with: {{path: .venv, key: venv}}\n" + CHECKOUT,
        "uses actions/cache",
    ),
    (
        "ci.yaml",
        CHECKOUT,
        f"      - uses: actions/setup-python@{SHA}\n        with: {{cache: pip}}\n" + CHECKOUT,
        "uses actions/setup-python",
    ),
    ("ci.yaml", CHECKOUT, DOWNLOAD + CHECKOUT, "takes over files of another job"),
    (
        "ci.yaml",
        "jobs:\n",
        "jobs:\n  other: {permissions: {contents: read}, uses: ./.github/workflows/apply_environment.yaml}\n",
        "calls another workflow",
    ),
    ("comment.yaml", "    runs-on", "    environment: prod\n    runs-on", "the job comment reaches credentials"),
    ("ci.yaml", "- run: bash ci/test.sh", '- run: echo X=1 >>"$GITHUB_ENV"', "environment of later steps"),
    ("ci.yaml", "  merge_group:\n", "  merge_group:\n  workflow_dispatch:\n", "mixes pull requests with"),
    ("preview.yaml", " && github.token || ''", " || github.token", "strangers' job preview gets a token"),
    (
        "preview.yaml",
        " &&\n      github.event.pull_request.head.repo.full_name == github.repository",
        "",
        "strangers' job engine may write id-token",
    ),
    (
        "preview.yaml",
        " &&\n      github.event.pull_request.head.repo.full_name == github.repository",
        " ||\n      github.event.pull_request.head.repo.full_name == github.repository",
        "strangers' job engine may write id-token",
    ),
    ("preview.yaml", "    environment: preview\n", "    environment: prod\n", "may do more than read"),
    ("comment.yaml", "[preview]", "[preview, ci]", "follows other runs than previews"),
    ("comment.yaml", "== 'pull_request'", "!= 'push'", "follows more than pull requests"),
    ("comment.yaml", "pull-requests: write", "contents: write", "may do more than write a comment"),
    ("comment.yaml", "bash ci/comment.sh", "bash out/plan/comment.sh", "runs something else than ci/comment.sh"),
    (
        "comment.yaml",
        "persist-credentials: false",
        "persist-credentials: false\n          ref: ${{ github.event.workflow_run.head_sha }}",
        "checks out another state",
    ),
    (
        "comment.yaml",
        "          persist-credentials: false\n",
        f"          persist-credentials: false\n{DOWNLOAD}",
        "unpacks a stranger's archive",
    ),
    (
        "images.yaml",
        "          name: built-${{ matrix.name }}\n          path: out/images/\n      - run: bash ci/images.sh scan",
        "          name: built-${{ matrix.name }}\n          run-id: 1\n      - run: bash ci/images.sh scan",
        "takes the artifact of another run",
    ),
    ("images.yaml", "    if: github.ref == 'refs/heads/main'\n", "", "runs of other branches than main"),
    ("apply_environment.yaml", "    if: github.ref == 'refs/heads/main'\n", "", "the job dev calls what runs of other"),
    ("apply_environment.yaml", "refs/heads/main'", "refs/heads/main' || true", "the job dev calls what runs of other"),
    ("apply.yaml", "branches: [main]", "branches: ['**']", "pushes to other branches"),
    (
        "apply.yaml",
        "./.github/workflows/apply_environment.yaml",
        f"a/b/.github/workflows/c.yaml@{SHA}",
        "another repository",
    ),
    ("drift.yaml", "    environment: drift\n", "", "reaches a cloud without an environment"),
    ("switches.yaml", "github.ref == 'refs/heads/main' && ", "", "runs of other branches than main"),
    ("rescan.yaml", "    if: github.ref == 'refs/heads/main'\n", "", "the job tell runs of other branches"),
]


@pytest.mark.parametrize(("file", "old", "new", "words"), MUTANTS, ids=[f"{one[0]}: {one[3]}" for one in MUTANTS])
def test_a_workflow_that_is_broken_on_purpose_is_caught(file: str, old: str, new: str, words: str) -> None:
    assert old in TEXTS[file], "the workflow has changed: break it in another place"
    broken = {**TEXTS, file: TEXTS[file].replace(old, new, 1)}
    found = github_faults(broken)
    assert any(words in fault for fault in found), found


GITLAB_MUTANTS = [
    (
        "preview:\n  stage: preview\n",
        "preview:\n  stage: preview\n  environment: {name: prod}\n",
        "preview: reaches a cloud",
    ),
    (
        "test:\n  stage: test\n",
        "test:\n  stage: test\n  id_tokens: {A: {aud: b}}\n",
        "test: reaches a cloud, and runs of other branches",
    ),
    (
        "stage: drift\n  rules:\n    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && $CI",
        "stage: drift\n  rules:\n    - if: $CI",
        "drift: reaches a cloud, and runs of other branches",
    ),
    ("    - bash ci/preview.sh\n", '    - echo "$CI_MERGE_REQUEST_TITLE"\n', "a stranger's words into a script"),
    (
        "  script:\n    - bash ci/test.sh\n",
        "  secrets: {A: {vault: a/b}}\n  script: []\n",
        "test: has a cache, secrets",
    ),
    ("default:\n", "default:\n  cache: {paths: [.venv]}\n", "a cache goes from merge requests"),
    ("stages:", "include: [{remote: https://example.com/x.yml}]\nstages:", "the pipeline has include"),
    (
        "    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH #",
        "    - when: always #",
        "other branches than the default one",
    ),
]


@pytest.mark.parametrize(("old", "new", "words"), GITLAB_MUTANTS, ids=[one[2] for one in GITLAB_MUTANTS])
def test_a_pipeline_of_gitlab_that_is_broken_on_purpose_is_caught(old: str, new: str, words: str) -> None:
    assert old in GITLAB, "the pipeline has changed: break it in another place"
    found = gitlab_faults(GITLAB.replace(old, new, 1))
    assert any(words in fault for fault in found), found


def test_every_environment_that_a_job_names_is_protected_and_those_with_rights_are_mains_alone() -> None:
    parsed = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
    applied = [job["with"]["environment"] for job in parsed["apply.yaml"]["jobs"].values()]
    reached = {one.name: one.branch for one in protections(applied, {}, "main")}
    named = {
        job["environment"].replace("${{ inputs.environment }}", one).replace("${{ matrix.environment }}", one)
        for of in parsed.values()
        for job in of["jobs"].values()
        if "environment" in job
        for one in applied
    }
    assert named == set(reached)
    assert {name for name in named if reached[name] != "main"} == {"preview"}, "its cloud role only reads"


def test_the_checks_that_a_merge_waits_for_are_jobs_under_their_own_names() -> None:
    """A job's `name` is what the ruleset asks for; another one would leave every pull request waiting, or unguarded."""
    names = [
        job.get("name", key)
        for file in ("ci.yaml", "preview.yaml")
        for key, job in yaml.safe_load(TEXTS[file])["jobs"].items()
    ]
    assert set(REQUIRED_CHECKS) <= set(names)


def test_zizmor_finds_nothing_at_its_strictest(tmp_path: Path) -> None:
    done = zizmor(FOLDER)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list(FOLDER.iterdir())) == len(TEXTS), "a file that it does not read"
    shutil.copytree(FOLDER, tmp_path / ".github/workflows")
    file = tmp_path / ".github/workflows/ci.yaml"
    file.write_text(TEXTS["ci.yaml"].replace("  pull_request:\n", "  pull_request_target:\n"), "utf-8")
    assert zizmor(tmp_path / ".github/workflows").returncode != 0, "it would say so"


def zizmor(folder: Path) -> subprocess.CompletedProcess[str]:
    """Audits workflows as ci/workflow_lint.sh does."""
    line = re.search(r"^(zizmor .*) \.github/workflows$", (TOP / "ci/workflow_lint.sh").read_text("utf-8"), re.M)
    assert line, "ci/workflow_lint.sh calls zizmor"
    assert "--persona=auditor" in line[1]
    program = shutil.which("zizmor", path=f"{TOP / '.venv/bin'}:/usr/bin:/usr/local/bin") or "zizmor"
    command = [program, *line[1].split()[1:], str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_what_zizmor_is_told_to_pass_over_says_why() -> None:
    for name, text in TEXTS.items():
        for reason in re.findall(r"zizmor: ignore\[[\w-]+\](.*)", text):
            assert len(reason.split()) >= 4, f"{name}: an exception without a reason"
    assert not list(TOP.glob(".github/zizmor.y*ml")) + list(TOP.glob("zizmor.y*ml")), "no exceptions elsewhere"
