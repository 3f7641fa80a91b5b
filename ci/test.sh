#!/usr/bin/env bash
# Every check and every test.   usage: bash ci/test.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh

step() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }

step "format and lint"
ruff format --check --quiet .
ruff check --quiet .
step "types"
mypy
(cd components/images/fastapi && mypy --strict --cache-dir ../../../.mypy_cache/runtime --python-executable "$(bash ../../../ci/runtime_venv.sh)" --package agent)
step "import contracts"
lint-imports
step "tools of the tests"
bash ci/test_tools.sh
step "workflows"
bash ci/workflow_lint.sh
if [ $# -gt 0 ]; then
  step "tests"
  python -m pytest --numprocesses auto --dist worksteal "$@"
else
  # What takes minutes of a core to build has its turn once a week: ci/kyverno_test.sh, ci/monitoring_test.sh.
  apart=(tests/cluster tests/images/test_kyverno.py tests/monitoring/test_{captures_of_programs,log_alerts,log_collector}.py)
  # Tests on the API server mostly wait for it. They run beside the others, which use all cores and make room for them.
  step "tests"
  log=$(mktemp)
  env --default-signal=INT python -m pytest tests/cluster >"$log" 2>&1 &
  waiting=$!
  trap 'kill "$waiting" 2>/dev/null || true; rm -f "$log"' EXIT
  status=0
  nice python -m pytest --numprocesses auto --dist worksteal "${apart[@]/#/--ignore=}" || status=$?
  step "tests on a real API server"
  tail --pid="$waiting" --lines=+1 --follow "$log"
  wait "$waiting" || status=$?
  exit "$status"
fi
