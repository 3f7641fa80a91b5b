"""The benchmark compares like with like: a sound fleet, and a Helm chart that makes the very same objects."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
ROSTER = Path(sys.executable).with_name("roster")


def _run(*command: object, folder: Path = TOP) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "fleet"
    done = _run(sys.executable, "-m", "bench.synthetic", folder, 30)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def rendered(fleet: Path) -> Path:
    done = _run(ROSTER, "render", "-e", "prod", "-o", fleet / "out", folder=fleet)
    assert done.returncode == 0, done.stdout + done.stderr
    return fleet / "out"


def test_the_synthetic_fleet_has_neither_errors_nor_warnings(fleet: Path) -> None:
    done = _run(ROSTER, "check", folder=fleet)
    assert done.stdout.startswith("30 agents in prod: ")
    assert done.stdout.endswith("nothing wrong\n")
    assert done.returncode == 0


def test_a_synthetic_agent_has_about_eight_objects(rendered: Path) -> None:
    files = [path.read_text() for path in rendered.glob("*/agent-*.yaml")]
    objects = sum(len(re.findall("^kind:", text, re.MULTILINE)) for text in files)
    assert len(files) == 30
    assert 7.5 <= objects / len(files) <= 8.5


def test_helm_makes_the_same_objects_from_the_chart(rendered: Path, tmp_path: Path) -> None:
    built = _run("bash", TOP / "ci/go_tools.sh", "--built", "helm")
    if built.returncode:
        pytest.skip(built.stderr.strip())
    chart, output = tmp_path / "chart", tmp_path / "helm.yaml"
    assert _run(sys.executable, "-m", "bench.helm_chart", rendered, chart).returncode == 0
    output.write_text(_run(built.stdout.strip(), "template", "fleet", chart).stdout)
    same = _run(sys.executable, "-m", "bench.helm_chart", rendered, "--same", output)
    assert same.stdout.rstrip().endswith(" from Helm, 0 differ")
    assert same.returncode == 0
    output.write_text(output.read_text().replace("maxUnavailable: 1", "maxUnavailable: 2", 1))
    different = _run(sys.executable, "-m", "bench.helm_chart", rendered, "--same", output)
    assert ", 1 differ" in different.stdout
    assert different.returncode == 1


def test_the_steps_of_a_render_are_all_measured(fleet: Path, tmp_path: Path) -> None:
    done = _run(sys.executable, "-m", "bench.steps", fleet, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    steps = re.findall(r'"([^"]+)": ([0-9.]+)', done.stdout)
    assert {"read", "parse", "validate", "resolve", "objects", "policies", "emit YAML", "write files"} <= {
        name for name, _ in steps
    }
    assert all(float(seconds) > 0 for _, seconds in steps)
