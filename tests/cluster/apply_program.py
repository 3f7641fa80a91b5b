"""Runs the Pulumi program against the SDK's mock monitor, and applies what it registers to a cluster.

usage: python apply_program.py TOP OUTPUT [options] STACK...

As the engine and its provider would with server-side apply: a resource is applied when the program asks for it, which
it does after what the resource depends on is ready; up to 16 at once; the first that fails ends the run, or with
`--continue-on-error` what depends on it is left out. With `--stop-after KIND` the process stops itself, as by SIGSTOP,
as soon as the first object of this kind is applied. Unlike them it keeps no state and deletes nothing. The cluster is
the context that the program's provider names, in the kubeconfig that KUBECONFIG names.

OUTPUT gets a line of JSON for each event at once: `{stack, applied, urn}`, `{stack, failed, urn, object}`,
`{stack, urn, type, outputs}`, and `{stack, finished}` when the program came to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import hashlib
import json
import logging
import os
import runpy
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn, TextIO

from google.protobuf import json_format
from pulumi.runtime import configure, mocks, rpc, run_in_stack
from pulumi.runtime.proto import resource_pb2

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS.parent), str(TESTS / "cluster")]

from api import Api, ApiError, Manifest  # noqa: E402
from readiness import wait_ready  # noqa: E402

from components.resources.order import describe  # noqa: E402

PARALLEL = 16
UNKNOWN = rpc.UNKNOWN
LAST_OUTPUTS = "pulumi:pulumi:readStackResourceOutputs"
# The provider tries again, five times and ever later, what is not there yet: a namespace, the kind itself.
NOT_FOUND_PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)


class Applying(mocks.Mocks):
    """Answers as a provider that applies. `previous`: what stacks' last outputs were, by URN."""

    def __init__(self, previous: dict[str, Any], wait_seconds: float, request_seconds: float) -> None:
        self.previous = previous
        self.wait_seconds = wait_seconds
        self.request_seconds = request_seconds
        self.api: Api | None = None

    def call(self, args: mocks.MockCallArgs) -> Any:
        if args.token != LAST_OUTPUTS:
            raise AssertionError(f"the program asks for {args.token}")
        stack = args.args["stackName"]
        return {
            "outputs": {urn: said for urn, said in self.previous.items() if urn.startswith(f"urn:pulumi:{stack}::")}
        }

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ == "pulumi:providers:kubernetes":
            self.api = Api.of_kubeconfig(Path(os.environ["KUBECONFIG"]), args.inputs["context"], self.request_seconds)
        elif args.typ.startswith("kubernetes:"):
            assert self.api, f"{args.name} comes before its provider"
            return args.name, self.apply(self.api, args.name, args.inputs)
        return args.name, args.inputs

    def apply(self, api: Api, name: str, manifest: Manifest) -> Manifest:
        """Applies the object and waits for it; returns it as it then is, without what only servers write there."""
        manager = _manager(name)
        for pause in (*NOT_FOUND_PAUSES, None):
            try:
                applied = api.apply(manifest, manager)
                break
            except ApiError as error:
                if error.status != 404 or pause is None:
                    raise
                threading.Event().wait(pause)
        _provision(api, manifest)
        wait_ready(api, manifest, self.wait_seconds)
        applied["metadata"].pop("managedFields", None)
        return applied


class Monitor(mocks.MockMonitor):
    """The SDK's mock monitor, which writes down what becomes of each resource."""

    def __init__(self, stack: str, output: TextIO, applying: Applying, asked: argparse.Namespace) -> None:
        super().__init__(applying)
        self.stack = stack
        self.output = output
        self.continue_on_error = asked.continue_on_error
        self.stop_after = asked.stop_after
        self.types: dict[str, str] = {}
        self.changed = threading.Condition()
        self.left_out: set[str] = set()
        self.busy = 0
        self.failed = 0

    def write(self, **record: Any) -> None:
        with self.changed:
            print(json.dumps({"stack": self.stack, **record}), file=self.output, flush=True)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        with self.changed:
            while self.failed and not self.continue_on_error:
                self.changed.wait()
            self.busy += 1
        urn = self.make_urn(request.parent, request.type, request.name)
        self.types[urn] = request.type
        try:
            if self.left_out.intersection(request.dependencies):
                # The engine, not the SDK, leaves out what hangs on something that failed.
                return self.leave_out(urn)
            answer = super().RegisterResource(request)
            if not request.custom:
                # In the state from here on, with outputs once the program says them.
                self.write(urn=urn, type=request.type, outputs={})
            elif request.type.startswith("kubernetes:"):
                self.write(applied=json_format.MessageToDict(request.object), urn=urn)
                if request.type.endswith(f":{self.stop_after}"):
                    self.stop_after = None
                    os.kill(os.getpid(), signal.SIGSTOP)
            return answer
        except (ApiError, TimeoutError, LookupError) as error:
            return self.fail(urn, json_format.MessageToDict(request.object), error)
        finally:
            with self.changed:
                self.busy -= 1
                self.changed.notify_all()

    def fail(self, urn: str, manifest: Manifest, error: Exception) -> Any:
        named = f"{describe(manifest)}: " if "kind" in manifest else ""
        self.write(failed=f"{named}{error}", urn=urn, object=manifest)
        print(f"error: {named}{error}", file=sys.stderr, flush=True)
        with self.changed:
            self.failed += 1
            if not self.continue_on_error:
                # The engine starts nothing more, lets end what is under way, and never answers the program again.
                self.changed.notify_all()
                self.changed.wait_for(lambda: self.busy <= self.failed)
                end(1)
        return self.leave_out(urn)

    def leave_out(self, urn: str) -> Any:
        self.left_out.add(urn)
        return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        outputs = json_format.MessageToDict(request.outputs)
        # What hangs on an object that failed is unknown, and is not kept.
        outputs = {key: value for key, value in outputs.items() if UNKNOWN not in json.dumps(value)}
        self.write(urn=request.urn, type=self.types.get(request.urn, ""), outputs=outputs)
        return super().RegisterResourceOutputs(request)


def end(code: int) -> NoReturn:
    """Ends the process without a word about the SDK's threads and their loops."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _manager(name: str) -> str:
    """The provider draws the end by lot and keeps it in its state; here it is the same at each run."""
    return f"pulumi-kubernetes-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _provision(api: Api, manifest: Manifest) -> None:
    """A disk for a new claim, which a storage driver would make."""
    if manifest["kind"] != "PersistentVolumeClaim":
        return
    meta, spec = manifest["metadata"], manifest["spec"]
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{meta['namespace']}-{meta['name']}"},
        "spec": {
            "capacity": spec["resources"]["requests"],
            "accessModes": spec["accessModes"],
            "storageClassName": spec.get("storageClassName", ""),
            "hostPath": {"path": "/disk"},
            "claimRef": {"namespace": meta["namespace"], "name": meta["name"]},
        },
    }
    api.apply(volume, "storage-driver")


def run(args: argparse.Namespace, stack: str, output: TextIO) -> None:
    """One run of the program."""
    previous = json.loads(args.previous.read_text("utf-8")) if args.previous else {}
    applying = Applying(previous, args.wait_seconds, args.request_seconds)
    monitor = Monitor(stack, output, applying, args)
    settings = mocks.MockSettings(
        monitor=monitor,
        monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
        engine=mocks.MockEngine(logging.getLogger("engine")),
        project="roster",
        stack=stack,
        dry_run=False,
        organization="organization",
        callbacks=None,
    )
    configure(settings)
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(PARALLEL))
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run_in_stack(lambda: runpy.run_path(str(args.top / "stacks"), run_name="__main__")))
    finally:
        loop.close()
    monitor.write(finished=True)
    if monitor.failed:
        end(1)


if __name__ == "__main__":
    ask = argparse.ArgumentParser()
    ask.add_argument("top", type=Path)
    ask.add_argument("output", type=Path)
    ask.add_argument("--previous", type=Path)
    ask.add_argument("--wait-seconds", type=float, default=120)
    ask.add_argument("--request-seconds", type=float, default=30)
    ask.add_argument("--continue-on-error", action="store_true")
    ask.add_argument("--stop-after")
    ask.add_argument("stacks", nargs="+")
    asked = ask.parse_args()
    # The engine gives up waiting and says what it has done; here every line says that at once.
    signal.signal(signal.SIGINT, lambda *_: end(130))
    with asked.output.open("w", encoding="utf-8") as lines:
        for one in asked.stacks:
            # In a context of its own: the SDK keeps the root resource and its settings in context variables.
            contextvars.copy_context().run(run, asked, one, lines)
    end(0)
