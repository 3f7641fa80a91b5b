"""Writes the lock of the eliza runtime anew: every npm package that the catalog names, with all that they need.

`bash ci/lock.sh` runs it. Needs npm and its registry; no code of any package is run.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ci.atomic_files import write_file
from components.definition.findings import InvalidInput
from components.definition.load_catalog import Catalog, load_catalog
from components.definition.runtime import Runtime
from components.definition.tree import AGENTS, WorkTree
from components.resolve.eliza import RUNNERS
from components.resolve.npm_lock import lock_text, package_json, without_addresses

LOCK = "components/images/eliza/package-lock.json"
_OPTIONS = ("--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved", "--no-audit", "--no-fund")


class LockError(Exception):
    """The lock cannot be written; the message says why."""


def catalog_packages(catalog: Catalog) -> dict[str, str]:
    """npm package → exact version: what the catalog's elizaOS runtimes, providers, channels and plugins name.

    Empty without an elizaOS runtime. Raises LockError when a package is named in two versions.
    """
    runtimes: dict[str, Runtime] = catalog.entries["runtimes"]
    versions = {(one.build_args or {}).get("ELIZA_VERSION", "") for one in runtimes.values() if one.eliza}
    named = [(package, version) for version in versions for package in RUNNERS]
    for version in versions:
        named += [(one.package, one.version or version) for one in catalog.entries["plugins"].values() if one.package]
        for kind in ("providers", "channels"):
            entries = [one for one in catalog.entries[kind].values() if one.plugin]
            named += [(one.plugin, one.plugin_version or version) for one in entries]
    packages: dict[str, str] = {}
    for package, version in named:
        if not version:
            raise LockError(f"the catalog says no version of {package}: set it, or ELIZA_VERSION in the runtime")
        if packages.setdefault(package, version) != version:
            raise LockError(f"the catalog names {package} in two versions, {packages[package]} and {version}: keep one")
    return packages


def locked(packages: dict[str, str]) -> str:
    """The text of a lock for `packages`, as npm resolves it today. Raises LockError."""
    if shutil.which("npm") is None:
        raise LockError("npm is not on PATH; it comes with Node.js")
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        (top / "package.json").write_text(json.dumps(package_json("eliza", packages)))
        done = subprocess.run(["npm", "install", *_OPTIONS], cwd=top, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LockError("\n".join(_said(done.stderr)))
        lock = without_addresses(json.loads((top / "package-lock.json").read_text()))
    text = lock_text(lock)
    if "://" in text:
        raise LockError("the lock would name an address; see which field of package-lock.json does")
    return text


def _catalog(top: Path) -> Catalog:
    """The catalog by itself: that the lock does not fit it yet is no reason to refuse it here."""
    tree = WorkTree(top)
    catalog, findings = load_catalog(tree, tree.files(AGENTS))
    if catalog is None:
        raise InvalidInput(findings)
    return catalog


def _said(stderr: str) -> list[str]:
    """What npm says is wrong, without its prefix and its own log's place."""
    told = [line.removeprefix("npm error ") for line in stderr.splitlines() if line.startswith("npm error ")]
    kept = [line for line in told if line.strip() and not re.match(r"code |A complete log", line)]
    return kept or [stderr.strip() or "npm failed and said nothing"]


def main() -> int:
    """Writes the lock of the repository in the working folder; 1 when it cannot."""
    top = Path.cwd()
    try:
        packages = catalog_packages(_catalog(top))
        text = locked(packages)
    except (InvalidInput, LockError) as error:
        print(f"{LOCK} was left as it was: {error}", file=sys.stderr)
        return 1
    write_file(top / LOCK, text.encode())
    print(f"{LOCK}: {len(packages)} packages of the catalog, {text.count('integrity')} in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
