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
step "import contracts"
lint-imports
step "tools of the tests"
bash ci/test_tools.sh
step "tests"
python -m pytest --numprocesses auto --dist worksteal "$@"
