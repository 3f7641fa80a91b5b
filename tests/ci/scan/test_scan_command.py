"""`roster scan` from a changed file to an annotation on its line, with the real Checkov."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from scanned_pieces import FILES, program, waiver
from typer.testing import CliRunner

from ci.cli import app

WRITER = "agents/business/writer.yaml"


def path_without() -> str:
    """PATH without the folders of kube-score and kubeconform."""
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(
        one for one in folders if not any((Path(one) / name).exists() for name in ("kube-score", "kubeconform"))
    )


def test_a_changed_agents_finding_is_an_annotation_on_its_line_and_sarif_and_the_rest_is_waived(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = FILES["business/writer.yaml"].replace("Answers questions", "Writes letters")
    (repository / WRITER).write_text(text, "utf-8")
    (repository / "agents/catalog/waivers").mkdir()
    (repository / "agents/catalog/waivers/pull.yaml").write_text(waiver("checkov/CKV_K8S_15", "business/*"), "utf-8")
    monkeypatch.setenv("PATH", path_without())
    done = CliRunner().invoke(
        app, ["scan", "--base", "main", "--format", "github", "--sarif", str(tmp_path / "s"), "--today", "2026-11-21"]
    )
    assert done.exit_code == 1
    line = text.splitlines().index("runtime: fastapi") + 1
    (annotation,) = done.stdout.splitlines()
    assert annotation.startswith(
        f"::error file={WRITER},line={line},col=10,title=checkov/CKV_K8S_43::Deployment writer"
    )
    (result,) = json.loads((tmp_path / "s").read_text("utf-8"))["runs"][0]["results"]
    assert result["ruleId"] == "checkov/CKV_K8S_43"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == WRITER
    said, *missing = done.stderr.splitlines()
    assert " (1 agent) by Checkov 3." in said
    assert said.endswith(" 3 waived, 1 to mend")
    assert missing == [
        f"{name} is not on PATH and was not asked; `bash ci/go_tools.sh {name}` builds it"
        for name in ("kube-score", "kubeconform")
    ]


def test_what_is_waived_whole_is_clean_for_all_three(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = [str(Path(program(name)).parent) for name in ("kube-score", "kubeconform")]
    monkeypatch.setenv("PATH", os.pathsep.join([*folders, path_without()]))
    (repository / WRITER).write_text(FILES["business/writer.yaml"].replace("questions", "letters"), "utf-8")
    (repository / "agents/catalog/waivers").mkdir()
    for number, rule in enumerate(
        (
            "checkov/CKV_K8S_15",
            "checkov/CKV_K8S_43",
            "kube-score/container-image-pull-policy",
            "kube-score/deployment-has-host-podantiaffinity",
            "kube-score/deployment-replicas",
        )
    ):
        file = repository / f"agents/catalog/waivers/w{number}.yaml"
        file.write_text(waiver(rule, "runtime:fastapi"), "utf-8")
    done = CliRunner().invoke(app, ["scan", "--base", "main", "--today", "2026-11-21"])
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    assert "Checkov 3." in done.stdout
    assert "kube-score, kubeconform: " in done.stdout
    assert done.stdout.endswith(" nothing to mend\n")
