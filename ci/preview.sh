#!/usr/bin/env bash
# What a pull request would change: checks every agent, renders every environment, and compares with the base branch.
# usage: bash ci/preview.sh [BASE]     BASE: a branch or commit; with none the branch that this one will be merged into
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh

step() { printf '\n== %s\n' "$*"; }

base_of_branch() {
  local name
  for name in "${1:-}" "${GITHUB_BASE_REF:+origin/$GITHUB_BASE_REF}" origin/main main; do
    if [ -n "$name" ] && git rev-parse --verify --quiet "$name^{commit}" >/dev/null; then
      echo "$name"
      return
    fi
  done
  echo HEAD
}

base=$(base_of_branch "${1:-}")
if [ $# = 0 ] && [ -z "$(git status --porcelain -- agents components policies)" ] &&
  [ "$(git merge-base "$base" HEAD 2>/dev/null)" = "$(git rev-parse HEAD)" ] && git rev-parse --verify --quiet HEAD~1 >/dev/null; then
  echo "This is $base itself, so the plan shows what its last commit changed."
  base=HEAD~1
fi

step "check"
if [ -n "${GITHUB_ACTIONS:-}" ]; then roster check --format github; else roster check; fi

step "render"
roster render

step "plan against $base"
roster plan --base "$base"
echo "Report: out/plan/plan.md · every changed line: out/plan/plan.diff · manifests: out/ENVIRONMENT/"

step "the engine's own preview"
bash ci/engine_preview.sh
