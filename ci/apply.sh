#!/usr/bin/env bash
# Applies what is merged to one environment: every commit since what was last applied there, not just the last one.
# usage: bash ci/apply.sh ENVIRONMENT [--first-only]      with it only kill switches and rollbacks
#
# On GitHub it fetches what reviewers saw (digests of the objects) and allowed (many removals) before it begins.
# The exit codes are those of `roster up`; 2 also for a commit that is not on the branch (ROSTER_MAIN, main with none).
set -euo pipefail
cd "$(dirname "$0")/.."
environment=${1:?which environment? usage: bash ci/apply.sh ENVIRONMENT [--first-only]}
case ${2:-} in
"" | --first-only) first=${2:-} ;;
*) echo "usage: bash ci/apply.sh ENVIRONMENT [--first-only]" >&2; exit 2 ;;
esac
. ci/environment.sh
. ci/history.sh

branch=${ROSTER_MAIN:-main}
whole_history
fetch_branch "$branch"
main=origin/$branch
git rev-parse --verify --quiet "$main^{commit}" >/dev/null || main=$branch

turn=0
since=out/up/since
rm -f $since
python -m ci.cloud_access python -m ci.turn "$environment" --main "$main" ${GITHUB_TOKEN:+--since $since} || turn=$?
case $turn in
0) ;;
10) exit 0 ;;
*) exit $turn ;;
esac

given=()
if [ -n "${GITHUB_TOKEN:-}" ]; then
  applied=$(cat $since)
  rm -rf out/reviewed out/permission.json
  # An agent that waited while others went on may be of an older commit than the newest that was applied.
  if roster forge reviewed --output out/reviewed --since HEAD~30 ${applied:+--since "$applied"}; then
    given+=(--reviewed out/reviewed/reviewed.json)
  else
    echo "What was reviewed is not known: environments that apply reviewed objects only will refuse what changed."
  fi
  # Only what was merged since counts: one permission is not one for what comes later.
  if roster forge permission --output out/permission.json --since "${applied:-HEAD~1}"; then
    given+=(--permission out/permission.json)
  else
    echo "No reviewer allowed that many agents go; that is needed only if many do."
  fi
fi

# In place of this shell, so that a cancelled job's signal reaches the engine, which then ends in order.
exec python -m ci.cloud_access roster up --environment "$environment" --report "out/up/$environment" \
  ${first:+"$first"} ${given[@]+"${given[@]}"}
