"""How fast rendered objects are held against Kubernetes' schemas, by Roster's own checker in one process.

usage: python -m bench.schema_rate RENDERED SCHEMAS    prints {"objects": …, "seconds": …} as JSON, and writes into
       SCHEMAS the very schemas that were used, named as `kubeconform -schema-location` wants them
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import yaml

from policies.schemas import SchemaChecker


def write_schemas(kinds: set[tuple[str, str]], folder: Path) -> None:
    """One JSON schema a kind: `deployment-apps-v1.json`, `service-v1.json`, `httproute-gateway-v1.json`."""
    folder.mkdir(exist_ok=True)
    checker = SchemaChecker()
    for api_version, kind in kinds:
        group, _, version = api_version.rpartition("/")
        name = "-".join(filter(None, (kind.lower(), group.split(".")[0], version)))
        (folder / f"{name}.json").write_text(json.dumps(checker.document(api_version, kind)), "utf-8")


def main() -> None:
    """The command line. Exit 1 when an object is refused."""
    manifests = [
        manifest
        for path in sorted(Path(sys.argv[1]).rglob("*.yaml"))
        for manifest in yaml.load_all(path.read_text("utf-8"), yaml.CSafeLoader)
    ]
    write_schemas({(one["apiVersion"], one["kind"]) for one in manifests}, Path(sys.argv[2]))
    began = time.perf_counter()
    checker = SchemaChecker()  # with the schemas compiled anew
    refused = [error for manifest in manifests for error in checker.check(manifest)]
    seconds = time.perf_counter() - began
    print(json.dumps({"objects": len(manifests), "seconds": seconds}))
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
