"""Measures `roster scan` on a pull request that changes one agent, start-up of all programs included; prints the table.

usage: python -m bench.scan [--agents 1500] [--rounds 5] [--work FOLDER] [--write]

A synthetic fleet is committed, one agent's description is changed, which its objects carry, and the command runs
as CI runs it. kube-score and kubeconform run too where they are on PATH; the table says which did.
"""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measured import Run, measure, median
from bench.section import write_section

TOP = Path(__file__).parent.parent
_MOST_SECONDS = 15.0
_PROGRAMS = ("kube-score", "kubeconform")


def repository(folder: Path, agents: int) -> Path:
    """A fleet of that many agents, committed, with one of them changed."""
    fleet = folder / "fleet"
    measure([sys.executable, "-m", "bench.synthetic", str(fleet), str(agents)], TOP, folder / "made")
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "fleet"]):
        subprocess.run(["git", *identity, *words], cwd=fleet, check=True)
    one = sorted(path for path in (fleet / "agents").glob("*/*.yaml") if path.parent.name != "catalog")[agents // 2]
    text = one.read_text("utf-8")
    changed = text.replace("description: ", "description: Changed. ", 1)
    if changed == text:
        raise SystemExit(f"{one} has no description to change")
    one.write_text(changed, "utf-8")
    return fleet


def measured(fleet: Path, rounds: int, folder: Path) -> tuple[list[Run], str]:
    """The rounds, after one that fills caches, and what the command says of the last."""
    # What is found is no failure of the measurement: the synthetic fleet has no waivers.
    script = '"$0" -m ci.cli scan --base main; code=$?; [ $code = 0 ] || [ $code = 1 ]'
    os.environ["PYTHONPATH"] = str(TOP)
    runs = []
    for number in range(rounds + 1):
        runs.append(measure(["bash", "-c", script, sys.executable], fleet, folder / "said"))
        print(f"round {number}: {runs[-1].wall:.1f} s", file=sys.stderr, flush=True)
    text = (folder / "said").read_text("utf-8") + (folder / "said.stderr").read_text("utf-8")
    return runs[1:], next(line for line in text.splitlines() if "checks passed" in line)


def as_markdown(runs: list[Run], said: str, agents: int) -> str:
    """The table, with what was measured where."""
    middle = median(runs)
    busy = f"processes wanting a core over the last minutes: {os.getloadavg()[1]:.1f}"
    day, cores = datetime.datetime.now(datetime.UTC).date(), len(os.sched_getaffinity(0))
    asked = ", ".join(["Checkov", *(name for name in _PROGRAMS if shutil.which(name))])
    how = f"median of {len(runs)}; {busy}"
    met = "yes" if middle.wall <= _MOST_SECONDS else "no"
    return (
        f"Measured on {day}: {cores} cores; one of {agents:,} agents changed; {asked}; {how}.\n\n"
        "| | seconds | wanted | met |\n| --- | --- | --- | --- |\n"
        f"| clock, everything | {middle.wall:.1f} | ≤ {_MOST_SECONDS:.0f} | {met} |\n"
        f"| processors | {middle.user + middle.system:.1f} | | |\n\n"
        f"What it said: {said}\n"
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, help="existing folder to work in; a temporary one with none")
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="roster-scan-", dir=given.work) as folder:
        runs, said = measured(repository(Path(folder), given.agents), given.rounds, Path(folder))
    text = as_markdown(runs, said, given.agents)
    print(text, flush=True)
    if given.write:
        write_section("scan", text)


if __name__ == "__main__":
    main()
