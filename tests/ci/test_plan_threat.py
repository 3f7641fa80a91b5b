"""What the plan says of security: only what changes, of the agents that change, and in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_fleet import ASKER, CATALOG, WRITER, git, roster, write_fleet

from ci.commands.plan import as_json
from ci.plan.make import Plan, make_plan
from ci.plan.markdown import MOST_CHARACTERS, as_markdown
from ci.plan.side import SpooledSide, spool

TODAY = "2026-06-01"
HEADING = "## What agents can reach, hold and spend"
# Roster's own runtime: it knows callers, limits and budgets.
SERVICE = CATALOG["runtimes"].replace("  metrics_path: /metrics\n", "  metrics_path: /metrics\n  service: true\n", 1)
PAID = WRITER.replace("scaling:\n", "budget: {cost_per_day: 25}\nsecrets: {REDIS_URL: sales/redis#url}\nscaling:\n", 1)


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """The small fleet with Roster's own service, committed on main."""
    write_fleet(tmp_path, {"agents/catalog/runtimes.yaml": SERVICE, "agents/sales/writer.yaml": PAID})
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path)
    return tmp_path


def commit(folder: Path) -> None:
    """Commits all files."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")


def edit(folder: Path, path: str, old: str, new: str) -> None:
    """Replaces `old`, which must be there, in a file."""
    file = folder / path
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def plan(folder: Path) -> Plan:
    """The plan against the last commit."""
    return make_plan(folder, "HEAD", TODAY)


def security(made: Plan) -> list[str]:
    """The lines of the report's section; none when it is missing."""
    text = as_markdown(made)
    if HEADING not in text:
        return []
    return [line for line in text.split(HEADING)[1].split("\n##")[0].splitlines() if line]


NETWORK = "network: {egress: {kind: cilium}}\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("- crm.example.com", "- mail.example.com", "can now reach `mail.example.com` (declared)"),
        ("- crm.example.com", "- mail.example.com", "no longer reaches `crm.example.com`"),
        ("cost_per_day: 25}", "cost_per_day: 250}", "could spend 25 → 250 EUR a day"),
        (
            "scaling:\n",
            "service: {auth: {required: false}}\nscaling:\n",
            "its API asks callers for: what nobody has: it holds no keys and knows no issuer → nothing",
        ),
        ("[gateway, sales/asker]", "[gateway, sales/asker, chat/herald]", "is reached from the agent chat/herald"),
        ("[gateway, sales/asker]", "[gateway]", "is no longer reached from the agent sales/asker"),
        ("exposure: {", "exposure: {host: a.example.com, ", "is reached from outside at `https://a.example.com/`"),
        ("scaling:\n", "storage: {databases: [memory]}\nscaling:\n", "uses the database memory"),
        ("scaling:\n", "service: {safety: {injection: 'off'}}\nscaling:\n", "safety check of injection: log → off"),
        (
            "REDIS_URL: sales/redis#url",
            "REDIS_URL: sales/redis#url, CRM: sales/crm#key",
            "holds a new secret: `CRM` from `prod/sales/crm#key` (its own)",
        ),
    ],
)
def test_a_change_of_what_an_agent_could_do_is_told_in_words(fleet: Path, old: str, new: str, words: str) -> None:
    if "sales/asker" in new + old and "herald" not in new and "[gateway]" in new:
        edit(fleet, "agents/sales/asker.yaml", "calls: [sales/writer]\n", "")
        commit(fleet)
    edit(fleet, "agents/sales/writer.yaml", old, new)
    found = security(plan(fleet))
    assert any(line.startswith(f"- {words}: sales/writer") for line in found), found


def test_a_budget_that_holds_in_one_environment_alone_says_where(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.yaml", "scaling: {max: 8}", "scaling: {max: 8}\n    budget: {cost_per_day: 90}")
    edit(fleet, "agents/sales/writer.yaml", "env: {TONE: kind}", "env: {TONE: firm}")
    assert "- could spend 25 → 90 EUR a day: sales/writer in prod" in security(plan(fleet))


def test_what_weakens_nothing_is_not_told(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.prompt.md", "You write offers.", "You write short offers!!")
    made = plan(fleet)
    assert [change.key for change in made.changes] == ["sales/writer"] * 2
    text = as_markdown(made)
    assert "could spend" not in text, "a budget bounds it, not the prompt's length"
    assert HEADING not in text


def test_without_a_budget_too_an_edited_prompt_is_no_news_of_spending(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.yaml", "budget: {cost_per_day: 25}\n", "")
    commit(fleet)
    edit(fleet, "agents/sales/writer.prompt.md", "You write offers.", "You write short offers!!")
    assert security(plan(fleet)) == []


def test_only_changed_agents_are_spoken_of(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.yaml", "- crm.example.com", "- mail.example.com")
    made = plan(fleet)
    assert made.compared == 1
    assert all("asker" not in line and "herald" not in line for line in security(made))


def test_an_agent_that_takes_up_a_secret_changes_nobody_else_who_holds_it(fleet: Path) -> None:
    text = ASKER.replace("calls: [sales/writer]\n", "secrets: {REDIS_URL: sales/redis#url}\n")
    (fleet / "agents/sales/second.yaml").write_text(text, "utf-8")
    assert {change.key for change in plan(fleet).changes} == {"sales/second"}


def test_a_new_agent_says_what_it_could_do(fleet: Path) -> None:
    (fleet / "agents/sales/second.yaml").write_text(
        ASKER.replace(
            "calls: [sales/writer]\n", "exposure: {host: b.example.com}\nservice: {auth: {required: false}}\n"
        ),
        "utf-8",
    )
    (line,) = [one for one in as_markdown(plan(fleet)).splitlines() if one.startswith("- sales/second reaches")]
    for words in (
        "api.lab.example.com",
        "LAB_API_KEY",
        "is reached from outside at `https://b.example.com/`",
        "its API is open",
        "could spend",
        "hears strangers at",
        "uses the database memory",
    ):
        assert words in line or "more in plan.json" in line, words
    assert "its API is open" in line
    assert "could spend" in line


WAIVER = 'rule: image-pinned\nscope: [sales/ready]\nreason: Its makers publish none.\nowner: red\nexpires: "{}"\n'
READY = "version: 1\ndescription: Runs.\nowner: red\nruntime: ready\nimage: docker.io/example/ready:1\n"


def test_a_waiver_that_is_prolonged_is_told_though_no_object_differs(fleet: Path) -> None:
    (fleet / "agents/catalog/waivers").mkdir()
    file = fleet / "agents/catalog/waivers/ready.yaml"
    file.write_text(WAIVER.format("2026-07-01"), "utf-8")
    (fleet / "agents/sales/ready.yaml").write_text(READY, "utf-8")
    commit(fleet)
    file.write_text(WAIVER.format("2026-12-01"), "utf-8")
    made = plan(fleet)
    assert security(made) == ["- rule image-pinned is waived until 2026-07-01 → 2026-12-01: sales/ready"]
    text = as_markdown(made)
    assert "**1 agent changed; no pod restarts.**" in text
    assert "- rule image-pinned is waived until 2026-07-01 → 2026-12-01\n" in text.split("## Changed")[1], "its reason"


def test_a_catalog_that_lets_the_cluster_hold_names_is_told_once_for_all(fleet: Path) -> None:
    edit(fleet, "agents/catalog/environments.yaml", "prod:\n", f"prod:\n  {NETWORK}")
    found = [line for line in security(plan(fleet)) if "what the cluster lets it reach outside" in line]
    assert len(found) == 1
    assert "every public address over HTTPS → its hosts alone, by Cilium" in found[0]
    assert "chat/herald, sales/asker, sales/writer" in found[0]


def test_the_json_says_the_same_change_by_change(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.yaml", "cost_per_day: 25}", "cost_per_day: 250}")
    changes = json.loads(as_json(plan(fleet)))["changes"]
    assert [one["security"] for one in changes] == [["could spend 25 → 250 EUR a day"]] * 2


def test_suspending_and_resuming_hide_no_host(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.yaml", "version: 1\n", "version: 1\nsuspended: true\n")
    assert security(plan(fleet)) == [], "a kill switch adds nothing to be afraid of"
    commit(fleet)
    edit(fleet, "agents/sales/writer.yaml", "suspended: true\n", "")
    edit(fleet, "agents/sales/writer.yaml", "- crm.example.com", "- crm.example.com\n  - evil.example.com")
    assert security(plan(fleet)) == ["- can now reach `evil.example.com` (declared): sales/writer"]


def test_what_another_version_of_roster_wrote_down_is_read_back(fleet: Path, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool(fleet, folder, TODAY, ["prod"], None)
    side = SpooledSide(folder, ["prod"])
    rendered, _ = side.agent("agents/sales/writer.yaml")
    assert rendered["prod"].threat
    file = folder / "prod/sales/writer.json"
    raw = json.loads(file.read_text("utf-8"))
    del raw["threat"]
    file.write_text(json.dumps(raw), "utf-8")
    older, _ = side.agent("agents/sales/writer.yaml")
    assert older["prod"].threat is None, "nothing said is not the same as nothing possible"


def test_the_comment_holds_its_length_when_hundreds_of_agents_gain_hosts(fleet: Path) -> None:
    for number in range(150):
        (fleet / f"agents/sales/a{number:03}.yaml").write_text(ASKER.replace("calls: [sales/writer]\n", ""), "utf-8")
    commit(fleet)
    for number in range(150):
        hosts = ", ".join(f"h{number}-{one}-{'x' * 40}.example.com" for one in range(10))
        edit(fleet, f"agents/sales/a{number:03}.yaml", "version: 1\n", f"version: 1\nhosts: [{hosts}]\n")
    made = plan(fleet)
    text = as_markdown(made)
    assert len(text) <= MOST_CHARACTERS
    assert HEADING in text, "what a reviewer must not miss is not what is left out"
    assert "… and 1,460 more" in text
    assert sum(len(change.security) for change in made.changes if change.environment == "prod") == 1500


def test_the_command_shows_it(fleet: Path) -> None:
    edit(fleet, "agents/sales/writer.yaml", "- crm.example.com", "- mail.example.com")
    done = roster(fleet, "plan", "--base", "HEAD", "--today", TODAY)
    assert done.returncode == 0
    assert "- can now reach `mail.example.com` (declared): sales/writer\n" in done.stdout


def test_the_page_tells_the_kill_switch_and_people_which_the_plan_tells_elsewhere(fleet: Path) -> None:
    def since() -> str:
        return roster(fleet, "threat", "writer", "-e", "prod", "--base", "HEAD").stdout.split("- **Reaches**")[0]

    assert "Nothing here differs from `HEAD`." in since()
    edit(fleet, "agents/sales/writer.yaml", "version: 1\n", "version: 1\nsuspended: true\n")
    edit(fleet, "agents/catalog/teams.yaml", "red: {", "red: {groups: [red-engineers], ")
    text = since()
    assert "- is suspended: no pods, no traffic\n" in text
    assert "- people with a kubeconfig: red looks at its objects and logs\n" in text
    commit(fleet)
    edit(fleet, "agents/sales/writer.yaml", "suspended: true\n", "")
    assert "- is no longer suspended\n" in since()
