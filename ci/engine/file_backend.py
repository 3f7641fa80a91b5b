"""What a file backend needs of Roster: room on its disk, and mending after a kill.

Beside each file the backend keeps `FILE.attrs`, and writes it in place: a process that is killed just then leaves it
empty, and Pulumi cannot read a state that is whole (seen: "failed to load checkpoint: EOF"). Nothing depends on these.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FOLDERS = ("stacks", "locks")
# A state of 100 agents is 4 MB; each run adds it twice, to the backups and to the history, and several run at once.
ROOM_BYTES = 100 * 1024**2


def lack_of_room(url: str) -> str:
    """Why no run may write there; empty when it may. Pulumi itself finds out half way, and leaves a state cut off."""
    folder = _folder(url)
    try:
        free = shutil.disk_usage(folder).free if folder else ROOM_BYTES
    except OSError:
        return ""
    if free >= ROOM_BYTES:
        return ""
    return (
        f"The disk of {url} has {free // 1024**2} MiB left; {ROOM_BYTES // 1024**2} are wanted before an up. "
        "Nothing was touched. Make room (old files in .pulumi/backups and .pulumi/history may go) and run again."
    )


def mend(url: str) -> list[Path]:
    """Removes attribute files that hold no JSON, below a `file://` URL; returns them. Nothing of other backends."""
    removed = []
    for path in _attributes(url):
        with contextlib.suppress(OSError):
            if _broken(path):
                path.unlink()
                removed.append(path)
    return removed


def _folder(url: str) -> Path | None:
    if not url.startswith("file://"):
        return None
    parts = urlsplit(url)
    return Path(unquote(parts.netloc + parts.path)).expanduser()


def _attributes(url: str) -> list[Path]:
    top = _folder(url)
    if top is None:
        return []
    return [path for folder in _FOLDERS for path in sorted((top / ".pulumi" / folder).rglob("*.attrs"))]


def _broken(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return True
    return False
