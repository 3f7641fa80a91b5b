"""kubeconform, strict: each object by a schema, custom ones too, and nothing passed over for want of one."""

from __future__ import annotations

import json
from pathlib import Path

from ci.scan.piece import Hit, ScannerFailure
from ci.scan.programs import report_of
from ci.scan.staging import Staged
from policies.schemas import SchemaChecker

NAME = "kubeconform"
_VALID, _INVALID = "statusValid", "statusInvalid"
_FILE = "{{.Group}}_{{.ResourceAPIVersion}}_{{.ResourceKind}}.json"


def kubeconform(staged: Staged, program: str) -> list[Hit]:
    """Holds all objects against schemas on this machine: nothing is fetched. Raises ScannerFailure."""
    schemas = staged.folder / "schemas"
    _write(staged, schemas)
    given = {file: piece for group in staged.objects for file, piece in group.files.items()}
    if not given:
        return []
    command = [program, "-strict", "-output", "json", "-verbose", "-schema-location", f"{schemas}/{_FILE}"]
    report = report_of(NAME, [*command, *(str(group.folder) for group in staged.objects)], codes=(0, 1))
    resources = report.get("resources") or []
    read = {Path(one["filename"]) for one in resources if one["status"] in (_VALID, _INVALID)}
    if read != given.keys():
        left = [one["msg"] for one in resources if one["status"] not in (_VALID, _INVALID)]
        why = f": {left[0]}" if left else ""
        raise ScannerFailure(f"{NAME} judged {len(read & given.keys())} of {len(given)} objects{why}")
    found = ((one, given[Path(one["filename"])]) for one in resources if one["status"] == _INVALID)
    return [Hit(NAME, "invalid", _problem(one), piece) for one, piece in found if not piece.context]


def _problem(resource: dict[str, object]) -> str:
    # First the schema's file, which is gone by then, then the errors; of outer fields just that inner ones failed.
    _, *errors = str(resource["msg"]).split(" - at ")
    said = [one.strip() for one in errors if not one.strip().endswith(": validation failed")]
    return "; ".join(said) or str(resource["msg"])


def _write(staged: Staged, folder: Path) -> None:
    """The schema of each kind, whole in one file; a kind without one is for kubeconform to complain of."""
    folder.mkdir()
    checker = SchemaChecker()
    manifests = [piece.manifest for group in staged.objects for piece in group.pieces if piece.manifest]
    for version, kind in {(one["apiVersion"], one["kind"]) for one in manifests} & set(checker.kinds()):
        # kubeconform takes the version for the group where there is none.
        group, _, name = version.rpartition("/")
        file = folder / f"{group or name}_{name}_{kind.lower()}.json"
        file.write_text(json.dumps(checker.document(version, kind)), "utf-8")
