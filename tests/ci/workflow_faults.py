"""What would let a stranger's pull request read a credential, write as the repository, or change what `apply` runs.

Pure: the pipelines' texts go in, faults come out, so that a test can break a text and see that it is caught. The key
`on` of a workflow is true, as YAML 1.1 reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

Workflow = dict[Any, Any]
TRIGGERS = frozenset(
    {"push", "pull_request", "merge_group", "schedule", "workflow_dispatch", "workflow_call", "workflow_run"}
)
# Nothing else is used: an action is somebody else's code, and one that caches would carry files from a pull request's
# run into one that holds credentials.
ACTIONS = frozenset({"actions/checkout", "actions/upload-artifact", "actions/download-artifact"})
RUNNERS = frozenset({"ubuntu-24.04"})
OWN_BRANCHES = "github.event.pull_request.head.repo.full_name == github.repository"
ON_MAIN = "github.ref == 'refs/heads/main'"
QUEUE_TOKEN = "${{ github.event_name == 'merge_group' && github.token || '' }}"
# Written by whoever opens a pull request, pushes a branch or comments.
_STRANGERS_WORDS = re.compile(
    r"github\.(head_ref|ref_name|actor|triggering_actor|event\.(?!merge_group\.base_sha\b)[\w.]+)|toJSON\(\s*github",
    re.I,
)
_READS = frozenset({"contents", "pull-requests"})


def github_faults(texts: Mapping[str, str]) -> list[str]:
    """Every fault of the workflows, by file name, as `file: what`; empty when a fork can do no harm."""
    parsed = {name: yaml.safe_load(text) for name, text in texts.items()}
    return [
        f"{name}: {fault}"
        for name, of in parsed.items()
        for faults in (_everywhere, _of_strangers, _after_strangers, _trusted)
        for fault in faults(of, parsed)
    ]


def steps(of: Workflow) -> Iterator[dict[str, Any]]:
    """The steps of all jobs."""
    for job in of["jobs"].values():
        yield from job.get("steps", ())


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
    elif value is not None:
        yield str(value)


def _triggers(of: Workflow) -> dict[str, Any]:
    given = of[True]
    return given if isinstance(given, dict) else dict.fromkeys([given] if isinstance(given, str) else given)


def _rights(job: Workflow) -> dict[str, str]:
    """What a job may do; one that does not say it one by one may do everything."""
    given = job.get("permissions")
    return given if isinstance(given, dict) else {"everything": "write"}


def _everywhere(of: Workflow, _all: Mapping[str, Workflow]) -> Iterator[str]:
    triggers = _triggers(of)
    yield from (f"the trigger {name} lets strangers in" for name in triggers if name not in TRIGGERS)
    if "push" in triggers and (triggers["push"] or {}).get("branches") != ["main"]:
        yield "runs for pushes to other branches than main"
    if of.get("permissions") != {}:
        yield "gives every job rights"
    words = "\n".join(_strings(of))
    if re.search(r"\bsecrets\b", words):
        yield "holds a stored secret"
    if re.search(r"GITHUB_ENV|GITHUB_PATH|ACTIONS_ALLOW_UNSECURE_COMMANDS|ACTIONS_STEP_DEBUG", words):
        yield "changes the environment of later steps"
    for name, job in of["jobs"].items():
        if not isinstance(job.get("permissions"), dict):
            yield f"the job {name} does not say its rights one by one"
        if "uses" not in job and str(job.get("runs-on")) not in RUNNERS:
            yield f"the job {name} runs on {job.get('runs-on')}"
        if "container" in job or "services" in job:
            yield f"the job {name} runs in an image of somebody's"
        if str(job.get("uses", "./")).partition("/")[0] != ".":
            yield f"the job {name} is another repository's workflow"
        yield from _words_of_strangers(job.get("env"))
    yield from _words_of_strangers(of.get("env"))
    for step in steps(of):
        yield from _step_faults(step)


def _words_of_strangers(value: Any) -> Iterator[str]:
    found = [one for text in _strings(value) for one in re.findall(r"\$\{\{.*?\}\}", text, re.S)]
    if any(map(_STRANGERS_WORDS.search, found)):
        yield "hands a stranger's words to a step"


def _step_faults(step: dict[str, Any]) -> Iterator[str]:
    if "${{" in step.get("run", "") or "${{" in str(step.get("shell", "")):
        yield "puts a value into a script's text"
    yield from _words_of_strangers({name: value for name, value in step.items() if name not in ("if", "name")})
    if "uses" not in step:
        return
    action, _, version = step["uses"].partition("@")
    if action not in ACTIONS:
        yield f"uses {action}"
    if not re.fullmatch(r"[0-9a-f]{40}", version):
        yield f"{action} is not pinned by its commit"
    inputs = step.get("with") or {}
    if action == "actions/checkout":
        if inputs.get("persist-credentials") is not False:
            yield "leaves a token in the checkout"
        if not inputs.keys() <= {"persist-credentials", "fetch-depth"}:
            yield "checks out another state than its own"
    if action == "actions/download-artifact" and not inputs.keys() <= {"name", "pattern", "path", "merge-multiple"}:
        yield "takes the artifact of another run"


def _for_strangers(of: Workflow) -> bool:
    return bool({"pull_request", "merge_group"} & set(of[True]))


def _of_strangers(of: Workflow, _all: Mapping[str, Workflow]) -> Iterator[str]:
    """What runs a pull request's own code holds nothing, unless the branch is this repository's own."""
    if not _for_strangers(of):
        return
    if not set(of[True]) <= {"pull_request", "merge_group", "push"}:
        yield "mixes pull requests with triggers that hold rights"
    for name, job in of["jobs"].items():
        condition = str(job.get("if", ""))
        own = OWN_BRANCHES in condition and "github.event_name == 'pull_request'" in condition and "||" not in condition
        writes = {right for right, level in _rights(job).items() if level != "read"}
        if own:
            if writes - {"id-token"} or job.get("environment") != "preview":
                yield f"the job {name} of this repository's branches may do more than read"
            continue
        if writes:
            yield f"strangers' job {name} may write {', '.join(sorted(writes))}"
        if _rights(job).keys() - _READS:
            yield f"strangers' job {name} may do what no pull request needs"
        if "environment" in job:
            yield f"strangers' job {name} has an environment"
        if "uses" in job:
            yield f"strangers' job {name} calls another workflow"
        for text in _strings({**job, "if": ""}):
            if "github.token" in text and text != QUEUE_TOKEN:
                yield f"strangers' job {name} gets a token"
        if any("download-artifact" in step.get("uses", "") for step in job.get("steps", ())):
            yield f"strangers' job {name} takes over files of another job"


def _after_strangers(of: Workflow, _all: Mapping[str, Workflow]) -> Iterator[str]:
    """What runs on main after a pull request's run: it may write a comment, and runs nothing of the pull request."""
    if "workflow_run" not in of[True]:
        return
    if set(of[True]) != {"workflow_run"} or of[True]["workflow_run"].get("workflows") != ["preview"]:
        yield "follows other runs than previews"
    for name, job in of["jobs"].items():
        if job.get("if") != "github.event.workflow_run.event == 'pull_request'":
            yield f"the job {name} follows more than pull requests"
        if job.get("permissions") != {"contents": "read", "actions": "read", "pull-requests": "write"}:
            yield f"the job {name} may do more than write a comment"
        if "environment" in job or "uses" in job:
            yield f"the job {name} reaches credentials"
        if [step.get("run") for step in job.get("steps", ()) if "run" in step] != ["bash ci/comment.sh"]:
            yield f"the job {name} runs something else than ci/comment.sh"
        if any("artifact" in step.get("uses", "") for step in job.get("steps", ())):
            yield f"the job {name} unpacks a stranger's archive"


def _trusted(of: Workflow, everything: Mapping[str, Workflow]) -> Iterator[str]:
    """Whatever may write or be somebody runs of main alone, and behind an environment when it reaches a cloud."""
    if _for_strangers(of) or "workflow_run" in of[True]:
        return
    for name, job in of["jobs"].items():
        writes = {right for right, level in _rights(job).items() if level == "write"}
        if not writes:
            continue
        if "uses" in job:
            called = everything.get(str(job["uses"]).rpartition("/")[2])
            if called is None or not all(_on_main(called, inner) for inner in called["jobs"]):
                yield f"the job {name} calls what runs of other branches than main"
            continue
        if not _on_main(of, name):
            yield f"the job {name} runs of other branches than main"
        if "id-token" in writes and not job.get("environment"):
            yield f"the job {name} reaches a cloud without an environment"


def _on_main(of: Workflow, name: str) -> bool:
    """Whether the job is skipped on any other branch: by its own condition, or because one that it needs is."""
    job = of["jobs"][name]
    condition = str(job.get("if", ""))
    if ON_MAIN in condition and "||" not in condition:
        return True
    needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
    return any(
        _on_main(of, one) and (not condition or f"needs.{one}.outputs." in condition) and "||" not in condition
        for one in needed
    )


_GITLAB_WORDS = re.compile(
    r"\$\{?CI_(MERGE_REQUEST_(TITLE|DESCRIPTION|SOURCE_BRANCH_NAME|LABELS)|COMMIT_(MESSAGE|TITLE|REF))"
)
_GITLAB_KEYWORDS = frozenset({"workflow", "stages", "default", "variables"})
_DEFAULT_BRANCH = "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"


def gitlab_faults(text: str) -> list[str]:
    """The same for GitLab's pipeline, as far as its file can say it."""
    return list(_gitlab(yaml.safe_load(text)))


def _gitlab(pipeline: dict[str, Any]) -> Iterator[str]:
    for name in {"include", "cache", "image"} & set(pipeline):
        yield f"the pipeline has {name} for all"
    for rule in pipeline["workflow"]["rules"]:
        if rule.get("if") != '$CI_PIPELINE_SOURCE == "merge_request_event"' and _DEFAULT_BRANCH not in rule.get(
            "if", ""
        ):
            yield "pipelines run for other branches than the default one"
    if "cache" in pipeline["default"]:
        yield "a cache goes from merge requests to jobs that apply"
    for name, given in pipeline.items():
        if name in _GITLAB_KEYWORDS or name.startswith(".") or not isinstance(given, dict):
            continue
        job = {**pipeline.get(given.get("extends", ""), {}), **given}
        yield from (f"{name}: {fault}" for fault in _gitlab_job(job))


def _gitlab_job(job: dict[str, Any]) -> Iterator[str]:
    conditions = [str(rule.get("if", "")) for rule in job.get("rules", [{}])]
    if job.keys() & {"cache", "trigger", "secrets", "services"}:
        yield "has a cache, secrets, a service or another pipeline"
    if any(_GITLAB_WORDS.search(text) for text in _strings(job.get("script", []))):
        yield "puts a stranger's words into a script"
    strangers = any(_DEFAULT_BRANCH not in condition for condition in conditions)
    if strangers and job.keys() & {"id_tokens", "environment", "resource_group"}:
        yield "reaches a cloud, and runs of other branches than the default one"
    if "id_tokens" in job and "environment" not in job:
        yield "reaches a cloud without an environment"
