"""A policy pack whose files are the examples of the rules: the real policies, in a process as the engine starts it.

A resource's component is `RULE.KIND.NUMBER`, as `policies/rules/` has the example.
"""

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from pulumi_policy import PolicyPack

from policies.judge import Policies
from policies.pack.each_policy import each_policy
from policies.pack.judged import PackJudge
from policies.pack.repository import Part, Repository, judged_part
from policies.waivers import Waivers

TODAY = "2026-11-21"


class Examples(Repository):
    """Each example is a part of its own: the files say its objects where a rule looks at all of them together."""

    @property
    def waivers(self) -> Waivers:
        """None."""
        return Waivers({}, TODAY)

    def part_of(self, urn: str) -> Part:
        """The example that the URN names."""
        rule, kind, number = urn.rpartition("::")[2].partition("/")[0].split(".")
        module = importlib.import_module(f"policies.rules.{rule.replace('-', '_')}")
        example = getattr(module, kind)[int(number)]
        if module.RULE.together is None:
            return Part(example.subject(), {}, {}, owned=False)
        return judged_part(list(example.manifests), example.subject(), Policies({}, TODAY))


if __name__ == "__main__":
    PolicyPack("examples", list(each_policy(PackJudge(Examples(Path("/"), TODAY)))))
