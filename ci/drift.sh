#!/usr/bin/env bash
# What in the clusters differs from what was applied last; on a forge one issue says so: opened, brought up to date, closed.
# usage: bash ci/drift.sh      exit 0: it was looked at, drift or not; otherwise that of `roster drift`
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh

rm -rf out/drift
found=0
python -m ci.cloud_access roster drift --report out/drift || found=$?
# 1 is also what a catalog that is not sound ends with, and then nothing was looked at.
if [ $found -gt 1 ] || [ ! -f out/drift/drift.md ]; then exit "$found"; fi
bash ci/summary.sh out/drift/drift.md
[ -n "${GITHUB_TOKEN:-}" ] || exit 0
if [ $found = 1 ]; then
  roster forge issue --state open --title "Clusters differ from what was applied" --body out/drift/drift.md
else
  roster forge issue --state closed
fi
