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
  step "tests"
  # What takes minutes of a core to build has its turn once a week: ci/kyverno_test.sh, ci/monitoring_test.sh.
  weekly=(tests/images/test_kyverno.py tests/monitoring/test_{captures_of_programs,log_alerts,log_collector}.py)
  python -m pytest --numprocesses auto --dist worksteal --ignore tests/cluster "${weekly[@]/#/--ignore=}"
  # By itself: there is one API server, and what its tests wait for is not to be slowed down by others.
  step "tests on a real API server"
  python -m pytest tests/cluster
fi
