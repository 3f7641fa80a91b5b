#!/usr/bin/env bash
# Brings a pull request's comment up to date with the plan that its preview kept. For comment.yaml, which runs on main.
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
exec python -m ci.plan_comment "${GITHUB_EVENT_PATH:?only on GitHub}"
