#!/usr/bin/env bash
# Has other scanners judge what is rendered, built and run. Findings stand on the lines at fault, and in out/scan/.
# usage: bash ci/scan.sh [BASE]     what differs from BASE, a branch or commit; with none from the branch to be merged into
#        bash ci/scan.sh --all      everything, as every night
set -euo pipefail
cd "$(dirname "$0")/.."
. ci/environment.sh
. ci/history.sh

if [ "${1:-}" = --all ]; then
  what=(--all)
else
  whole_history
  fetch_target
  what=(--base "$(base_of_branch "${1:-}")")
fi
# Two more opinions where they can be had; Checkov is always asked.
for tool in kube-score kubeconform; do
  if built=$(bash ci/go_tools.sh --built $tool 2>/dev/null) || { command -v go >/dev/null && built=$(bash ci/go_tools.sh $tool); }; then
    PATH=$(dirname "$built"):$PATH
  fi
done
format=text
[ -z "${GITHUB_ACTIONS:-}" ] || format=github
mkdir -p out/scan
found=0
roster scan "${what[@]}" --format $format --sarif out/scan/findings.sarif || found=$?
exit $found
