"""Measures Roster beside helm, kustomize and kubeconform, all in one run, and prints the table of bench/README.md.

usage: python -m bench.render_table [--sizes 150,1500,10000] [--runs 5] [--work FOLDER] [--write]

Needs Go the first time, to build the three tools (ci/go-tools.txt). Runs are interleaved (A B A B …), so that what else
the machine does falls on both; figures are medians. Each render goes to a new folder, as on a fresh checkout.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measured import Run, measure, median
from bench.report import Results, as_markdown
from bench.section import write_section
from bench.synthetic import ENVIRONMENT

TOP = Path(__file__).parent.parent
ROSTER = Path(sys.executable).with_name("roster")
# Kustomize's time grows with the square of the objects: it takes part in the smallest fleet, and in one twice as large.
KUSTOMIZE_AT = 150
COMPARED_OBJECT_BY_OBJECT = 1500
SCHEMAS_AT = 1500
_GIT = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "init.defaultBranch=main")
# Runs of what takes long.
FEW = 3
LARGE = 5000

Command = list[str | Path]


@dataclass(slots=True)
class Case:
    """A command that is measured: `command(number)` makes it for the run of that number."""

    name: str
    command: Callable[[int], Command]
    folder: Path


class Bench:
    """Fleets, charts and outputs below `work`."""

    def __init__(self, work: Path, runs: int) -> None:
        self.work = work
        self.runs = runs
        self.tools = {name: Path(_say(["bash", TOP / "ci/go_tools.sh", name])) for name in Results.TOOLS}

    def fleet(self, agents: int) -> Path:
        """The folder of a fleet of this size, written when it is first asked for."""
        folder = self.work / f"fleet-{agents}"
        if not folder.exists():
            _python("bench.synthetic", folder, agents)
            _say([ROSTER, "render", "-e", ENVIRONMENT, "-o", self.rendered(agents)], folder)
        return folder

    def rendered(self, agents: int) -> Path:
        """Where `fleet` renders to."""
        return self.work / f"rendered-{agents}"

    def objects(self, agents: int) -> int:
        """How many objects a fleet is rendered to."""
        self.fleet(agents)
        return _kinds(self.rendered(agents).rglob("*.yaml"))

    def together(self, *cases: Case, runs: int = 0) -> dict[str, Run]:
        """The median of each case, their runs interleaved."""
        found: dict[str, list[Run]] = {case.name: [] for case in cases}
        for number in range(runs or self.runs):
            for case in cases:
                output = self.work / f"{case.name.replace(' ', '-')}.out"
                found[case.name].append(measure(case.command(number), case.folder, output))
                _progress(f"{case.name} {number + 1}: {found[case.name][-1].wall:.2f} s")
        return {name: median(runs) for name, runs in found.items()}

    def render(self, agents: int) -> Case:
        """`roster render`, each time into a new folder."""
        fleet = self.fleet(agents)

        def command(number: int) -> Command:
            return [ROSTER, "render", "-e", ENVIRONMENT, "-o", self.work / f"run-{agents}-{number}"]

        return Case("roster", command, fleet)

    def helm(self, agents: int) -> Case:
        """`helm template` of the same objects, which is proven first."""
        chart = self.work / f"chart-{agents}"
        self.fleet(agents)
        _python("bench.helm_chart", self.rendered(agents), chart)
        case = Case("helm", lambda _: [self.tools["helm"], "template", "fleet", chart], self.work)
        self.together(case, runs=1)
        output = self.work / "helm.out"
        if agents <= COMPARED_OBJECT_BY_OBJECT:
            _progress(_python("bench.helm_chart", self.rendered(agents), "--same", output))
        if (count := _kinds([output])) != self.objects(agents):
            raise SystemExit(f"helm made {count} objects, roster {self.objects(agents)}")
        return case

    def kustomize(self, agents: int) -> Case:
        """`kustomize build` of the rendered files."""
        self.fleet(agents)
        folder = self.rendered(agents)
        files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.yaml"))
        kustomization = self.work / f"kustomize-{agents}"
        kustomization.mkdir()
        resources = "".join(f"- ../{folder.name}/{name}\n" for name in files)
        (kustomization / "kustomization.yaml").write_text(f"resources:\n{resources}", "utf-8")
        none = "LoadRestrictionsNone"
        return Case(
            f"kustomize {agents}",
            lambda _: [self.tools["kustomize"], "build", "--load-restrictor", none, kustomization],
            self.work,
        )

    def steps(self, agents: int) -> dict[str, float]:
        """Seconds a step of `roster render`, in one process; the run whose sum is the median's."""
        self.fleet(agents)
        runs = [
            json.loads(_python("bench.steps", self.fleet(agents), self.work / f"steps-{agents}-{number}"))
            for number in range(FEW)
        ]
        chosen: dict[str, float] = sorted(runs, key=lambda one: sum(one.values()))[FEW // 2]
        return chosen

    def schemas(self, agents: int) -> tuple[dict[str, Run], float]:
        """kubeconform, `roster check` with and without schemas; and the seconds of our checker alone."""
        fleet, folder = self.fleet(agents), self.work / "schemas"
        alone = []
        found: dict[str, list[Run]] = {}
        location = f"{folder}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
        conform: Command = [self.tools["kubeconform"], "-strict", "-schema-location", location, self.rendered(agents)]
        for _ in range(FEW):
            alone.append(json.loads(_python("bench.schema_rate", self.rendered(agents), folder))["seconds"])
            for name, run in self.together(
                Case("kubeconform", lambda _: conform, self.work),
                Case("check", lambda _: [ROSTER, "check"], fleet),
                Case("check without schemas", lambda _: [ROSTER, "check", "--no-schemas"], fleet),
                runs=1,
            ).items():
                found.setdefault(name, []).append(run)
        return {name: median(runs) for name, runs in found.items()}, sorted(alone)[FEW // 2]

    def one_change(self, agents: int) -> dict[str, Run]:
        """In a Git repository whose last commit changes one agent: `roster plan`, and a render over the last one."""
        fleet = self.fleet(agents)
        git: Command = [*_GIT, "-C", fleet]
        for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "fleet"]):
            _say([*git, *words])
        again = self.work / f"again-{agents}"
        render: Command = [ROSTER, "render", "-e", ENVIRONMENT, "-o", again]
        _say(render, fleet)
        changed = sorted((fleet / "agents").glob("pool-*/*.yaml"))[0]
        changed.write_text(changed.read_text("utf-8").replace("one short paragraph", "two short sentences"), "utf-8")
        _say([*git, "commit", "-qam", "one agent"])
        plan: Command = [ROSTER, "plan", "--base", "HEAD~1", "-o", self.work / f"plan-{agents}"]
        return self.together(
            Case("plan", lambda _: plan, fleet), Case("again", lambda _: render, fleet), runs=_runs(agents)
        )


def run(work: Path, sizes: list[int], runs: int) -> Results:
    """Everything that the table says."""
    bench = Bench(work, runs)
    results = Results(runs=runs, sizes=sizes, tools=bench.tools)
    for agents in sizes:
        results.objects[agents] = bench.objects(agents)
        results.render[agents] = bench.together(bench.render(agents), bench.helm(agents), runs=_runs(agents))
        results.steps[agents] = bench.steps(agents)
    small, double = KUSTOMIZE_AT, 2 * KUSTOMIZE_AT
    results.objects |= {agents: bench.objects(agents) for agents in (small, double)}
    results.kustomize = bench.together(bench.render(small), bench.kustomize(small), bench.kustomize(double), runs=FEW)
    results.schemas, results.checker = bench.schemas(SCHEMAS_AT)
    results.schemas_at = SCHEMAS_AT
    results.objects[SCHEMAS_AT] = bench.objects(SCHEMAS_AT)
    results.help = bench.together(Case("help", lambda _: [ROSTER, "--help"], work))["help"]
    results.one_change = {agents: bench.one_change(agents) for agents in sizes}
    return results


def _runs(agents: int) -> int:
    return FEW if agents > LARGE else 0


def _python(module: str, *arguments: object) -> str:
    """Runs a module of bench/ in a process of its own: what a measuring process holds would count for its children."""
    return _say([sys.executable, "-m", module, *map(str, arguments)], TOP)


def _say(command: list[str | Path], folder: Path | None = None) -> str:
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def _kinds(files: Iterable[Path]) -> int:
    """How many objects YAML files hold."""
    count = 0
    for path in files:
        with path.open("rb") as lines:
            count += sum(line.startswith(b"kind:") for line in lines)
    return count


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="150,1500,10000", help="numbers of agents, with commas")
    parser.add_argument("--runs", type=int, default=5, help="runs of each command")
    parser.add_argument("--work", type=Path, help="existing folder to work in; a temporary one with none")
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="roster-bench-", dir=given.work) as folder:
        results = run(Path(folder), [int(size) for size in given.sizes.split(",")], given.runs)
        print(as_markdown(results), flush=True)
        if given.write:
            write_section("measured", as_markdown(results))


if __name__ == "__main__":
    main()
