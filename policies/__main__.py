"""The policy pack's program: Pulumi starts it beside the stack's (`pulumi preview --policy-pack policies`)."""

import datetime
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
# Pulumi runs this folder as a program; the library is that of this checkout, not an installed one.
sys.path.insert(0, str(TOP))

from pulumi_policy import PolicyPack  # noqa: E402

from policies.pack.each_policy import each_policy  # noqa: E402
from policies.pack.judged import PackJudge  # noqa: E402
from policies.pack.repository import Repository  # noqa: E402

if __name__ == "__main__":
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    PolicyPack("roster", list(each_policy(PackJudge(Repository(TOP, today)))))
