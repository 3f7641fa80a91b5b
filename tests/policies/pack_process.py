"""The policy pack's own process, started and asked as the engine does it: over gRPC."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi.runtime.proto.analyzer_pb2 import ADVISORY, MANDATORY

from components.specs import Manifest

REPOSITORY = Path(__file__).parents[2]
# How the wire says that a text is not known in a preview (pulumi_policy/proxy.py).
NOT_KNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
LEVELS = {MANDATORY: "error", ADVISORY: "warning"}


@dataclass(frozen=True)
class Said:
    """One finding of the pack about one object."""

    policy: str
    level: str
    words: str


class Pack:
    """A pack that runs."""

    def __init__(self, stub: Any) -> None:
        self.stub = stub

    def policies(self) -> dict[str, Any]:
        """What it says it holds, by name."""
        return {one.name: one for one in self.stub.GetAnalyzerInfo(empty_pb2.Empty()).policies}

    def ask(self, stack: str, manifest: Manifest, component: str = "", kind: str = "Agent") -> list[Said]:
        """What it says of an object that is registered in a stack, by a component of Roster or by none."""
        found = self._analyze(stack, manifest, component, kind).diagnostics
        # The words are the policy's description, and behind it, on a line of its own, what is wrong.
        return [
            Said(one.policyName, LEVELS[one.enforcementLevel], one.message.removeprefix(f"{one.description}\n"))
            for one in found
        ]

    def passed_over(self, stack: str, manifest: Manifest, component: str) -> list[str]:
        """The policies that were not asked about an agent's object."""
        return [one.policy_name for one in self._analyze(stack, manifest, component, "Agent").not_applicable]

    def _analyze(self, stack: str, manifest: Manifest, component: str, kind: str) -> Any:
        token = type_token(manifest)
        parents = f"roster:index:{kind}$" if component else ""
        name = f"{component or 'foreign'}/{token.rpartition(':')[2].lower()}"
        props = struct_pb2.Struct()
        json_format.ParseDict(manifest, props)
        request = analyzer_pb2.AnalyzeRequest(
            type=token, name=name, urn=f"urn:pulumi:{stack}::roster::{parents}{token}::{name}", properties=props
        )
        return self.stub.Analyze(request, timeout=30)


def type_token(manifest: Manifest) -> str:
    """Pulumi's type of an object."""
    version = manifest.get("apiVersion", "v1")
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{manifest.get('kind', 'None')}"


@contextmanager
def running(program: Path) -> Iterator[Pack]:
    """The pack whose program is in that folder, as `policies/` of a repository is."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:0", str(program)]
    # Pulumi's language host gives the program no other path than its own folder.
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    with subprocess.Popen(command, cwd=program.parent, env=clean, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            assert port.isdigit(), f"the pack did not start: {port} {process.stdout.read()}"
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Pack(analyzer_pb2_grpc.AnalyzerStub(channel))
        finally:
            process.kill()


def copy_pack(top: Path) -> None:
    """What the pack needs beside `agents/`: its own code and the library's."""
    ignored = shutil.ignore_patterns("__pycache__", "*.json.gz", "images")
    for folder in ("policies", "components"):
        shutil.copytree(REPOSITORY / folder, top / folder, ignore=ignored, dirs_exist_ok=True)
