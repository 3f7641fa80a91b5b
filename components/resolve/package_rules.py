"""npm packages that the catalog names must be in the lock that images are built from."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.findings import Finding
from components.definition.load_catalog import Catalog
from components.resolve.eliza import RUNNERS
from components.resolve.npm_lock import missing

# Kind of entry → its fields with the package and the version.
_NAMED = {
    "plugins": ("package", "version"),
    "providers": ("plugin", "plugin_version"),
    "channels": ("plugin", "plugin_version"),
}


def package_findings(catalog: Catalog) -> Iterator[Finding]:
    """Packages and versions that the lock of a runtime does not have."""
    for runtime_name, runtime in catalog.entries["runtimes"].items():
        lock = catalog.locks.get(runtime.build or "")
        if not runtime.eliza or lock is None:
            continue
        version = (runtime.build_args or {}).get("ELIZA_VERSION", "")
        for one in missing(lock, dict.fromkeys(RUNNERS, version)):
            path = (runtime_name, "build_args", "ELIZA_VERSION")
            yield catalog.documents["runtimes"].finding(path, "package-not-locked", str(one))
        for kind, (package_field, version_field) in _NAMED.items():
            for name, entry in catalog.entries[kind].items():
                package = getattr(entry, package_field)
                wanted = getattr(entry, version_field)
                document = catalog.documents[kind]
                place = (name, version_field if wanted else package_field)
                for one in missing(lock, {package: wanted or version}) if package else ():
                    yield document.finding(place, "package-not-locked", str(one))
