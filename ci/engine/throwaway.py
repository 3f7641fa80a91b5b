"""An empty backend for the preview of a stack that is not there yet: a preview makes nothing in the real one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def empty_backend(top: Path, stack: str, variables: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Variables by which Pulumi uses an empty backend; gone afterwards, with the settings file that Pulumi writes."""
    settings = top / "stacks" / f"Pulumi.{stack}.yaml"
    was_there = settings.exists()
    with TemporaryDirectory(prefix="roster-preview-") as folder:
        given = {"PULUMI_BACKEND_URL": f"file://{folder}"}
        if not {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"} & variables.keys():
            given["PULUMI_CONFIG_PASSPHRASE"] = ""
        try:
            yield given
        finally:
            if not was_there:
                settings.unlink(missing_ok=True)
