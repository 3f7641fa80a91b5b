"""Names by which Pulumi knows objects stay, or are kept as aliases."""

from __future__ import annotations

from pathlib import Path

import yaml
from projects import REPOSITORY, Run, own_project, run_program, shard_with

NAMES = Path(__file__).parent / "logical_names.txt"


def _identities(run: Run) -> dict[str, str]:
    """What Pulumi knows each object by (its component's type, its type, its name) → which object it is."""
    found = {}
    for one in run.objects:
        meta = one["object"]["metadata"]
        which = f"{one['object']['kind']} {meta.get('namespace', '')}/{meta['name']}"
        for known in [None, *one.get("aliases", [])]:
            spec = (known or {}).get("spec", {})
            parent = one["parent"].split("::")[2].split("$")[-1]
            found[f"{parent} {spec.get('type') or one['type']} {spec.get('name') or one['name']}"] = which
    return found


def test_names_once_given_stay_known(own: Path, update_golden: bool) -> None:
    """A name that no resource has, nor has as an alias, would have Pulumi create its object anew and then delete it."""
    stacks = ("dev.platform", "prod.eu.business", "prod.eu.business.0", "prod.eu.business.1", "prod.eu.community.0")
    done, runs = run_program(own, *stacks)
    assert done.returncode == 0, done.stderr
    known = {key: which for run in runs.values() for key, which in _identities(run).items()}
    lines = sorted(f"{key} = {which}" for key, which in known.items())
    if update_golden:
        kept = NAMES.read_text("utf-8").splitlines() if NAMES.exists() else []
        NAMES.write_text("\n".join(sorted({*kept, *lines})) + "\n", "utf-8")
    assert set(NAMES.read_text("utf-8").splitlines()) <= set(lines)


def test_a_renamed_word_keeps_deployments_by_an_alias(tmp_path: Path) -> None:
    top = own_project(tmp_path)
    stack = shard_with(top, "plain")
    _, before = run_program(top, stack)
    order = top / "components/resources/order.py"
    text = order.read_text("utf-8")
    text = text.replace("\nWORDS: dict[str, str] = {}", '\nWORDS: dict[str, str] = {"Deployment": "workload"}')
    old = "FORMER_WORDS: dict[str, tuple[str, ...]] = {}"
    assert old in text
    order.write_text(text.replace(old, old.replace("{}", '{"Deployment": ("deployment",)}')), "utf-8")
    done, after = run_program(top, stack)
    assert done.returncode == 0, done.stderr
    assert "plain/workload" in {one["name"] for one in after[stack].of("Deployment")}
    assert _identities(before[stack]).items() <= _identities(after[stack]).items()


def test_the_projects_file_names_the_program_and_never_another_project() -> None:
    """The project's name is a part of every name by which Pulumi knows an object."""
    project = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text("utf-8"))
    assert project["name"] == "roster"
    assert (REPOSITORY / project["main"] / "__main__.py").is_file()
    assert not list((REPOSITORY / project["stackConfigDir"]).glob("Pulumi.*.yaml"))
