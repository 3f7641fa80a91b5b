"""`roster list`, `roster explain`, help and completion: what they show, and how quickly they begin."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from command_fleet import ASKER, WRITER, roster, roster_process, write_fleet

from ci.cli import completion

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_fleet(tmp_path_factory.mktemp("fleet"))


def agents(top: Path, *arguments: str) -> list[str]:
    """The names in the table."""
    done = roster(top, "list", *arguments)
    assert done.returncode == 0, done.stderr
    return [line.split()[1] for line in done.stdout.splitlines()[1:-1]]


def test_the_table_shows_each_agent_once_and_the_total(top: Path) -> None:
    lines = roster(top, "list").stdout.splitlines()
    assert lines[0].split("  ")[0].strip() == "pool"
    assert [line.split() for line in lines[1:4]] == [
        ["chat", "herald", "prod", "blue", "character", "lab-one", "telegram", "1", "7.00"],
        ["sales", "asker", "prod", "blue", "service", "lab-two", "-", "2–5", "14.00–35.00"],
        ["sales", "writer", "prod", "red", "service", "lab-one", "-", "3–8", "21.00–56.00"],
    ]
    assert lines[4].startswith("3 agents, 6–14 pods, 42.00–98.00 EUR a month (each in the last of its environments")


def test_columns_are_aligned(top: Path) -> None:
    lines = roster(top, "list").stdout.splitlines()[:-1]
    assert len({line.index(word) for line, word in zip(lines[1:], ("blue", "blue", "red"), strict=True)}) == 1
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["model.name=lab-one"], ["herald", "writer"]),
        (["model=lab-one", "owner=red"], ["writer"]),
        (["provider=lab", "runtime!=service"], ["herald"]),
        (["plugin=search"], ["herald"]),
        (["plugins!=search"], ["asker", "writer"]),
        (["channel=telegram"], ["herald"]),
        (["host=crm.example.com"], ["writer"]),
        (["host~LAB.example"], ["herald", "asker", "writer"]),
        (["secret=prod/shared/memory#url"], ["asker"]),
        (["secret=TELEGRAM_BOT_TOKEN"], ["herald"]),
        (["secret~shared/lab"], ["herald", "asker", "writer"]),
        (["database=memory"], ["asker"]),
        (["tier=small", "pool=sales"], ["asker", "writer"]),
        (["environment=dev"], ["asker", "writer"]),
        (["cost>=50"], ["writer"]),
        (["cost < 10"], ["herald"]),
        (["pods>7"], ["writer"]),
        (["suspended=true"], []),
        (["image~/character:"], ["herald"]),
        (["description~telegram"], ["herald"]),
    ],
)
def test_where_answers_who_uses_what(top: Path, filters: list[str], found: list[str]) -> None:
    assert agents(top, *(word for one in filters for word in ("--where", one))) == found


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("modle=x", "no field 'modle' to filter by. Did you mean 'model'?"),
        ("model", "is no filter"),
        ("cost~3", "cost is a number"),
        ("cost>=many", "cost is a number"),
        ("model>3", "model is text"),
    ],
)
def test_a_filter_that_says_nothing_is_refused(top: Path, where: str, said: str) -> None:
    done = roster(top, "list", "--where", where)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_misspelt_value_is_answered_with_the_nearest(top: Path) -> None:
    done = roster(top, "list", "--where", "plugin=serch")
    assert "no plugin is 'serch'. Did you mean 'search'?" in done.stderr


def test_json_has_every_environment_and_every_fact(top: Path) -> None:
    found = json.loads(roster(top, "list", "--where", "name=writer", "--json").stdout)
    assert [(one["environment"], one["pods_max"]) for one in found] == [("dev", 5), ("prod", 8)]
    assert found[1]["secrets"] == ["LAB_API_KEY=prod/shared/lab#key"]


def test_agents_with_errors_are_named_and_not_dropped(tmp_path: Path) -> None:
    write_fleet(tmp_path, {"agents/sales/asker.yaml": ASKER.replace("owner: blue", "owner: bleu")})
    done = roster(tmp_path, "list")
    assert done.returncode == 1
    assert "not shown, for `roster check` finds errors in them: agents/sales/asker.yaml" in done.stderr
    assert "writer" in done.stdout


def values(top: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    done = roster(top, "explain", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return {one["field"]: one for one in json.loads(done.stdout)["values"]}


def test_explain_names_the_line_that_says_each_value(top: Path) -> None:
    """Each place is looked up in the file: the line must hold what is said about it."""
    for name in ("writer", "asker", "herald"):
        for field, one in values(top, name).items():
            if not one["file"]:
                assert field == "enforced"
                continue
            root = Path(__file__).parents[2] if one["file"].startswith("components/") else top
            line = (root / one["file"]).read_text().splitlines()[one["line"] - 1]
            last = field.split(".")[-1]
            word = str(one["value"]).lower() if isinstance(one["value"], (bool, int)) else last
            derived = one["source"].startswith(("settings", "pool")) or " " in field or field == "reference"
            named = last in line or word in line.lower() or str(one["value"]) in line
            assert named or derived or "#" in str(one["value"]), (field, one, line)


@pytest.mark.parametrize(
    ("field", "value", "place", "source"),
    [
        ("scaling.min", 3, "agents/sales/writer.yaml:12", "the agent"),
        ("scaling.max", 8, "agents/sales/writer.yaml:16", "the agent in prod"),
        ("scaling.cpu", 70, "components/definition/defaults.py", "Roster's default"),
        ("resources.limits.memory", "1Gi", "agents/catalog/tiers.yaml:5", "tier small"),
        ("port", 8080, "agents/catalog/runtimes.yaml:5", "runtime service"),
        ("metrics.path", "/metrics", "agents/catalog/runtimes.yaml:7", "runtime service"),
        ("TONE", "kind", "agents/sales/writer.yaml:10", "the agent"),
        ("LAB_MODEL", "lab-one", "agents/catalog/providers.yaml:5", "provider lab"),
        ("LAB_API_KEY", "prod/shared/lab#key", "agents/catalog/providers.yaml:4", "provider lab"),
        ("reaches crm.example.com", "HTTPS", "agents/sales/writer.yaml:9", "the agent"),
        ("reaches api.lab.example.com", "HTTPS", "agents/catalog/providers.yaml:3", "provider lab"),
        ("namespace", "sales", "agents/catalog/pools.yaml:1", "pool sales"),
        ("a month", "21.00–56.00 EUR", "agents/catalog/settings.yaml:6", "3–8 pods at the catalog's prices"),
    ],
)
def test_explain_traces_a_value(top: Path, field: str, value: Any, place: str, source: str) -> None:
    one = values(top, "writer")[field]
    assert (one["value"], one["source"]) == (value, source)
    assert f"{one['file']}:{one['line']}".startswith(place)


def test_explain_traces_what_comes_with_channels_plugins_and_pools(top: Path) -> None:
    found = values(top, "chat/herald")
    assert found["TELEGRAM_BOT_TOKEN"]["value"] == "prod/chat/herald/telegram#bot-token"
    assert found["TELEGRAM_BOT_TOKEN"]["file"] == "agents/chat/herald.yaml"
    assert found["SEARCH_KEY"]["file"] == "agents/catalog/plugins.yaml"
    assert found["GREETING"]["source"] == "pool chat"
    assert found["reaches api.telegram.org"]["source"] == "channel telegram"


def test_explain_says_plainly_what_the_network_enforces(top: Path) -> None:
    assert "cannot hold host names" in values(top, "writer")["enforced"]["value"]


def test_explain_of_a_suspended_agent_says_by_whom_and_that_nothing_gets_out(tmp_path: Path) -> None:
    write_fleet(tmp_path, {"agents/sales/asker.yaml": ASKER + "suspended: true\n"})
    assert "nothing gets in or out" in values(tmp_path, "asker")["enforced"]["value"]
    assert "suspended by the agent: no pods, no traffic" in roster(tmp_path, "explain", "asker").stdout


def test_explain_takes_the_last_environment_and_says_so(top: Path) -> None:
    done = roster(top, "explain", "writer")
    assert done.stdout.startswith("sales/writer in prod (also in dev: -e ENV)\n")
    assert values(top, "writer", "-e", "dev")["namespace"]["value"] == "sales-dev"
    assert "dev-dev" not in done.stdout


def test_explain_refuses_an_environment_that_the_agent_does_not_run_in(top: Path) -> None:
    done = roster(top, "explain", "herald", "-e", "dev")
    assert done.returncode == 2
    assert "does not run in dev; it runs in prod" in done.stderr


def test_explain_of_a_broken_agent_says_what_is_wrong(tmp_path: Path) -> None:
    write_fleet(tmp_path, {"agents/sales/writer.yaml": WRITER.replace("lab-one", "lab-on")})
    done = roster(tmp_path, "explain", "writer")
    assert done.returncode == 1
    assert "Did you mean 'lab-one'?" in done.stdout


def test_a_terminal_gets_a_drawn_table(top: Path) -> None:
    code = "import sys; sys.stdout.isatty = lambda: True; from ci.cli import main; main()"
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "120", "TERM": "xterm"}
    for arguments in (["list"], ["explain", "writer"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=top, env=variables, capture_output=True, text=True, check=True
        )
        assert "writer" in done.stdout
        assert "─" in done.stdout or arguments[0] == "explain"
        plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
        assert max(len(line) for line in plain.splitlines()) <= 120


def test_help_loads_nothing_heavy() -> None:
    heavy = ("pydantic", "yaml", "rich", "jinja2", "jsonschema_rs")
    code = f"import sys; from ci.cli import app; print([one for one in {heavy} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


def test_it_says_which_version_it_is(top: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert roster(top, "--version").stdout == f"roster {project['version']}\n"


def test_every_command_explains_itself(top: Path) -> None:
    names = ("explain", "list", "new", "set", "unset", "scale", "suspend", "resume", "restart", "rollback", "remove")
    for name in (*names, "migrate", "schema"):
        done = roster(top, name, "--help")
        assert done.returncode == 0
        assert len(done.stdout.splitlines()) > 5


def test_the_shell_completes_agents_and_environments(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(top / "agents")
    assert completion.agents("") == ["asker", "herald", "writer"]
    assert completion.agents("sales/w") == ["sales/writer"]
    assert completion.environments("p") == ["prod"]
    assert completion.runtimes("") == ["service", "character", "ready"]
    words = {"COMP_WORDS": "roster explain wr", "COMP_CWORD": "2", "_ROSTER_COMPLETE": "complete_bash"}
    code = "import sys; sys.argv[0] = 'roster'; from ci.cli import app; app(prog_name='roster')"
    variables = {**os.environ, **words, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=top, env=variables, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["writer"]


def test_completion_outside_of_a_repository_offers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert completion.agents("") == []
    assert completion.environments("") == []


def test_a_real_process_ends_with_the_same_codes(top: Path) -> None:
    assert roster_process(top, "explain", "writer").returncode == 0
    assert roster_process(top, "explain", "writr").returncode == 2
