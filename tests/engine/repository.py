"""A git repository of agents with the environments `dev` and `prod`, driven by the commands that a user has."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from engine import IDLE, Project, copy_sources, environments, new_suffix, variables
from small_fleet import MINIMAL, write

from bench.recorded_images import record_images

CONTEXT = "trial"
ROSTER = ("-c", "from ci.cli import main; main()")
_SECONDS = 300
POOL = {
    "description": "The pool of all agents.",
    "owner": "growth",
    "quota": {"cpu": "200", "memory": "400Gi", "pods": 1500, "storage": "200Gi"},
}
# Of an agent whose pods run.
LIVE = MINIMAL + "scaling: {min: 1, max: 1}\n"


@dataclass(frozen=True)
class Ended:
    """A command that ended: `text` is all that it said."""

    code: int
    text: str


@dataclass(frozen=True)
class Repository(Project):
    """`namespace` is that of the pool `business` in dev; `suffix` what the environments' namespaces end with."""

    suffix: str

    def git(self, *arguments: str) -> str:
        """Runs git in the repository."""
        settings = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        done = subprocess.run(["git", *settings, *arguments], cwd=self.top, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def commit(self, message: str = "a change") -> str:
        """Commits all that differs; returns the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def roster(self, *arguments: str, **more: str) -> Ended:
        """Runs a command of Roster to its end, with `more` environment variables; never a traceback."""
        done = subprocess.run(
            self.roster_command(*arguments),
            **self.where() | {"env": self.environment | more, "stderr": subprocess.STDOUT},
            stdin=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
            text=True,
        )
        assert "Traceback" not in done.stdout, done.stdout
        return Ended(done.returncode, done.stdout)

    def begin(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Starts a command of Roster; what it says is on its standard output."""
        where = self.where() | {"env": self.environment | more, "stderr": subprocess.STDOUT}
        return subprocess.Popen(self.roster_command(*arguments), **where, stdin=subprocess.DEVNULL, text=True)

    def roster_command(self, *arguments: str) -> list[str]:
        """The command line of Roster, as this repository has it."""
        return [sys.executable, *ROSTER, *arguments]

    def apply(self, *arguments: str) -> dict[str, Any]:
        """`roster up`, which must go well; returns its report."""
        done = self.roster("up", *arguments)
        assert done.code == 0, done.text
        return self.report()

    def report(self) -> dict[str, Any]:
        """What the last `roster up` wrote: environment → its report."""
        said: dict[str, Any] = json.loads((self.top / "out/up/report.json").read_text("utf-8"))
        found: dict[str, Any] = said["environments"]
        return found

    def foreseen(self) -> dict[str, Any]:
        """What the last `roster preview` wrote: stack → its result."""
        found: dict[str, Any] = json.loads((self.top / "out/preview/report.json").read_text("utf-8"))
        return found

    def look(self, stack: str) -> list[str] | None:
        """The agents that the last preview of the stack had the engine look at; none when it looked at everything."""
        told = (self.top / "out/preview/instructions").glob(f"{stack}.*.json")
        last = max(told, key=lambda path: path.stat().st_mtime_ns)
        found: list[str] | None = json.loads(last.read_text("utf-8")).get("look")
        return found

    def state_of(self, environment: str, agent: str) -> str:
        """The agent's state in the last report; empty when the report does not name it."""
        known = self.report().get(environment, {"agents": {}})["agents"].get(f"business/{agent}", {})
        return str(known.get("state", ""))

    def catalog(self, file: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Changes a file of the catalog."""
        path = self.top / f"agents/catalog/{file}.yaml"
        content = yaml.safe_load(path.read_text("utf-8"))
        change(content)
        self.write_catalog(file, content)

    def write_catalog(self, file: str, content: dict[str, Any]) -> None:
        """Writes a whole file of the catalog."""
        # JSON is YAML in which every text has its quotes.
        (self.top / f"agents/catalog/{file}.yaml").write_text(json.dumps(content, indent=1) + "\n", "utf-8")

    def in_prod(self) -> Project:
        """The same project, looking at the pool's namespace in prod."""
        return Project(self.top, self.environment, f"business{self.suffix}-prod")

    def versions(self, *kinds: str) -> dict[str, tuple[str, str]]:
        """Live objects in dev's namespace, `kind/name` → their UID and resourceVersion."""
        found = {}
        for kind in kinds or ("deployment", "configmap", "service", "serviceaccount", "networkpolicy"):
            for name, one in self.objects(kind).items():
                found[f"{kind}/{name}"] = (one["metadata"]["uid"], one["metadata"]["resourceVersion"])
        return found

    def agents(self) -> set[str]:
        """The agents that have a Deployment in dev."""
        return set(self.objects("deployment"))

    def prompt(self, agent: str) -> str:
        """What the agent is told in dev."""
        return str(self.objects("configmap")[agent]["data"])

    def remove(self) -> None:
        """Deletes all that was applied: what is outside of the namespaces, and these without waiting."""
        for environment in ("dev", "prod"):
            self.pulumi("destroy", "--stack", f"{environment}.platform", "--yes", "--skip-preview", check=False)
        said = self.kubectl("get", "namespaces", "--output", "name").stdout.split()
        mine = [one.removeprefix("namespace/") for one in said if self.suffix in one]
        if mine:
            self.kubectl("delete", "namespace", *mine, "--wait=false", "--ignore-not-found")


def new_repository(top: Path, agents: dict[str, str], shards: int = 1, **rollout: Any) -> Repository:
    """A repository with those agents of the pool `business`, committed and not yet applied. `shards`: those in dev."""
    copy_sources(top)
    suffix = new_suffix()
    write(top, {f"business/{name}.yaml": text for name, text in agents.items()})
    made = Repository(top, variables(top, CONTEXT), f"business{suffix}-dev", suffix)
    dev = environments()["dev"] | {"clusters": {"one": {"context": CONTEXT}}}
    how = {"gate": {"looks": 1, "seconds_between": 0}, "waves": [50]} | rollout
    both = {name: dev | {"namespace_suffix": f"{suffix}-{name}", "rollout": how} for name in ("dev", "prod")}
    made.write_catalog("environments", both)
    made.write_catalog("pools", {"business": POOL | {"shards": {"dev": shards}}})
    with (top / ".gitignore").open("a", encoding="utf-8") as ignored:
        ignored.write("state/\nkubeconfig\n.venv\n")
    record_images(top)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit("the fleet")
    return made


def saying(words: str, base: str = IDLE) -> str:
    """A definition whose prompt says that."""
    return base.replace("You answer questions.", words)


def until(what: Callable[[], bool], seconds: float = 120) -> None:
    """Waits for it; fails the test when it takes longer."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)
