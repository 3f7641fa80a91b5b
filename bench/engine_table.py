"""Measures `roster preview` and `roster up` with a real engine against a real API server, and prints a table.

usage: python -m bench.engine_table [--sizes 100,1500] [--work FOLDER] [--running] [--write]

Wanted on PATH: pulumi with its Python host and the Kubernetes provider. ROSTER_ENGINE_KUBECONFIG names a kubeconfig
whose current context is a cluster for trials, as for tests/engine. Agents are suspended, so that no nodes are needed (6
objects an agent); with --running their pods must become ready there (8 objects). Each figure is of one run: read
differences above a fifth only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from bench.engine_report import Figure, as_markdown
from bench.measured import Run, measure
from bench.section import write_section
from bench.synthetic import ENVIRONMENT, write_fleet
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.stacks import all_stacks, stacks_of_agent

TOP = Path(__file__).parent.parent
_GIT = ("git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "init.defaultBranch=main")
_ROSTER = (sys.executable, "-c", "from ci.cli import main; main()")
# What the program does before it registers anything, as the engine starts it.
_PROGRAM = (
    "import sys; sys.path.insert(0, '.'); import pulumi; from pathlib import Path; from components.fleet import Fleet; "
    "from components.definition.tree import WorkTree; from components.stacks import parse_stack; "
    "from stacks.contents import contents; fleet = Fleet.open(WorkTree(Path('.'))); "
    "print(len(contents(fleet, parse_stack(sys.argv[1], fleet.catalog)).parts))"
)


def measured(work: Path, agents: int, running: bool) -> Iterator[Figure]:
    """All steps with a fleet of this size, in their order; each builds on the one before."""
    project = _project(work / f"fleet-{agents}", agents, running)
    yield Figure(agents, "first creation of the whole fleet", _run(project, "up", "-e", ENVIRONMENT))
    yield Figure(agents, "the whole fleet, nothing changed", _run(project, "up", "-e", ENVIRONMENT))
    definition = min((project / "agents").glob("pool-*/*.yaml"))
    definition.write_text(definition.read_text("utf-8").replace("Synthetic agent", "Changed agent"), "utf-8")
    _git(project, "commit", "--quiet", "--all", "--message", "one")
    yield Figure(agents, "one agent changed: preview", _run(project, "preview", "--changed-since", "HEAD~1"))
    fleet = Fleet.open(WorkTree(project))
    pool, name = definition.parent.name, definition.stem
    (shard,) = stacks_of_agent(fleet.catalog, ENVIRONMENT, pool, name)
    run = measure([sys.executable, "-c", _PROGRAM, shard.name], project, work / "program.out")
    yield Figure(agents, "… of which the program, before it registers anything", run)
    yield Figure(agents, "one agent changed: up", _run(project, "up", "-e", ENVIRONMENT))
    _clean(project, fleet)


def _project(top: Path, agents: int, running: bool) -> Path:
    top.mkdir()
    write_fleet(top, agents)
    # Copied, not linked: the program takes the repository that its own file lies in.
    for folder in ("components", "policies", "stacks"):
        shutil.copytree(TOP / folder, top / folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    shutil.copy(TOP / "Pulumi.yaml", top)
    (top / ".venv").symlink_to(TOP / ".venv")
    (top / "state").mkdir()
    catalog = top / "agents/catalog/environments.yaml"
    entries = yaml.safe_load(catalog.read_text("utf-8"))
    entries[ENVIRONMENT] |= {"suspended": not running, "namespace_suffix": f"-bench{agents}"}
    catalog.write_text(yaml.safe_dump(entries, sort_keys=False), "utf-8")
    pools = top / "agents/catalog/pools.yaml"
    shards = max(1, agents // max(3, -(-agents // 500)) // 100)
    pools.write_text(pools.read_text("utf-8").replace("shards: {prod: 5}", f"shards: {{prod: {shards}}}"), "utf-8")
    _kubeconfig(top, next(iter(entries[ENVIRONMENT]["clusters"].values()))["context"])
    (top / ".gitignore").write_text("state/\nout/\nkubeconfig\n.venv\n", "utf-8")
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "all"]):
        _git(top, *arguments)
    return top


def _kubeconfig(top: Path, context: str) -> None:
    given = yaml.safe_load(Path(os.environ["ROSTER_ENGINE_KUBECONFIG"]).read_text("utf-8"))
    current = next(one["context"] for one in given["contexts"] if one["name"] == given["current-context"])
    text = yaml.safe_dump(given | {"contexts": [{"name": context, "context": current}], "current-context": context})
    (top / "kubeconfig").write_text(text, "utf-8")


def _run(project: Path, *arguments: str) -> Run:
    os.environ |= {
        "KUBECONFIG": str(project / "kubeconfig"),
        "PULUMI_BACKEND_URL": f"file://{project / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PYTHONPATH": str(TOP),
    }
    run = measure([*_ROSTER, *arguments], project, project.parent / "roster.out")
    print(f"{project.name}: roster {' '.join(arguments)}: {run.wall:.1f} s", file=sys.stderr, flush=True)
    return run


def _clean(project: Path, fleet: Fleet) -> None:
    """Takes away what the fleet left in the cluster."""
    namespaces = [f"{pool}-bench{project.name.partition('-')[2]}" for pool in fleet.catalog.pools]
    kubectl = ["kubectl", "--kubeconfig", str(project / "kubeconfig"), "delete", "--ignore-not-found", "--wait=false"]
    subprocess.run([*kubectl, "namespace", *namespaces], check=False, capture_output=True)
    platform = next(one.name for one in all_stacks(fleet.catalog) if one.kind == "platform")
    subprocess.run(["pulumi", "destroy", "--yes", "--skip-preview", "--stack", platform], cwd=project, check=False)


def _git(top: Path, *arguments: str) -> None:
    subprocess.run([*_GIT, *arguments], cwd=top, check=True, capture_output=True)


def main(arguments: Sequence[str]) -> None:
    """Measures, prints, and with --write replaces the section of bench/README.md."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--sizes", default="100,1500")
    ask.add_argument("--work", type=Path)
    ask.add_argument("--running", action="store_true")
    ask.add_argument("--write", action="store_true")
    chosen = ask.parse_args(arguments)
    with TemporaryDirectory(prefix="roster-bench-", dir=chosen.work) as folder:
        figures = [
            figure
            for size in map(int, chosen.sizes.split(","))
            for figure in measured(Path(folder), size, chosen.running)
        ]
    text = as_markdown(figures, chosen.running)
    print(text)
    if chosen.write:
        write_section("engine", text)


if __name__ == "__main__":
    main(sys.argv[1:])
