#!/usr/bin/env bash
# Every check and every test.   usage: bash ci/test.sh [pytest arguments]
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
# Programs in Go that end soon after they began: a fifth of their time is gone where memory is counted as scarce.
export GOGC=800
# Compiled once, and not by each of the thousand processes that the tests start.
unset PYTHONDONTWRITEBYTECODE

step() { printf '\n== %s (%s s)\n' "$*" "$SECONDS"; }

step "format, lint, import contracts"
ruff format --check --quiet .
ruff check --quiet .
lint-imports
step "tools of the tests"
bash ci/test_tools.sh
log=$(mktemp)
trap 'kill "${waiting:-}" 2>/dev/null || true; rm -f "$log"' EXIT
if [ $# = 0 ]; then
  # Tests on the API server mostly wait for it: they run beside all that follows.
  env --default-signal=INT python -m pytest tests/cluster >"$log" 2>&1 &
  waiting=$!
fi
step "types"
runtime=$(bash ci/runtime_venv.sh)
checked=${XDG_CACHE_HOME:-$HOME/.cache}/roster/mypy
(cd components/images/fastapi && mypy --strict --cache-dir "$checked/runtime" --python-executable "$runtime" --package agent) &
mypy --cache-dir "$checked/project"
wait $!
step "workflows"
bash ci/workflow_lint.sh
step "tests"
if [ $# -gt 0 ]; then
  python -m pytest --numprocesses auto --dist worksteal "$@"
  exit
fi
# What takes minutes of a core to build has its turn once a week: ci/{image_programs,kyverno,monitoring}_test.sh.
apart=(tests/cluster tests/images/test_{buildkit,kyverno,trivy}.py tests/monitoring/test_{captures_of_programs,log_alerts,log_collector}.py)
status=0
# A worker more than there are cores: tests wait for servers and clocks, too.
python -m pytest --numprocesses $(($(nproc) + 1)) --dist worksteal "${apart[@]/#/--ignore=}" || status=$?
step "tests on a real API server"
tail --pid="$waiting" --lines=+1 --follow "$log"
wait "$waiting" || status=$?
exit "$status"
