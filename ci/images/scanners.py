"""Runs Trivy or Grype on an image: a report, or why there is none."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ci.images.grype_report import read_grype
from ci.images.programs import crashed, run_program
from ci.images.reports import Report, ReportError, ScanFailure
from ci.images.trivy_report import read_trivy
from components.definition.pasted_secrets import without_secrets

ScannerName = Literal["trivy", "grype"]

TIMEOUT_SECONDS = 900
_ASK_SECONDS = 60
# Scanners take every setting from the environment too, those that leave findings out among them, and no token is for
# what reads an image that somebody else wrote: this is all that gets through.
_KEPT = re.compile(
    r"PATH|HOME|LANG|XDG_(CACHE_HOME|RUNTIME_DIR)|DOCKER_CONFIG|SSL_CERT_(FILE|DIR)|(?i:HTTPS?|NO)_(?i:PROXY)|"
    r"GRYPE_(DB_(CACHE_DIR|CA_CERT|UPDATE_URL|AUTO_UPDATE)|REGISTRY_\w+)|"
    r"SYFT_REGISTRY_\w+|TRIVY_(CACHE_DIR|(JAVA_)?DB_REPOSITORY|SKIP_(JAVA_)?DB_UPDATE|USERNAME|PASSWORD|REGISTRY_TOKEN|INSECURE)"
)
_GRYPE = {
    # The gate judges the age itself, so that both scanners are held to the same one.
    "GRYPE_DB_VALIDATE_AGE": "false",
    "GRYPE_CHECK_FOR_APP_UPDATE": "false",
    "GRYPE_ALERTS_ENABLE_EOL_DISTRO_WARNINGS": "true",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Where the scanner reads the image: a reference in a registry, an OCI layout's folder, or what docker saved."""

    kind: Literal["registry", "oci-dir", "docker-archive"]
    location: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.location}"

    def absolute(self) -> Source:
        """The same for a program that is started in another folder."""
        return self if self.kind == "registry" else Source(self.kind, str(Path(self.location).resolve()))


@dataclass(frozen=True, slots=True)
class Scanner:
    """Which scanner, and how: `platform` as os/arch picks one image of an index of several."""

    name: ScannerName = "trivy"
    platform: str = ""
    seconds: float = TIMEOUT_SECONDS


def scan(source: Source, scanner: Scanner, environ: Mapping[str, str] = os.environ) -> Report | ScanFailure:
    """Scans the image with the scanner that is on PATH; whatever goes wrong is a failure with its reason."""
    program = shutil.which(scanner.name, path=environ.get("PATH", ""))
    if program is None:
        message = f"{scanner.name} is not on PATH; without a scanner no image passes"
        return ScanFailure("scanner-missing", message)
    with tempfile.TemporaryDirectory(prefix="roster-scan-") as folder:
        # Scanners look for files of settings in the folder that they start in: an empty one, and an empty file by name.
        work = Path(folder)
        (work / "none.yaml").write_text("")
        variables = scan_environment(environ, scanner.name, work)
        run = _scan_with_grype if scanner.name == "grype" else _scan_with_trivy
        try:
            return run(program, source, scanner, work, variables)
        except ReportError as error:
            return error.failure


def scan_environment(environ: Mapping[str, str], program: str, work: Path) -> dict[str, str]:
    """The environment of a scan: no setting of a scanner but where its database and its credentials are."""
    kept = {name: value for name, value in environ.items() if _KEPT.fullmatch(name)}
    # What a scanner unpacks goes with the folder, however it ended.
    (work / "unpacked").mkdir()
    return {**kept, **(_GRYPE if program == "grype" else {}), "NO_COLOR": "1", "TMPDIR": str(work / "unpacked")}


def grype_command(program: str, source: Source, scanner: Scanner) -> list[str]:
    """Writes report.json and inventory.json into the folder that it is started in."""
    command = [program, str(source), "--config", "none.yaml", "--scope", "squashed"]
    command += ["--output", "json=report.json", "--output", "cyclonedx-json=inventory.json"]
    return command + (["--platform", scanner.platform] if scanner.platform else [])


def trivy_command(program: str, source: Source, scanner: Scanner) -> list[str]:
    """Writes report.json into the folder that it is started in; every package is listed, and every finding."""
    command = [program, "image", "--config", "none.yaml", "--no-progress", "--scanners", "vuln"]
    command += ["--pkg-types", "os,library", "--list-all-pkgs", "--show-suppressed", "--ignorefile", "none.yaml"]
    command += ["--module-dir", "modules"]
    command += ["--severity", "UNKNOWN,LOW,MEDIUM,HIGH,CRITICAL", "--exit-code", "0", "--exit-on-eol", "0"]
    command += ["--timeout", f"{int(scanner.seconds)}s", "--format", "json", "--output", "report.json"]
    command += ["--platform", scanner.platform] if scanner.platform else []
    return [*command, "--image-src", "remote", source.location] if source.kind == "registry" else [
        *command, "--input", source.location
    ]  # fmt: skip


def _scan_with_grype(program: str, source: Source, scanner: Scanner, work: Path, variables: dict[str, str]) -> Report:
    ended = run_program(grype_command(program, source.absolute(), scanner), work, variables, scanner.seconds)
    if ended.code != 0:
        missing = _missing_database([program, "db", "status", "--output", "json"], work, variables)
        if missing:
            raise ReportError("database-missing", f"grype has no usable vulnerability database: {missing}")
        raise crashed(scanner.name, str(source), ended)
    return read_grype(_read(work / "report.json"), _read(work / "inventory.json"))


def _scan_with_trivy(program: str, source: Source, scanner: Scanner, work: Path, variables: dict[str, str]) -> Report:
    ended = run_program(trivy_command(program, source.absolute(), scanner), work, variables, scanner.seconds)
    if ended.code != 0:
        raise crashed(scanner.name, str(source), ended)
    # The report does not tell of the database; after the scan it is the one that was used.
    about = work / "version.json"
    asked = run_program([program, "version", "--format", "json"], work, variables, scanner.seconds, about)
    if asked.code != 0:
        raise crashed(scanner.name, str(source), asked)
    return read_trivy(_read(work / "report.json"), _read(about))


def _read(file: Path) -> bytes:
    """What was written there; nothing when it was not."""
    return file.read_bytes() if file.exists() else b""


def _missing_database(command: Sequence[str], work: Path, variables: Mapping[str, str]) -> str:
    """Why Grype says that its database is of no use; empty when it is, or when it does not say."""
    with contextlib.suppress(subprocess.TimeoutExpired, OSError, ValueError, AttributeError):
        done = subprocess.run(command, cwd=work, env=variables, capture_output=True, timeout=_ASK_SECONDS, check=False)
        told = json.loads(done.stdout)
        return "" if told.get("valid", True) else without_secrets(str(told.get("error") or "it does not say why"))
    return ""
