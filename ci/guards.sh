#!/usr/bin/env bash
# What makes code review the approval step: CODEOWNERS fits the catalog, and the pipelines apply what the catalog names.
set -uo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh || exit

status=0
roster codeowners --check ${GITHUB_ACTIONS:+--format github} || status=1
python -m ci.workflow_environments || status=1
exit $status
