#!/usr/bin/env bash
# What a pull request would change: checks every agent, renders every environment, and compares with the base branch.
# usage: bash ci/preview.sh [BASE]     BASE: a branch or commit; with none the branch that this one will be merged into
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
. ci/history.sh

step() { printf '\n== %s\n' "$*"; }

whole_history
fetch_target
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
planned=0
# Lines of prompts stand in the plan: GitHub takes no commands from them, until it reads a word that nobody knew before.
word=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
[ -z "${GITHUB_ACTIONS:-}" ] || echo "::stop-commands::$word"
roster plan --base "$base" || planned=$?
[ -z "${GITHUB_ACTIONS:-}" ] || echo "::$word::"
# The plan asks before many agents go: a pull request is only warned, as its reviewers are still to come; a commit that
# the merge queue made is the last chance, and needs the permission that one of them gave.
if [ $planned = 3 ] && [ "${GITHUB_EVENT_NAME:-}" = pull_request ]; then
  planned=0
  echo "::warning title=many removals::Many agents would be removed. The merge queue wants a reviewer's permission for that."
elif [ $planned = 3 ] && [ "${GITHUB_EVENT_NAME:-}" = merge_group ]; then
  if roster forge permission --output out/permission.json; then planned=0; fi
fi
[ $planned = 0 ] || exit $planned
echo "Report: out/plan/plan.md · every changed line: out/plan/plan.diff · manifests: out/ENVIRONMENT/"

step "the engine's own preview"
skipped() { echo "Skipped: $1. That is fine for a review: the plan above is made of the very objects it would apply."; }
if ! command -v pulumi >/dev/null; then
  skipped "no pulumi on PATH"
elif [ ! -s "${KUBECONFIG:-$HOME/.kube/config}" ]; then
  skipped "no cluster is configured (no kubeconfig)"
else
  roster preview --changed-since "$base"
fi
