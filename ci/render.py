"""Renders an environment to files: one folder a pool, one file an agent, one document an object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ci.inspection import Inspection, Inspector
from ci.output_folder import OutputFolder, Staging
from components.definition.places import agent_of
from components.fleet import Fleet
from components.manifest_yaml import dump_all
from components.resolve.resolved import ResolvedAgent
from components.specs import Manifest


class NotSound(Exception):  # noqa: N818
    """The fleet has errors, so nothing was written; the inspection says which."""

    def __init__(self, inspection: Inspection) -> None:
        super().__init__("the fleet has errors")
        self.inspection = inspection


def render(
    fleet: Fleet,
    environment: str,
    folder: Path,
    today: str,
    only: Sequence[str] | None = None,
    processes: int | None = None,
) -> Inspection:
    """Checks the fleet and writes the environment's manifests to `folder`, whole or not at all.

    `only` are paths of definitions: just their files are written anew, the rest of the folder stays.
    Raises NotSound, `ci.output_folder.OutputFolderError`, and `ci.parallel.WorkerDied`; the folder is then untouched.
    """
    rewritten = {_file_of(path) for path in only or ()}
    keep = (lambda name: name not in rewritten) if only is not None else None
    with OutputFolder(folder, keep=keep) as staging:

        def write(agent: ResolvedAgent, manifests: list[Manifest]) -> None:
            staging.write(f"{agent.pool}/{agent.name}.yaml", dump_all(manifests))

        inspector = Inspector(fleet, today, environments=[environment], visit=write)
        inspection = inspector.inspect(only, processes)
        if not inspection.sound:
            raise NotSound(inspection)
        if only is None:
            _write_shared(staging, inspector.shared_manifests())
    return inspection


def _write_shared(staging: Staging, files: dict[str, list[Manifest]]) -> None:
    for name, manifests in files.items():
        staging.write(name.split("/", 1)[1], dump_all(manifests))


def _file_of(path: str) -> str:
    pool, name = agent_of(path)
    return f"{pool}/{name}.yaml"
