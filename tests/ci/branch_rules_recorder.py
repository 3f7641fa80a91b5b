"""Runs the program of `ci/branch_rules` against the SDK's mocks, and prints what it registers, as JSON.

usage: python branch_rules_recorder.py FOLDER      with PULUMI_CONFIG set
"""

from __future__ import annotations

import asyncio
import json
import logging
import runpy
import sys
from typing import Any

from pulumi.runtime import configure, mocks, run_in_stack

TEAMS = {"release": "11", "security": "12"}
registered: list[dict[str, Any]] = []


class Forge(mocks.Mocks):
    """Answers as GitHub."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        assert args.token == "github:index/getTeam:getTeam", args.token
        return {"id": TEAMS[args.args["slug"]], "slug": args.args["slug"]}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        registered.append({"type": args.typ.rsplit(":", 1)[-1], "name": args.name, "inputs": args.inputs})
        return f"id-of-{args.name}", args.inputs


monitor = mocks.MockMonitor(Forge())
configure(
    mocks.MockSettings(
        monitor=monitor,
        monitor_features=set(monitor.GetDeploymentInfo(None).supportedFeatures),
        engine=mocks.MockEngine(logging.getLogger("engine")),
        project="roster-branch-rules",
        stack="github",
        dry_run=False,
        organization="organization",
        callbacks=None,
    )
)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(run_in_stack(lambda: runpy.run_path(sys.argv[1], run_name="__main__")))
loop.close()
json.dump(registered, sys.stdout)
