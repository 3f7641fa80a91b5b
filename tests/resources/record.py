"""Runs the Pulumi program as Pulumi's own launcher does, against the SDK's mock monitor, and writes what it asked for.

usage: python record.py TOP OUTPUT [--fail LOGICAL_NAME] [--preview] [--last FILE] STACK...

FILE holds what the engine remembers, as JSON: stack → URN → {type, outputs}; a stack that it lacks was never applied.

OUTPUT gets a line of JSON for each request, at once, as the program may end the process: `{stack, resource}` in the
order of arrival, `{stack, outputs, urn}`, and `{stack, seconds}` when the program came to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextvars
import json
import logging
import runpy
import threading
import time
from pathlib import Path
from typing import Any, TextIO

STARTED = time.perf_counter()

from google.protobuf import json_format  # noqa: E402
from pulumi.runtime import configure, mocks, run_in_stack  # noqa: E402
from pulumi.runtime.proto import resource_pb2  # noqa: E402

IMPORTED = time.perf_counter()


# What providers add to their inputs: the digest of what was pushed, and what a program printed.
MADE = {
    "docker-build:index:Image": {"digest": "sha256:" + "ab" * 32},
    "command:local:Command": {"stdout": "sha256:" + "ab" * 32 + "\n"},
}


class Echo(mocks.Mocks):
    """Answers as a cluster that takes everything, and as an engine that remembers `last`."""

    def __init__(self, last: dict[str, Any]) -> None:
        self.last = last

    def call(self, args: mocks.MockCallArgs) -> Any:
        assert args.token == "pulumi:pulumi:readStackResourceOutputs", args.token
        return {"outputs": self.last.get(args.args["stackName"], {})}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return f"id-of-{args.name}", {**args.inputs, **MADE.get(args.typ, {})}


class Recorder(mocks.MockMonitor):
    """The SDK's mock monitor, which also writes down every request."""

    def __init__(self, stack: str, output: TextIO, fail: str, last: dict[str, Any]) -> None:
        super().__init__(Echo(last))
        self.stack = stack
        self.output = output
        self.fail = fail
        self.lock = threading.Lock()
        self.first_seconds = 0.0

    def write(self, **record: Any) -> None:
        print(json.dumps({"stack": self.stack, **record}), file=self.output, flush=True)

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        with self.lock:
            if request.custom and not self.first_seconds:
                self.first_seconds = time.perf_counter() - IMPORTED
            answer = super().RegisterResource(request)
            self.write(resource={"urn": answer.urn, **_plain(request)})
        if request.name == self.fail:
            return resource_pb2.RegisterResourceResponse(urn=answer.urn, id=answer.id, result=resource_pb2.Result.FAIL)
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        with self.lock:
            self.write(urn=request.urn, outputs=json_format.MessageToDict(request.outputs))
        return super().RegisterResourceOutputs(request)


def _plain(request: Any) -> dict[str, Any]:
    """The request as JSON, without the places in the source that it comes from."""
    message = json_format.MessageToDict(request, preserving_proto_field_name=True)
    for place in ("sourcePosition", "stackTrace"):
        message.pop(place, None)
    message["dependencies"] = sorted(message.get("dependencies", []))
    return message


def run(top: Path, stack: str, output: TextIO, fail: str, preview: bool, last: dict[str, Any]) -> None:
    """One run of the program."""
    monitor = Recorder(stack, output, fail, last)
    settings = mocks.MockSettings(
        monitor=monitor,
        monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
        engine=mocks.MockEngine(logging.getLogger("engine")),
        project="roster",
        stack=stack,
        dry_run=preview,
        organization="organization",
        callbacks=None,
    )
    configure(settings)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(run_in_stack(lambda: runpy.run_path(str(top / "stacks"), run_name="__main__")))
    finally:
        loop.close()
    monitor.write(seconds={"import": IMPORTED - STARTED, "first": monitor.first_seconds})


if __name__ == "__main__":
    # What the program tells the engine, information too.
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    ask = argparse.ArgumentParser()
    ask.add_argument("top", type=Path)
    ask.add_argument("output", type=Path)
    ask.add_argument("--fail", default="")
    ask.add_argument("--preview", action="store_true")
    ask.add_argument("--last", type=Path)
    ask.add_argument("stacks", nargs="+")
    args = ask.parse_args()
    remembered = json.loads(args.last.read_text("utf-8")) if args.last else {}
    with args.output.open("w", encoding="utf-8") as lines:
        for one in args.stacks:
            # In a context of its own: the SDK keeps the root resource and its settings in context variables.
            contextvars.copy_context().run(run, args.top, one, lines, args.fail, args.preview, remembered)
