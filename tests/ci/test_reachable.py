"""Which stacks of a plan can be previewed with the kubeconfig at hand."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from small_fleet import MINIMAL, fleet

from ci.reachable import contexts_of, kubeconfigs, unreachable

REPOSITORY = Path(__file__).parents[2]
KUBECONFIG = "apiVersion: v1\nkind: Config\ncontexts:\n- {name: nonprod, context: {cluster: c, user: u}}\n"


def test_each_stack_without_its_context_is_named_with_the_context() -> None:
    stacks = ["images", "dev.platform", "prod.eu.business.0", "prod.us.platform"]
    found = dict(unreachable(stacks, fleet({"business/one.yaml": MINIMAL}).catalog, {"nonprod", "prod-us"}))
    assert found == {
        "dev.platform": "",
        "prod.eu.business.0": "the kubeconfig has no context prod-eu",
        "prod.us.platform": "",
    }


def test_contexts_come_from_all_files_that_the_variable_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one").write_text(KUBECONFIG, "utf-8")
    (tmp_path / "two").write_text(KUBECONFIG.replace("nonprod", "prod-eu"), "utf-8")
    (tmp_path / "empty").touch()
    names = ["one", "absent", "empty", "two"]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(str(tmp_path / name) for name in names))
    assert contexts_of(kubeconfigs()) == {"nonprod", "prod-eu"}


def test_without_the_variable_the_users_own_kubeconfig_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfigs() == []
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").write_text(KUBECONFIG, "utf-8")
    assert contexts_of(kubeconfigs()) == {"nonprod"}


@pytest.mark.parametrize("text", ["- a\n", "contexts: [nonprod]\n", "contexts: [\n", "contexts:\n- {user: u}\n"])
def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=f"{path} is no kubeconfig"):
        contexts_of([path])


@pytest.mark.parametrize("installed", [False, True])
def test_without_pulumi_or_cluster_the_preview_says_in_one_line_why_that_is_fine(
    tmp_path: Path, installed: bool
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    if installed:
        (tools / "pulumi").symlink_to(str(shutil.which("true")))
    done = subprocess.run(
        ["bash", str(REPOSITORY / "ci/engine_preview.sh")],
        env={"PATH": str(tools), "HOME": str(tmp_path), "KUBECONFIG": f"{tmp_path / 'absent'}:{os.devnull}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    missing = "no cluster is configured (no kubeconfig)" if installed else "no pulumi on PATH"
    assert done.stdout.startswith(f"Skipped: {missing}. That is fine for a review")
    assert done.stdout.count("\n") == 1
