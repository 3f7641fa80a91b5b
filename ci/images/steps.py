"""What one step on an image's way leaves for the next: small files in `out/images/NAME/`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from ci.atomic_files import write_file

FOLDER = "out/images"
LAYOUT = "layout"
_DIGESTS = ("digest", "signature", "sbom")
_DIGEST = re.compile("sha256:[0-9a-f]{64}")


class StepError(Exception):
    """A step that must come first did not, or was about something else; the message says which."""


@dataclass(frozen=True, slots=True)
class BuiltStep:
    """An image that was built, or a ready one that was copied. `pushed`: whether the registry has it."""

    FILE: ClassVar = "built.json"
    WAY: ClassVar = "roster images build"

    name: str
    repository: str
    context_hash: str
    digest: str
    base: str
    size_bytes: int
    pushed: bool

    @property
    def reference(self) -> str:
        """By digest."""
        return f"{self.repository}@{self.digest}"


@dataclass(frozen=True, slots=True)
class ScannedStep:
    """What the gate said; counts of the platform that fares worst.

    `excepted`: what passed by an exception, as `components.definition.image_record.ExceptedFinding` has it.
    """

    FILE: ClassVar = "scan.json"
    WAY: ClassVar = "roster images scan"

    name: str
    digest: str
    passed: bool
    scanner: str
    database: str
    critical: int
    high: int
    medium: int
    low: int
    excepted: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SignedStep:
    """Signed and attested: digests of the signature and of the attested bill of materials in the registry."""

    FILE: ClassVar = "signed.json"
    WAY: ClassVar = "roster images sign"

    name: str
    digest: str
    signature: str
    sbom: str


Step = TypeVar("Step", BuiltStep, ScannedStep, SignedStep)


def folder_of(top: Path, name: str) -> Path:
    """The image's folder, made where it is not there yet."""
    folder = top / FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_step(top: Path, step: BuiltStep | ScannedStep | SignedStep) -> None:
    """Writes the step's file."""
    text = json.dumps(asdict(step), indent=1) + "\n"
    write_file(folder_of(top, step.name) / step.FILE, text.encode())


def read_step(top: Path, name: str, kind: type[Step]) -> Step:
    """Reads the step's file. Raises StepError."""
    file = top / FOLDER / name / kind.FILE
    try:
        content: Any = json.loads(file.read_text("utf-8"))
        types = {one.name: str(one.type).partition("[")[0] for one in fields(kind)}
        if not isinstance(content, dict) or content.keys() != types.keys() or content["name"] != name:
            raise ValueError("it is of another form")
        wrong = [key for key, value in content.items() if type(value).__name__ != types[key]]
        wrong += [key for key in _DIGESTS if key in content and not _DIGEST.fullmatch(str(content[key]))]
        if wrong:
            raise ValueError(f"{wrong[0]} is {content[wrong[0]]!r}")
        return kind(**content)
    except FileNotFoundError:
        raise StepError(f"{name}: there is no {kind.FILE}; `{kind.WAY} {name}` comes first") from None
    except (OSError, ValueError) as error:
        raise StepError(f"{file} cannot be read: {error}; `{kind.WAY} {name}` writes it anew") from None


def built_here(top: Path, names: Iterable[str]) -> list[str]:
    """Those of the images that were built in this work tree."""
    return [name for name in names if (top / FOLDER / name / BuiltStep.FILE).exists()]


def same_digest(built: BuiltStep, other: ScannedStep | SignedStep) -> None:
    """Raises StepError when another step was about an older build."""
    if built.digest != other.digest:
        raise StepError(
            f"{built.name}: what was built is {built.digest}, and {other.FILE} is about {other.digest}; "
            f"`{other.WAY} {built.name}` again"
        )
