#!/usr/bin/env bash
# Tells the authors what became of their changes: the CI's summary, and on a forge commit statuses and comments.
# usage: bash ci/tell.sh ENVIRONMENT      after ci/apply.sh, whether it succeeded or not
set -euo pipefail
cd "$(dirname "$0")/.."
environment=${1:?which environment? usage: bash ci/tell.sh ENVIRONMENT}
. ci/environment.sh

bash ci/summary.sh "out/up/$environment/report.md"
[ -n "${GITHUB_TOKEN:-}" ] || exit 0
report=out/up/$environment/report.json
if [ -f "$report" ]; then
  since=$(cat out/up/since 2>/dev/null || true)
  roster forge status --report "$report" ${since:+--since "$since"}
elif [ "${OUTCOME:-}" = failure ]; then
  roster forge status --environment "$environment" --state error --description "ended before anything was applied"
fi
