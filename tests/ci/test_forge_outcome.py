"""What the author of a merge is told, by commit statuses and comments; and the `roster forge` commands themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from command_fleet import git, write_fleet
from forge_server import REPOSITORY, TOKEN, Forge, Refusal, serving

from ci.commands.forge import run_comment, run_issue, run_permission, run_reviewed, run_status
from ci.deploy.report import AgentReport, EnvironmentReport, EnvironmentState, Report, StackReport
from ci.deploy.report import State as AgentState
from ci.forge.permission import LINE
from ci.forge.status import MOST_CHARACTERS, status, status_of
from ci.forge.told import as_markdown, of_these, report_from, touched_agents
from components.reviewed import PlanOf, Reviewed, read_reviewed

HEAD = "a" * 40
RUN = f"https://github.example.com/{REPOSITORY}/actions/runs/12"


@pytest.fixture
def forge(monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    with serving() as one:
        variables = {
            "GITHUB_API_URL": one.api, "GITHUB_GRAPHQL_URL": f"{one.api}/graphql", "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_TOKEN": TOKEN, "GITHUB_SERVER_URL": "https://github.example.com", "GITHUB_RUN_ID": "12",
            "GITHUB_REF": "refs/heads/main",
        }  # fmt: skip
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield one


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small fleet, committed on main; the current folder."""
    write_fleet(tmp_path, {".gitignore": "out/\n"})
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commit(folder: Path, **files: str) -> str:
    """Commits all files, with these texts added to some (`__` for a slash, `_` for a dot); the commit."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.write_text((path.read_text("utf-8") if path.exists() else "") + text, "utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


def agent(state: AgentState, reason: str = "", **more: object) -> AgentReport:
    return AgentReport(state, "prod.sales.0", reason=reason, **more)  # type: ignore[arg-type]


LIVE = agent("deployed", url="https://offers.example.com/v1?a=b&c", seconds=185.4)
BROKEN = agent(
    "failed",
    "the image cannot be pulled",
    advice="Build it again.",
    detail="Back-off pulling image\n```\n@example/everyone\n```",
)


def report(folder: Path, head: str, **environments: EnvironmentReport) -> Path:
    """A report of `roster up`, as it writes it."""
    Report(head, "2026-06-01T10:00:00Z", "2026-06-01T10:05:00Z", environments).write(folder / "out/up")
    return folder / "out/up/report.json"


def environment(state: EnvironmentState, reason: str = "", **agents: AgentReport) -> EnvironmentReport:
    """`sales_writer` stands for sales/writer."""
    found = {name.replace("_", "/"): one for name, one in agents.items()}
    return EnvironmentReport(state, reason, {"prod.sales.0": StackReport("deployed", 3.0, "a.log")}, found)


def merged(forge: Forge, number: int, *commits: str) -> None:
    """Pull request `number`, which brought the commits to main."""
    forge.pull(number, HEAD)
    for one in commits:
        forge.commit_pulls.setdefault(one, []).append(number)


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    file = report(tmp_path, HEAD, prod=environment("held", "wave 1 failed", sales_writer=LIVE, sales_asker=BROKEN))
    text = file.read_text("utf-8")
    assert report_from(text, "x").as_json() == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x is no report of `roster up`"),
        ("[]", "x is no report of `roster up`"),
        ('{"version": 2}', "of version 2, and this Roster reads 1"),
        ('{"version": 1, "commit": "", "started": "", "ended": "", "environments": {"a": []}}', "x is no report"),
    ],
)
def test_a_file_that_is_no_report_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="is no report") as raised:
        report_from(text, "x")
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("deployed", "success"),
        ("unchanged", "success"),
        ("held", "failure"),
        ("failed", "failure"),
        ("frozen", "pending"),
        ("waiting", "pending"),
        ("a state of tomorrow", "error"),
    ],
)
def test_an_environment_without_agents_has_its_own_state(state: EnvironmentState, expected: str) -> None:
    one = status_of("prod", EnvironmentReport(state, "because"), {})
    assert (one.context, one.state, one.description) == ("roster/prod", expected, "because")


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("deployed", "removed", "stopped"), "success"),
        (("deployed", "deploying"), "pending"),
        (("deployed", "pending", "held"), "failure"),
        (("deployed", "failed"), "failure"),
    ],
)
def test_a_commits_status_is_that_of_its_worst_agent(states: tuple[AgentState, ...], expected: str) -> None:
    agents = {f"sales/{state}": agent(state) for state in states}
    assert status_of("prod", EnvironmentReport("held"), agents).state == expected


def test_a_status_says_how_many_and_the_first_reason() -> None:
    one = status_of("prod", environment("held"), {"sales/writer": LIVE, "sales/asker": BROKEN})
    assert one.description == "1 failed, 1 deployed: sales/asker: the image cannot be pulled"


def test_a_status_is_never_longer_than_github_takes() -> None:
    assert len(status("prod", "pending", "x\n" * 200).description) == MOST_CHARACTERS


def test_the_comment_shows_state_address_call_time_and_reason() -> None:
    agents = {"sales/writer": LIVE, "sales/asker": BROKEN}
    text = as_markdown("prod", environment("held", "wave 1 failed"), agents, HEAD, RUN)
    assert text.startswith("### prod: 1 failed, 1 deployed\n")
    assert "**held**: wave 1 failed" in text
    assert "| sales/writer | deployed | 3 min 5 s | https://offers.example.com/v1?a=b&c |" in text
    assert "| sales/asker | failed |  | the image cannot be pulled Build it again. |" in text
    assert text.index("| sales/asker") < text.index("| sales/writer"), "what failed comes first"
    assert "curl --fail 'https://offers.example.com/v1?a=b&c'  # sales/writer" in text
    assert "Back-off pulling image" in text
    assert text.count("```") == 4, "what a pod wrote does not end the block that it stands in"
    assert f"[the run]({RUN})" in text


def test_a_file_of_an_agent_touches_that_agent(fleet: Path) -> None:
    one = commit(fleet, agents__sales__writer_prompt_md="More.\n")
    assert touched_agents(fleet, [one]) == {"sales/writer"}
    two = commit(fleet, agents__sales__asker_yaml="# a comment\n", notes_txt="x")
    assert touched_agents(fleet, [one, two]) == {"sales/writer", "sales/asker"}
    assert touched_agents(fleet, [commit(fleet, notes_txt="y")]) == frozenset()


def test_an_agent_that_goes_was_touched(fleet: Path) -> None:
    (fleet / "agents/chat/herald.yaml").unlink()
    assert touched_agents(fleet, [commit(fleet)]) == {"chat/herald"}


def test_the_catalog_and_a_first_commit_touch_all(fleet: Path) -> None:
    assert touched_agents(fleet, [git(fleet, "rev-parse", "HEAD")]) is None
    assert touched_agents(fleet, [commit(fleet, agents__catalog__pools_yaml="# x\n")]) is None


def test_a_merge_commit_touches_what_its_branch_changed(fleet: Path) -> None:
    git(fleet, "checkout", "--quiet", "-b", "side")
    commit(fleet, agents__sales__asker_yaml="# a comment\n")
    git(fleet, "checkout", "--quiet", "main")
    commit(fleet, agents__sales__writer_prompt_md="More.\n")
    git(fleet, "merge", "--quiet", "--no-ff", "--message", "merge", "side")
    assert touched_agents(fleet, [git(fleet, "rev-parse", "HEAD")]) == {"sales/asker"}


def test_each_author_is_told_about_their_own_agents(fleet: Path, forge: Forge) -> None:
    base = git(fleet, "rev-parse", "HEAD")
    one = commit(fleet, agents__sales__writer_prompt_md="More.\n")
    two = commit(fleet, agents__sales__asker_yaml="# a comment\n")
    merged(forge, 7, one)
    merged(forge, 8, two)
    file = report(fleet, two, prod=environment("held", "wave 1 failed", sales_writer=LIVE, sales_asker=BROKEN))
    run_status(file, "", "", "", [base])
    (seven,), (eight,) = forge.bodies(7), forge.bodies(8)
    assert "sales/writer" in seven
    assert "sales/asker" not in seven
    assert "sales/asker" in eight
    assert "sales/writer" not in eight
    assert "@\u200bexample/everyone" in eight, "what a pod wrote mentions nobody"
    assert [(sha, one["state"]) for sha, one in forge.statuses] == [(two, "failure"), (one, "success")]
    assert {one["context"] for _, one in forge.statuses} == {"roster/prod"}
    assert {one["target_url"] for _, one in forge.statuses} == {RUN}


def test_an_author_is_told_about_every_cluster_that_the_agent_runs_in() -> None:
    agents = {"sales/asker": agent("deployed"), "sales/asker (us, prod.us.sales.0)": agent("failed", "It crashed.")}
    environment = EnvironmentReport(agents={**agents, "sales/asker-two": agent("deployed")})
    assert of_these(environment, frozenset({"sales/asker"})) == agents


def test_a_retry_edits_the_comment_of_its_environment(fleet: Path, forge: Forge) -> None:
    one = commit(fleet, agents__sales__writer_prompt_md="More.\n")
    merged(forge, 7, one)
    run_status(report(fleet, one, dev=environment("deployed", sales_writer=LIVE)), "", "", "", [one])
    run_status(report(fleet, one, prod=environment("failed", sales_writer=BROKEN)), "", "", "", [one])
    run_status(report(fleet, one, prod=environment("deployed", sales_writer=LIVE)), "", "", "", [one])
    dev, prod = forge.bodies(7)
    assert "### dev: 1 deployed" in dev
    assert "### prod: 1 deployed" in prod


def test_a_pull_request_whose_agents_do_not_change_gets_no_comment(fleet: Path, forge: Forge) -> None:
    one, two = commit(fleet, notes_txt="x"), commit(fleet, agents__sales__asker_yaml="# a comment\n")
    merged(forge, 7, one)
    merged(forge, 8, two)
    run_status(report(fleet, two, prod=environment("held", "x", sales_writer=BROKEN)), "", "", "", [one + "~1"])
    assert forge.comments == {}
    assert [sha for sha, _ in forge.statuses] == [two]


def test_without_what_was_applied_before_only_the_newest_author_is_told(fleet: Path, forge: Forge) -> None:
    one = commit(fleet, agents__sales__asker_yaml="# a comment\n")
    two = commit(fleet, agents__sales__asker_yaml="# another\n")
    merged(forge, 7, one)
    merged(forge, 8, two)
    run_status(report(fleet, two, prod=environment("deployed", sales_asker=LIVE)), "", "", "", [])
    assert {one["issue"] for one in forge.comments.values()} == {8}


def test_a_freeze_is_told_to_whoever_waits_for_it(fleet: Path, forge: Forge) -> None:
    one = commit(fleet, agents__sales__asker_yaml="# a comment\n")
    merged(forge, 7, one)
    waiting = agent("pending", "prod is frozen")
    file = report(fleet, one, prod=environment("frozen", "The shop's busiest days.", sales_asker=waiting))
    run_status(file, "", "", "", [])
    (body,) = forge.bodies(7)
    assert "**frozen**: The shop's busiest days." in body


def test_a_status_can_be_set_before_there_is_a_report(fleet: Path, forge: Forge) -> None:
    run_status(None, "prod", "pending", "waits for dev", [])
    ((sha, one),) = forge.statuses
    assert (sha, one["state"], one["description"]) == (git(fleet, "rev-parse", "HEAD"), "pending", "waits for dev")


def code(raised: pytest.ExceptionInfo[typer.Exit]) -> int:
    return raised.value.exit_code


def test_a_success_is_not_set_by_hand(fleet: Path, forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as raised:
        run_status(None, "prod", "success", "", [])
    assert code(raised) == 2
    assert "--state pending or error" in capsys.readouterr().err


def test_the_comment_command_writes_the_file_and_prints_the_address(
    fleet: Path, forge: Forge, capsys: pytest.CaptureFixture[str]
) -> None:
    (fleet / "plan.md").write_text("# Plan\n" + "x" * 70_000, "utf-8")
    run_comment(7, fleet / "plan.md", "plan", "")
    (body,) = forge.bodies(7)
    assert f"[the run]({RUN})" in body
    assert "#issuecomment-" in capsys.readouterr().out


def test_a_refusal_is_one_line_and_its_own_exit_code(
    fleet: Path, forge: Forge, capsys: pytest.CaptureFixture[str]
) -> None:
    (fleet / "plan.md").write_text("# Plan\n", "utf-8")
    forge.refusals.append(Refusal(401))
    with pytest.raises(typer.Exit) as raised:
        run_comment(7, fleet / "plan.md", "plan", "")
    said = capsys.readouterr().err
    assert code(raised) == 1
    assert said.count("\n") == 1
    assert said.startswith("roster: GitHub does not take the token")


def test_a_body_that_is_missing_is_named(fleet: Path, forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as raised:
        run_comment(7, fleet / "none.md", "plan", "")
    assert code(raised) == 2
    assert "none.md cannot be read: No such file" in capsys.readouterr().err
    assert forge.asked == []


def test_the_issue_command_opens_and_closes(fleet: Path, forge: Forge, capsys: pytest.CaptureFixture[str]) -> None:
    (fleet / "drift.md").write_text("Two fields differ.\n", "utf-8")
    run_issue("Drift", "open", fleet / "drift.md", "drift")
    run_issue("", "closed", None, "drift")
    run_issue("", "closed", None, "drift")
    (issue,) = forge.issues.values()
    assert issue["state"] == "closed"
    assert capsys.readouterr().out.splitlines()[1:] == [f"closed: #{issue['number']}", "no issue drift is open"]
    for given in (("Drift", "ajar", fleet / "drift.md"), ("", "open", fleet / "drift.md"), ("Drift", "open", None)):
        with pytest.raises(typer.Exit) as raised:
            run_issue(*given, "drift")
        assert code(raised) == 2


def test_the_reviewed_command_writes_one_merged_file(fleet: Path, forge: Forge) -> None:
    one = commit(fleet, agents__sales__asker_yaml="# a comment\n")
    merged(forge, 7, one)
    key, digest = "prod/main/apps/Deployment/sales/asker", "sha256:" + "0" * 64
    record = Reviewed((PlanOf(one, "t" * 40, True, "b" * 40, ("prod",)),), {key: frozenset({digest})})
    forge.run(one, "merge_group", {"reviewed.json": record.as_json()})
    run_reviewed(fleet / "out/reviewed", [f"{one}~1"], "HEAD")
    assert read_reviewed(fleet / "out/reviewed/reviewed.json") == record


def test_the_reviewed_command_writes_an_empty_record_and_says_what_is_missing(
    fleet: Path, forge: Forge, capsys: pytest.CaptureFixture[str]
) -> None:
    one = commit(fleet, agents__sales__asker_yaml="# a comment\n")
    merged(forge, 7, one)
    run_reviewed(fleet / "out/reviewed", [f"{one}~1"], "HEAD")
    assert read_reviewed(fleet / "out/reviewed/reviewed.json") == Reviewed()
    assert f"pull request 7 ({one[:10]}) has no record of its plan" in capsys.readouterr().err


@pytest.fixture
def deletes(fleet: Path, forge: Forge) -> str:
    """A commit of main which pull request 7 of ann brought; ben may write."""
    one = commit(fleet, agents__sales__asker_yaml="# a comment\n")
    merged(forge, 7, one)
    forge.pull_commits[7] = [{"author": {"login": "ann"}, "committer": {"login": "web-flow"}}]
    forge.permissions["ben"] = "write"
    return one


def test_the_permission_of_a_merged_pull_request_is_found_by_its_commit(
    fleet: Path, forge: Forge, deletes: str
) -> None:
    forge.review(7, "ben", HEAD, LINE)
    run_permission(fleet / "out/permission.json", [f"{deletes}~1"], "HEAD")
    written = json.loads((fleet / "out/permission.json").read_text("utf-8"))
    assert written == {"kind": "deletions", "pull": 7, "head": HEAD, "by": "ben", "at": "2026-06-01T09:00:00Z"}


def test_the_permission_in_the_merge_queue_is_that_of_the_waiting_pull_request(
    fleet: Path, forge: Forge, deletes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge.pull(9, HEAD, merged_at=None)
    forge.pull_commits[9] = forge.pull_commits[7]
    forge.review(9, "ben", HEAD, LINE)
    monkeypatch.setenv("GITHUB_REF", f"refs/heads/gh-readonly-queue/main/pr-9-{deletes}")
    run_permission(fleet / "out/permission.json", [], "HEAD")
    assert json.loads((fleet / "out/permission.json").read_text("utf-8"))["pull"] == 9


def test_without_a_permission_the_exit_code_is_3_and_an_earlier_file_is_gone(
    fleet: Path, forge: Forge, deletes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forge.review(7, "ben", HEAD, LINE)
    run_permission(fleet / "permission.json", [f"{deletes}~1"], "HEAD")
    forge.reviews[7][0]["state"] = "DISMISSED"
    capsys.readouterr()
    with pytest.raises(typer.Exit) as raised:
        run_permission(fleet / "permission.json", [f"{deletes}~1"], "HEAD")
    assert code(raised) == 3
    assert not (fleet / "permission.json").exists()
    assert "no reviewer of pull request 7 wrote the line" in capsys.readouterr().err
